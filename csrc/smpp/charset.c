#include "charset.h"

static const struct {
  const char *name;
  uint8_t data_coding, unit;
} encodings[SMPP_ENCODING_COUNT] = {
#define ROW(code, name, data_coding, unit) { name, data_coding, SMPP_##unit },
    SMPP_ENCODINGS(ROW)
#undef ROW
};

const char *smpp_encoding_name(enum smpp_encoding encoding) { return encodings[encoding].name; }

uint8_t smpp_encoding_data_coding(enum smpp_encoding encoding) { return encodings[encoding].data_coding; }

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

/* ISO-8859-5 is 0x360 below Unicode from 0xA1 on, but for three octets. */
enum { CYRILLIC_OFFSET = 0x360, HEBREW_OFFSET = 0x4F0 };

static uint32_t cyrillic(uint8_t octet) {
  switch (octet) {
    case 0xA0: case 0xAD:
      return octet;
    case 0xF0:
      return 0x2116; /* NUMERO SIGN */
    case 0xFD:
      return 0xA7; /* SECTION SIGN */
    default:
      return octet + (uint32_t)CYRILLIC_OFFSET;
  }
}

static uint32_t hebrew(uint8_t octet) {
  if (octet >= 0xE0 && octet <= 0xFA) return octet + (uint32_t)HEBREW_OFFSET;
  if (octet >= 0xA2 && octet <= 0xBE) return octet == 0xAA ? 0xD7 : octet == 0xBA ? 0xF7 : octet;
  switch (octet) {
    case 0xA0:
      return 0xA0;
    case 0xDF:
      return 0x2017; /* DOUBLE LOW LINE */
    case 0xFD:
      return 0x200E; /* LEFT-TO-RIGHT MARK */
    case 0xFE:
      return 0x200F;
    default:
      return SMPP_NO_CHARACTER;
  }
}

uint32_t smpp_charset_character(enum smpp_encoding encoding, uint8_t octet) {
  if (octet < 0x80) return octet;
  if (encoding == SMPP_ASCII) return SMPP_NO_CHARACTER;
  if (octet < 0xA0 || encoding == SMPP_LATIN1) return octet;
  return encoding == SMPP_ISO_8859_5 ? cyrillic(octet) : hebrew(octet);
}

int smpp_charset_octet(enum smpp_encoding encoding, uint32_t c) {
  if (c < 0x80) return (int)c;
  if (encoding == SMPP_ASCII) return -1;
  if (c < 0xA0 || (encoding == SMPP_LATIN1 && c < 0x100)) return (int)c;
  if (encoding == SMPP_LATIN1) return -1;
  for (int octet = 0xA0; octet <= 0xFF; octet++) {
    if (smpp_charset_character(encoding, (uint8_t)octet) == c) return octet;
  }
  return -1;
}
