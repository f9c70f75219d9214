/* part.h - the usual part of a longer text in one pass, and the keys under which lua/smpp/text keeps parts. */
#ifndef SMPP_PART_H
#define SMPP_PART_H

#include "pdu.h"
#include "siphash.h"

struct smpp_usual_part {
  const uint8_t *octets; /* behind the header; borrowed from the PDU */
  size_t length;
  uint8_t reference, total, seq; /* 1 <= seq <= total */
  uint8_t data_coding;
};

/* Reads a PDU with a short_message whose header has an 8-bit reference and nothing else.  False: it is no part, or an unusual
 * one, which takes a closer look. */
bool smpp_part_of_pdu(const struct smpp_pdu *pdu, struct smpp_usual_part *out);

/* The keyed digests that smpp.text.reassembly has for the text that a usual part is of, and for its sender (|part| NULL).
 * |account|: what that writes for the account.  False: an address is not there, or all is too long. */
bool smpp_part_key(const struct smpp_pdu *pdu, const struct smpp_usual_part *part, const char *account, size_t account_length,
                   const uint8_t key[SMPP_SIPHASH_OCTETS], uint8_t out[SMPP_SIPHASH_OCTETS]);

#define SMPP_PART_TEXT_MAX 1000u

/* What a part of a text is known by when it comes again. */
struct smpp_part_content {
  const uint8_t *text; /* key of its text */
  size_t text_length;  /* at most SMPP_PART_TEXT_MAX */
  uint32_t seq, data_coding, locking, single;
  const uint8_t *octets; /* of long ones the length and both ends count */
  size_t length;
};

/* The keyed digest of that. */
void smpp_part_content_digest(const struct smpp_part_content *content, const uint8_t key[SMPP_SIPHASH_OCTETS], uint8_t out[SMPP_SIPHASH_OCTETS]);

#endif
