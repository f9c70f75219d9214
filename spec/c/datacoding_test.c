/* datacoding.c: every octet, and the way back from an encoding with a class. */
#include "check.h"
#include "smpp/datacoding.h"

int main(void) {
  for (unsigned octet = 0; octet < 256; octet++) {
    struct smpp_data_coding d = smpp_data_coding_read((uint8_t)octet);
    CHECK(d.encoding < SMPP_ENCODING_COUNT && d.message_class >= -1 && d.message_class <= 3);
    CHECK(!d.is_default || d.encoding == SMPP_GSM7);
    CHECK(!d.mwi || octet >= 0xC0);
    if (octet >= 0x80 && octet < 0xC0) CHECK(d.reserved && d.is_default); /* 3GPP TS 23.038, 4: reserved coding groups */
    if (octet >= 0xF0) CHECK(d.message_class == (int)(octet & 3) && d.encoding == (octet & 4 ? SMPP_BINARY : SMPP_GSM7));
    if (octet >= 0xC0 && octet < 0xF0) CHECK(d.mwi && d.mwi_active == ((octet & 8) != 0) && d.mwi_type == (enum smpp_mwi)(octet & 3));
  }
  CHECK(smpp_data_coding_read(0x08).encoding == SMPP_UCS2 && smpp_data_coding_read(0x18).encoding == SMPP_UCS2);
  CHECK(smpp_data_coding_read(0x20).compressed && smpp_data_coding_read(0x40).auto_delete);
  for (unsigned class = 0; class < 4; class++) {
    static const enum smpp_encoding with[] = {SMPP_GSM7, SMPP_UCS2, SMPP_BINARY};
    for (size_t i = 0; i < 3; i++) {
      int octet = smpp_data_coding_with_class(with[i], class);
      CHECK(octet >= 0 && octet <= 255);
      struct smpp_data_coding d = smpp_data_coding_read((uint8_t)octet);
      CHECK(d.encoding == with[i] && d.message_class == (int)class);
    }
    CHECK(smpp_data_coding_with_class(SMPP_LATIN1, class) == -1);
  }
  return report();
}
