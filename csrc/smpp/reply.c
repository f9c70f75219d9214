#include "reply.h"

#include <string.h>

enum { DELIVER_SM = 5, SUBMIT_SM = 4, TYPE_OR_HEADER = 0x3C | 0x40, ALPHANUMERIC = 5, UCS2 = 8, FIRST_OF_MARK = 0xFE };
enum {
  TAG_SAR_MSG_REF_NUM = 0x020C,
  TAG_MESSAGE_PAYLOAD = 0x0424,
  TAG_USSD_SERVICE_OP = 0x0501
};

/* NULL: the PDU ends before it. */
static const struct smpp_span *span_of(const struct smpp_pdu *pdu, unsigned field) {
  int position = smpp_param_position(pdu->command, field);
  return position >= 0 && position < pdu->param_count ? &pdu->params[position] : NULL;
}

static uint8_t octet_of(const struct smpp_pdu *pdu, unsigned field) {
  const struct smpp_span *span = span_of(pdu, field);
  return span != NULL ? pdu->octets[span->offset] : 0;
}

static bool has_special_tlv(const struct smpp_pdu *pdu) {
  struct smpp_tlv tlv;
  return pdu->tlv_offset != pdu->tlv_end &&
         (smpp_pdu_find_tlv(pdu, TAG_SAR_MSG_REF_NUM, &tlv) || smpp_pdu_find_tlv(pdu, TAG_MESSAGE_PAYLOAD, &tlv) ||
          smpp_pdu_find_tlv(pdu, TAG_USSD_SERVICE_OP, &tlv));
}

static bool are_digits(const uint8_t *octets, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (octets[i] < '0' || octets[i] > '9') return false;
  }
  return length > 0;
}

bool smpp_message_is_usual(const struct smpp_pdu *pdu, struct smpp_usual_message *out) {
  if (pdu->id != DELIVER_SM || pdu->command == NULL || pdu->param_count < pdu->command->param_count || pdu->refuse != 0) return false;
  const struct smpp_span *source = span_of(pdu, SMPP_F_SOURCE_ADDR), *to = span_of(pdu, SMPP_F_DESTINATION_ADDR), *ton = span_of(pdu, SMPP_F_DEST_ADDR_TON);
  const struct smpp_span *text = span_of(pdu, SMPP_F_SHORT_MESSAGE), *service = span_of(pdu, SMPP_F_SERVICE_TYPE);
  if (source == NULL || to == NULL || ton == NULL || text == NULL || service == NULL) return false;
  uint8_t data_coding = octet_of(pdu, SMPP_F_DATA_CODING);
  out->source_ton = octet_of(pdu, SMPP_F_SOURCE_ADDR_TON);
  out->source = pdu->octets + source->offset;
  out->source_length = source->length;
  out->destination = pdu->octets + ton->offset;
  out->destination_length = (size_t)to->offset + to->length - ton->offset;
  out->octets = pdu->octets + text->offset;
  out->length = text->length;
  out->is_ucs2 = data_coding == UCS2;
  return (octet_of(pdu, SMPP_F_ESM_CLASS) & TYPE_OR_HEADER) == 0 && (data_coding == 0 || out->is_ucs2) && out->length > 0 &&
         out->source_ton != ALPHANUMERIC && are_digits(out->source, out->source_length) && !(out->is_ucs2 && out->octets[0] >= FIRST_OF_MARK) &&
         !(service->length == 4 && memcmp(pdu->octets + service->offset, "USSD", 4) == 0) && !has_special_tlv(pdu);
}

/* The parameter of |message|; NULL: it has none. */
static struct smpp_value *value_of(struct smpp_message *message, unsigned field) {
  int position = smpp_param_position(message->command, field);
  return position >= 0 ? &message->params[position] : NULL;
}

static bool set_octets(struct smpp_message *message, unsigned field, const uint8_t *octets, uint32_t length) {
  struct smpp_value *value = value_of(message, field);
  if (value == NULL) return false;
  value->is = SMPP_STRING;
  value->octets = octets;
  value->length = length;
  return true;
}

static bool set_number(struct smpp_message *message, unsigned field, uint32_t number) {
  struct smpp_value *value = value_of(message, field);
  if (value == NULL) return false;
  value->is = SMPP_NUMBER;
  value->number = number;
  return true;
}

static bool copy_octets(const struct smpp_pdu *pdu, unsigned from, struct smpp_message *message, unsigned to) {
  const struct smpp_span *span = span_of(pdu, from);
  return span != NULL && set_octets(message, to, pdu->octets + span->offset, span->length);
}

static bool copy_octet(const struct smpp_pdu *pdu, unsigned from, struct smpp_message *message, unsigned to) {
  const struct smpp_span *span = span_of(pdu, from);
  return span != NULL && set_number(message, to, pdu->octets[span->offset]);
}

bool smpp_reply_to(const struct smpp_pdu *pdu, const uint8_t *octets, uint32_t length, uint32_t data_coding, struct smpp_message *message) {
  memset(message, 0, sizeof *message);
  message->command = smpp_command_by_id(NULL, SUBMIT_SM);
  return pdu->command != NULL && message->command != NULL && copy_octets(pdu, SMPP_F_DESTINATION_ADDR, message, SMPP_F_SOURCE_ADDR) &&
         copy_octet(pdu, SMPP_F_DEST_ADDR_TON, message, SMPP_F_SOURCE_ADDR_TON) &&
         copy_octet(pdu, SMPP_F_DEST_ADDR_NPI, message, SMPP_F_SOURCE_ADDR_NPI) &&
         copy_octets(pdu, SMPP_F_SOURCE_ADDR, message, SMPP_F_DESTINATION_ADDR) &&
         copy_octet(pdu, SMPP_F_SOURCE_ADDR_TON, message, SMPP_F_DEST_ADDR_TON) &&
         copy_octet(pdu, SMPP_F_SOURCE_ADDR_NPI, message, SMPP_F_DEST_ADDR_NPI) && set_number(message, SMPP_F_DATA_CODING, data_coding) &&
         set_octets(message, SMPP_F_SHORT_MESSAGE, octets, length);
}
