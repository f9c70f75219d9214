#include "receipt_pdu.h"

#include <string.h>

enum {
  UDHI = 0x40,
  MESSAGE_TYPE = 0x3C,
  RECEIPT_TYPE = 0x04, /* 3.4, 5.2.12 */
  LATIN1 = 3,
  BYTE_ORDER_MARK = 254, /* its least octet, of UCS-2 */
  ID_MAX = 64
};
enum { TAG_RECEIPTED_MESSAGE_ID = 0x001E, TAG_NETWORK_ERROR = 0x0423, TAG_MESSAGE_PAYLOAD = 0x0424, TAG_MESSAGE_STATE = 0x0427 };

static bool number_at(const struct smpp_pdu *pdu, unsigned field, uint32_t *out) {
  int position = smpp_param_position(pdu->command, field);
  if (position < 0 || position >= pdu->param_count) return false;
  *out = smpp_pdu_number(pdu, (unsigned)position);
  return true;
}

/* The id of the TLV, up to a NUL and without blanks behind it; a longer one is invalid. */
static void read_id(const struct smpp_tlv *tlv, struct smpp_receipt_field *id) {
  const uint8_t *nul = tlv->length > 0 ? memchr(tlv->octets, 0, tlv->length) : NULL;
  size_t length = nul != NULL ? (size_t)(nul - tlv->octets) : tlv->length;
  if (length > ID_MAX) return;
  while (length > 0 && tlv->octets[length - 1] == ' ') length--;
  if (length == 0) return;
  id->octets = tlv->octets;
  id->length = length;
}

/* The TLVs in one pass; the first of equal ones counts.  False: one is unusual. */
static bool read_tlvs(const struct smpp_pdu *pdu, struct smpp_usual_receipt *out, const struct smpp_message_state **state) {
  struct smpp_tlv tlv;
  uint32_t offset = pdu->tlv_offset;
  bool has_id = false, has_error = false;
  while (smpp_pdu_next_tlv(pdu, &offset, &tlv)) {
    if (tlv.tag == TAG_MESSAGE_PAYLOAD) return false;
    if (tlv.tag == TAG_RECEIPTED_MESSAGE_ID && !has_id) {
      has_id = true;
      read_id(&tlv, &out->id);
    } else if (tlv.tag == TAG_MESSAGE_STATE && *state == NULL) {
      *state = tlv.length == 1 ? smpp_state_by_number(tlv.octets[0]) : NULL;
      if (*state == NULL) return false;
    } else if (tlv.tag == TAG_NETWORK_ERROR && !has_error) {
      has_error = true;
      out->has_network_error = tlv.length == 3;
      if (tlv.length == 3) out->network_error = (uint16_t)(tlv.octets[1] << 8 | tlv.octets[2]);
    }
  }
  return true;
}

bool smpp_receipt_of_pdu(const struct smpp_pdu *pdu, struct smpp_usual_receipt *out) {
  struct smpp_receipt text;
  uint32_t esm_class, data_coding;
  memset(out, 0, sizeof *out);
  if (pdu->command == NULL || !number_at(pdu, SMPP_F_ESM_CLASS, &esm_class) || !number_at(pdu, SMPP_F_DATA_CODING, &data_coding)) return false;
  int position = smpp_param_position(pdu->command, SMPP_F_SHORT_MESSAGE);
  if (position < 0 || position >= pdu->param_count) return false;
  if ((esm_class & (UDHI | MESSAGE_TYPE)) != RECEIPT_TYPE || data_coding == LATIN1) return false;
  const uint8_t *octets = pdu->octets + pdu->params[position].offset;
  size_t length = pdu->params[position].length;
  if (length > 0 && (octets[0] == 0 || octets[0] >= BYTE_ORDER_MARK || (length > 1 && octets[1] == 0))) return false;

  const struct smpp_message_state *by_number = NULL;
  if (!read_tlvs(pdu, out, &by_number)) return false;
  smpp_receipt_scan(octets, length, &text);
  const struct smpp_receipt_field *stat = &text.field[SMPP_RECEIPT_STAT];
  if (out->id.octets == NULL) out->id = text.field[SMPP_RECEIPT_ID];
  if (text.field[SMPP_RECEIPT_ERR].octets != NULL) out->err = text.field[SMPP_RECEIPT_ERR];
  out->state = by_number;
  if (stat->length > 0 && (by_number == NULL || !by_number->final)) {
    const struct smpp_message_state *by_word = smpp_state_by_stat(stat->octets, stat->length);
    if (by_word == NULL && by_number == NULL) return false; /* a word of the peer's own */
    if (by_number == NULL || (by_word != NULL && (by_word->final || by_number->number == 0))) out->state = by_word;
  }
  return out->id.length > 0 && out->state != NULL;
}
