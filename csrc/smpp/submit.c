#include "submit.h"

enum { SUBMIT_SM = 4, TON_MAX = 6, DELIVERY_MAX = 0x1F, DELIVERY_MODE = 3, NOTIFY = 0x10, TRANSACTION = 2, MODE = 3, TYPE = 0x3C, PRIORITY_33 = 3, PRIORITY_50 = 4 };
enum { TAG_QOS_TIME_TO_LIVE = 0x0017, TAG_MESSAGE_PAYLOAD = 0x0424, TAG_USSD_SERVICE_OP = 0x0501, TAG_ITS_SESSION_INFO = 0x1383 };

/* -1: the command has no such parameter, or the PDU ends before it. */
static int position_of(const struct smpp_pdu *pdu, unsigned field) {
  int position = pdu->command != NULL ? smpp_param_position(pdu->command, field) : -1;
  return position < pdu->param_count ? position : -1;
}

uint32_t smpp_submit_number(const struct smpp_pdu *pdu, unsigned field) {
  int position = position_of(pdu, field);
  return position >= 0 ? smpp_pdu_number(pdu, (unsigned)position) : 0;
}

const uint8_t *smpp_submit_octets(const struct smpp_pdu *pdu, unsigned field, uint32_t *length) {
  int position = position_of(pdu, field);
  *length = position >= 0 ? pdu->params[position].length : 0;
  return position >= 0 ? pdu->octets + pdu->params[position].offset : NULL;
}

static uint32_t length_of(const struct smpp_pdu *pdu, unsigned field) {
  uint32_t length;
  (void)smpp_submit_octets(pdu, field, &length);
  return length;
}

/* A whole submit_sm with neither times nor a payload. */
static bool is_simple(const struct smpp_pdu *pdu) {
  struct smpp_tlv tlv;
  return pdu->id == SUBMIT_SM && pdu->command != NULL && pdu->param_count == pdu->command->param_count &&
         length_of(pdu, SMPP_F_SCHEDULE_DELIVERY_TIME) == 0 && length_of(pdu, SMPP_F_VALIDITY_PERIOD) == 0 &&
         (pdu->tlv_offset == pdu->tlv_end ||
          (!smpp_pdu_find_tlv(pdu, TAG_MESSAGE_PAYLOAD, &tlv) && !smpp_pdu_find_tlv(pdu, TAG_QOS_TIME_TO_LIVE, &tlv)));
}

static bool is_known(unsigned field, uint32_t value) {
  const struct smpp_enum_set *set = smpp_enum_set_at(smpp_field_enum_set(field));
  const struct smpp_enum *row = set != NULL ? smpp_enums(set) : NULL;
  for (unsigned i = 0; row != NULL && i < set->count; i++) {
    if (row[i].low == value) return true;
  }
  return false;
}

/* An optional + and one digit at least. */
static bool are_digits(const uint8_t *octets, uint32_t length) {
  uint32_t i = length > 0 && octets[0] == '+' ? 1 : 0;
  if (i == length) return false;
  for (; i < length; i++) {
    if (octets[i] < '0' || octets[i] > '9') return false;
  }
  return true;
}

static bool is_valid_destination(const struct smpp_pdu *pdu, bool digits) {
  uint32_t ton = smpp_submit_number(pdu, SMPP_F_DEST_ADDR_TON), npi = smpp_submit_number(pdu, SMPP_F_DEST_ADDR_NPI), length;
  const uint8_t *address = smpp_submit_octets(pdu, SMPP_F_DESTINATION_ADDR, &length);
  return ton <= TON_MAX && is_known(SMPP_F_DEST_ADDR_NPI, npi) && length > 0 && (ton > 1 || npi > 1 || !digits || are_digits(address, length));
}

bool smpp_submit_is_plain(const struct smpp_pdu *pdu, uint8_t version, const struct smpp_submit_limits *limits) {
  if (!is_simple(pdu) || (version >= SMPP_50 && pdu->tlv_offset != pdu->tlv_end)) return false;
  uint32_t type = smpp_submit_number(pdu, SMPP_F_ESM_CLASS) & TYPE, delivery = smpp_submit_number(pdu, SMPP_F_REGISTERED_DELIVERY);
  return smpp_submit_number(pdu, SMPP_F_SOURCE_ADDR_TON) <= TON_MAX && is_known(SMPP_F_SOURCE_ADDR_NPI, smpp_submit_number(pdu, SMPP_F_SOURCE_ADDR_NPI)) &&
         is_valid_destination(pdu, limits->digits) && (type == 0x00 || type == 0x08 || type == 0x10) && /* default, delivery and user acknowledgement */
         delivery <= DELIVERY_MAX && ((delivery & DELIVERY_MODE) != DELIVERY_MODE || version >= SMPP_50) &&
         smpp_submit_number(pdu, SMPP_F_PRIORITY_FLAG) <= (version >= SMPP_50 ? PRIORITY_50 : PRIORITY_33) &&
         smpp_submit_number(pdu, SMPP_F_REPLACE_IF_PRESENT_FLAG) <= 1 && smpp_submit_number(pdu, SMPP_F_SM_DEFAULT_MSG_ID) <= limits->default_messages &&
         length_of(pdu, SMPP_F_SHORT_MESSAGE) <= limits->max_octets && smpp_pdu_problems(pdu, NULL, 0) == 0;
}

bool smpp_submit_is_usual(const struct smpp_pdu *pdu) {
  struct smpp_tlv tlv;
  return is_simple(pdu) && smpp_submit_number(pdu, SMPP_F_REPLACE_IF_PRESENT_FLAG) != 1 && (smpp_submit_number(pdu, SMPP_F_ESM_CLASS) & MODE) != TRANSACTION &&
         (smpp_submit_number(pdu, SMPP_F_REGISTERED_DELIVERY) & NOTIFY) == 0 &&
         (pdu->tlv_offset == pdu->tlv_end ||
          (!smpp_pdu_find_tlv(pdu, TAG_USSD_SERVICE_OP, &tlv) && !smpp_pdu_find_tlv(pdu, TAG_ITS_SESSION_INFO, &tlv)));
}
