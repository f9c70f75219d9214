#include "part.h"

#include <string.h>

enum {
  UDHI = 0x40,
  HEADER_OCTETS = 6, /* 05 00 03 reference total seq */
  TAG_MESSAGE_PAYLOAD = 0x0424,
  CONTENT_MAX = 3000,
  END_OCTETS = 1400,
  KEY_MAX = 512,
  TEXT_MAX = SMPP_PART_TEXT_MAX
};

static int position_of(const struct smpp_pdu *pdu, unsigned field) {
  int position = smpp_param_position(pdu->command, field);
  return position < pdu->param_count ? position : -1;
}

bool smpp_part_of_pdu(const struct smpp_pdu *pdu, struct smpp_usual_part *out) {
  static const uint8_t begin[] = {5, 0, 3};
  struct smpp_tlv tlv;
  if (pdu->command == NULL) return false;
  int esm_class = position_of(pdu, SMPP_F_ESM_CLASS), coding = position_of(pdu, SMPP_F_DATA_CODING), text = position_of(pdu, SMPP_F_SHORT_MESSAGE);
  if (esm_class < 0 || coding < 0 || text < 0 || !(smpp_pdu_number(pdu, (unsigned)esm_class) & UDHI)) return false;
  const uint8_t *octets = pdu->octets + pdu->params[text].offset;
  size_t length = pdu->params[text].length;
  if (length < HEADER_OCTETS || memcmp(octets, begin, sizeof begin) != 0 || octets[5] < 1 || octets[5] > octets[4]) return false;
  if (smpp_pdu_find_tlv(pdu, TAG_MESSAGE_PAYLOAD, &tlv)) return false;
  out->octets = octets + HEADER_OCTETS;
  out->length = length - HEADER_OCTETS;
  out->reference = octets[3];
  out->total = octets[4];
  out->seq = octets[5];
  out->data_coding = (uint8_t)smpp_pdu_number(pdu, (unsigned)coding);
  return true;
}

/* ---- keys ---- */

struct text {
  uint8_t octets[KEY_MAX];
  size_t length;
  bool is_full;
};

static void add(struct text *text, const void *octets, size_t length) {
  if (length > sizeof text->octets - text->length) {
    text->is_full = true;
    return;
  }
  if (length > 0) memcpy(text->octets + text->length, octets, length);
  text->length += length;
}

static void add_char(struct text *text, char c) { add(text, &c, 1); }

static void add_number(struct text *text, uint32_t n) {
  char digits[10];
  size_t i = sizeof digits;
  do {
    digits[--i] = (char)('0' + n % 10);
    n /= 10;
  } while (n > 0);
  add(text, digits + i, sizeof digits - i);
}

/* "ton/npi/length:address"; false: it is not all there. */
static bool add_address(struct text *text, const struct smpp_pdu *pdu, unsigned ton_field, unsigned npi_field, unsigned field) {
  int ton = position_of(pdu, ton_field), npi = position_of(pdu, npi_field), address = position_of(pdu, field);
  if (ton < 0 || npi < 0 || address < 0) return false;
  add_number(text, smpp_pdu_number(pdu, (unsigned)ton));
  add_char(text, '/');
  add_number(text, smpp_pdu_number(pdu, (unsigned)npi));
  add_char(text, '/');
  add_number(text, pdu->params[address].length);
  add_char(text, ':');
  add(text, pdu->octets + pdu->params[address].offset, pdu->params[address].length);
  return true;
}

bool smpp_part_key(const struct smpp_pdu *pdu, const struct smpp_usual_part *part, const char *account, size_t account_length,
                   const uint8_t key[SMPP_SIPHASH_OCTETS], uint8_t out[SMPP_SIPHASH_OCTETS]) {
  struct text t;
  t.length = 0;
  t.is_full = false;
  add(&t, account, account_length);
  if (!add_address(&t, pdu, SMPP_F_SOURCE_ADDR_TON, SMPP_F_SOURCE_ADDR_NPI, SMPP_F_SOURCE_ADDR)) return false;
  if (part != NULL) {
    add_char(&t, '>');
    if (!add_address(&t, pdu, SMPP_F_DEST_ADDR_TON, SMPP_F_DEST_ADDR_NPI, SMPP_F_DESTINATION_ADDR)) return false;
    add(&t, "#8/", 3);
    add_number(&t, part->reference);
    add_char(&t, '/');
    add_number(&t, part->total);
  }
  if (t.is_full) return false;
  smpp_siphash(key, t.octets, t.length, out);
  return true;
}

static uint8_t *put_u32(uint8_t *out, uint32_t n) {
  for (int shift = 24; shift >= 0; shift -= 8) *out++ = (uint8_t)(n >> shift);
  return out;
}

static uint8_t *put(uint8_t *out, const uint8_t *octets, size_t length) {
  if (length > 0) memcpy(out, octets, length);
  return out + length;
}

void smpp_part_content_digest(const struct smpp_part_content *content, const uint8_t key[SMPP_SIPHASH_OCTETS], uint8_t out[SMPP_SIPHASH_OCTETS]) {
  uint8_t octets[TEXT_MAX + 4 * 4 + 1 + CONTENT_MAX];
  uint8_t *p = put(octets, content->text, content->text_length);
  p = put_u32(p, content->seq);
  p = put_u32(p, content->data_coding);
  p = put_u32(p, content->locking);
  p = put_u32(p, content->single);
  if (content->length <= CONTENT_MAX) {
    *p++ = 0;
    p = put(p, content->octets, content->length);
  } else {
    *p++ = 1;
    p = put_u32(p, (uint32_t)content->length);
    p = put(p, content->octets, END_OCTETS);
    p = put(p, content->octets + content->length - END_OCTETS, END_OCTETS);
  }
  smpp_siphash(key, octets, (size_t)(p - octets), out);
}
