/* reply.h - the usual message of a subscriber in one look, and the submit_sm that answers it. */
#ifndef SMPP_REPLY_H
#define SMPP_REPLY_H

#include "pdu.h"

/* Parts of a PDU, borrowed from it. */
struct smpp_usual_message {
  const uint8_t *source; /* digits; at least one */
  size_t source_length;
  const uint8_t *destination; /* dest_addr_ton, dest_addr_npi, destination_addr as on the wire, without its NUL */
  size_t destination_length;
  const uint8_t *octets; /* short_message; at least one */
  size_t length;
  uint8_t source_ton;
  bool is_ucs2; /* else GSM 7-bit */
};

/* A deliver_sm with a whole text of data_coding 0 or 8, of a sender of digits: no receipt, header, payload, part or USSD, and no octets
 * that may be a byte order mark.  False: it takes a closer look. */
bool smpp_message_is_usual(const struct smpp_pdu *pdu, struct smpp_usual_message *out);

#define SMPP_REPLY_OCTETS_MAX 160u

/* The submit_sm with this text, at most SMPP_REPLY_OCTETS_MAX octets of |data_coding|, from where a deliver_sm was sent to, to its sender.
 * |message| borrows from both.  False: an address is not there. */
bool smpp_reply_to(const struct smpp_pdu *pdu, const uint8_t *octets, uint32_t length, uint32_t data_coding, struct smpp_message *message);

#endif
