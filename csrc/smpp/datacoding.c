#include "datacoding.h"

static const enum smpp_encoding smpp_values[16] = {
    SMPP_GSM7,       SMPP_ASCII,      SMPP_BINARY, SMPP_LATIN1, SMPP_BINARY, SMPP_SHIFT_JIS,
    SMPP_ISO_8859_5, SMPP_ISO_8859_8, SMPP_UCS2,   SMPP_BINARY, /* pictogram */
    SMPP_ISO_2022_JP, SMPP_GSM7,      SMPP_GSM7,   SMPP_EUC_JP, SMPP_EUC_KR, SMPP_GSM7,
};

/* Groups 00 and 01, bits 3-2. */
static const enum smpp_encoding gsm_alphabets[4] = {SMPP_GSM7, SMPP_BINARY, SMPP_UCS2, SMPP_GSM7};

struct smpp_data_coding smpp_data_coding_read(uint8_t octet) {
  struct smpp_data_coding d = {SMPP_GSM7, false, false, false, false, -1, false, false, false, SMPP_MWI_VOICEMAIL};
  if (octet < 0x10) {
    d.encoding = smpp_values[octet];
    d.reserved = octet == 0x0B || octet == 0x0C || octet == 0x0F;
    d.is_default = octet == 0 || d.reserved;
  } else if (octet < 0x80) {
    d.encoding = gsm_alphabets[octet >> 2 & 3];
    d.reserved = (octet & 0x0C) == 0x0C;
    d.auto_delete = (octet & 0x40) != 0;
    d.compressed = (octet & 0x20) != 0;
    if ((octet & 0x10) != 0) d.message_class = octet & 3;
  } else if (octet < 0xC0) {
    d.reserved = d.is_default = true;
  } else if (octet < 0xF0) {
    d.encoding = octet >= 0xE0 ? SMPP_UCS2 : SMPP_GSM7;
    d.mwi = true;
    d.mwi_store = octet >= 0xD0;
    d.mwi_active = (octet & 8) != 0;
    d.mwi_type = (enum smpp_mwi)(octet & 3);
    d.reserved = (octet & 4) != 0;
  } else {
    d.encoding = (octet & 4) != 0 ? SMPP_BINARY : SMPP_GSM7;
    d.message_class = octet & 3;
    d.reserved = (octet & 8) != 0;
  }
  return d;
}

int smpp_data_coding_with_class(enum smpp_encoding encoding, unsigned message_class) {
  if (message_class > 3) return -1;
  switch (encoding) {
    case SMPP_GSM7: case SMPP_GSM7_PACKED:
      return 0x10 | (int)message_class;
    case SMPP_BINARY:
      return 0x14 | (int)message_class;
    case SMPP_UCS2: case SMPP_UCS2_LE: case SMPP_UCS2_BOM:
      return 0x18 | (int)message_class;
    default:
      return -1;
  }
}
