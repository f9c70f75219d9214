#include "charset.h"

#include "charset_data.h"

static const struct {
  const char *name;
  int data_coding;
  uint8_t unit;
  const uint16_t *characters; /* of the octets from 0x80 on; NULL: not such an alphabet */
} encodings[SMPP_ENCODING_COUNT] = {
#define ROW(code, name, data_coding, unit, table) {name, data_coding, SMPP_##unit, table},
    SMPP_ENCODINGS(ROW)
#undef ROW
};

const char *smpp_encoding_name(enum smpp_encoding encoding) { return encodings[encoding].name; }

int smpp_encoding_data_coding(enum smpp_encoding encoding) { return encodings[encoding].data_coding; }

enum smpp_unit smpp_encoding_unit(enum smpp_encoding encoding) {
  return (enum smpp_unit)encodings[encoding].unit;
}

bool smpp_encoding_is_foreign(enum smpp_encoding encoding) {
  return encoding == SMPP_SHIFT_JIS || encoding == SMPP_EUC_JP || encoding == SMPP_ISO_2022_JP ||
         encoding == SMPP_EUC_KR;
}

unsigned smpp_foreign_length(enum smpp_encoding encoding, uint8_t lead) {
  switch (encoding) {
    case SMPP_SHIFT_JIS: /* 0xA1-0xDF are half-width katakana of one octet */
      return (lead >= 0x81 && lead <= 0x9F) || (lead >= 0xE0 && lead <= 0xFC) ? 2 : 1;
    case SMPP_EUC_JP: /* 0x8F announces JIS X 0212, 0x8E a half-width katakana */
      return lead == 0x8F ? 3 : lead == 0x8E || lead >= 0xA1 ? 2 : 1;
    case SMPP_EUC_KR:
      return lead >= 0x81 && lead <= 0xFE ? 2 : 1;
    default:
      return 0;
  }
}

bool smpp_encoding_is_charset(enum smpp_encoding encoding) {
  return encoding == SMPP_ASCII || encodings[encoding].characters != NULL;
}

uint32_t smpp_charset_character(enum smpp_encoding encoding, uint8_t octet) {
  const uint16_t *characters = encodings[encoding].characters;
  if (octet < 0x80) return octet;
  if (characters == NULL || characters[octet - 0x80] == 0xFFFF) return SMPP_NO_CHARACTER;
  return characters[octet - 0x80];
}

int smpp_charset_octet(enum smpp_encoding encoding, uint32_t c) {
  const uint16_t *characters = encodings[encoding].characters;
  if (c < 0x80) return (int)c;
  if (characters == NULL || c >= 0xFFFF) return -1;
  if (c < 0x100 && characters[c - 0x80] == c) return (int)c;
  for (int octet = 0x80; octet <= 0xFF; octet++) {
    if (characters[octet - 0x80] == c) return octet;
  }
  return -1;
}
