/* receipt_pdu.h - the usual receipt of a PDU in one pass: which message, its state, its error. */
#ifndef SMPP_RECEIPT_PDU_H
#define SMPP_RECEIPT_PDU_H

#include "pdu.h"
#include "receipt.h"

struct smpp_usual_receipt {
  struct smpp_receipt_field id, err; /* borrowed from the PDU; err: empty when there is none */
  const struct smpp_message_state *state;
  bool has_network_error; /* then it counts, and not err */
  uint16_t network_error;
};

/* Reads a final or other state from a deliver_sm whose text is octets that begin as ASCII does, without a header, and whose
 * words are those of the standard.  False: not a receipt, or one of an unusual form, for the complete parser. */
bool smpp_receipt_of_pdu(const struct smpp_pdu *pdu, struct smpp_usual_receipt *out);

#endif
