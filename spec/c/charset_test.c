/* charset.c: the alphabets of one octet, there and back, and the encodings by name. */
#include "check.h"
#include "smpp/charset.h"

static void there_and_back(enum smpp_encoding encoding, unsigned least) {
  unsigned known = 0;
  for (unsigned octet = 0; octet < 256; octet++) {
    uint32_t c = smpp_charset_character(encoding, (uint8_t)octet);
    if (c == SMPP_NO_CHARACTER) continue;
    known++;
    CHECK(smpp_charset_octet(encoding, c) == (int)octet);
  }
  CHECK(known >= least);
  for (uint32_t c = 0; c < 0x3000; c++) {
    int octet = smpp_charset_octet(encoding, c);
    if (octet >= 0) CHECK(smpp_charset_character(encoding, (uint8_t)octet) == c);
  }
  CHECK(smpp_charset_octet(encoding, 0x1F600) == -1);
}

int main(void) {
  there_and_back(SMPP_ASCII, 128);
  there_and_back(SMPP_LATIN1, 256);
  there_and_back(SMPP_ISO_8859_5, 200);
  there_and_back(SMPP_ISO_8859_8, 128);
  CHECK(smpp_charset_octet(SMPP_ISO_8859_5, 0x0416) == 0xB6); /* Ж */
  CHECK(smpp_charset_octet(SMPP_ISO_8859_8, 0x05D0) == 0xE0); /* א */
  for (int encoding = 0; encoding < SMPP_ENCODING_COUNT; encoding++) {
    enum smpp_encoding e = (enum smpp_encoding)encoding;
    CHECK(smpp_encoding_name(e) != NULL && smpp_encoding_data_coding(e) <= 0x0F);
    CHECK(smpp_encoding_is_foreign(e) == (e == SMPP_SHIFT_JIS || e == SMPP_ISO_2022_JP || e == SMPP_EUC_JP || e == SMPP_EUC_KR));
  }
  CHECK(smpp_encoding_unit(SMPP_UCS2) == SMPP_UNIT16 && smpp_encoding_unit(SMPP_GSM7_PACKED) == SMPP_SEPTET);
  for (unsigned lead = 0; lead < 256; lead++) {
    CHECK(smpp_foreign_length(SMPP_ISO_2022_JP, (uint8_t)lead) == 0);
    unsigned length = smpp_foreign_length(SMPP_EUC_JP, (uint8_t)lead);
    CHECK(length >= 1 && length <= 3 && (lead >= 0x80 || length == 1));
  }
  return report();
}
