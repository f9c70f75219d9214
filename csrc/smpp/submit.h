/* submit.h - what a message centre asks of most submit_sm: one look instead of one for each field. */
#ifndef SMPP_SUBMIT_H
#define SMPP_SUBMIT_H

#include "pdu.h"

struct smpp_submit_limits {
  uint32_t max_octets;       /* of short_message */
  uint32_t default_messages; /* highest valid sm_default_msg_id */
  bool digits;               /* destinations of TON 0 and 1 must be digits */
};

/* A submit_sm without a problem whose fields are all valid and that has no times and no message_payload; from version 5.0 no TLVs, either.
 * False: there is more to look at. */
bool smpp_submit_is_plain(const struct smpp_pdu *pdu, uint8_t version, const struct smpp_submit_limits *limits);

/* A submit_sm in store and forward mode without times, payload, replacement, intermediate notification and USSD: its text is
 * short_message, and it becomes ENROUTE at once. */
bool smpp_submit_is_usual(const struct smpp_pdu *pdu);

/* A number or the octets of a parameter by its field; 0, or NULL and no octets: the PDU has none. */
uint32_t smpp_submit_number(const struct smpp_pdu *pdu, unsigned field);
const uint8_t *smpp_submit_octets(const struct smpp_pdu *pdu, unsigned field, uint32_t *length);

#endif
