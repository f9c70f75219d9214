/* ucs2.c: every code point in every byte order; halves of pairs, odd octets, input cut anywhere. */
#include "check.h"
#include "smpp/ucs2.h"

int main(void) {
  struct smpp_text_fault fault;
  for (int i = 0; i < 3; i++) {
    enum smpp_byte_order order = (enum smpp_byte_order)i;
    bool good = true;
    for (uint32_t c = 1; c <= 0x10FFFF; c += c < 0x3000 ? 1 : 61) {
      if (c >= 0xD800 && c <= 0xDFFF) continue;
      if (c == 0xFEFF) continue; /* a mark at the start */
      uint8_t text[4], wire[12], back[24];
      size_t length = smpp_utf8_put(text, c), octets = 0;
      struct smpp_text_problems problems = {0};
      good = good && smpp_ucs2_encode(order, text, length, wire, sizeof wire, &octets, &fault) == 0;
      size_t n = smpp_ucs2_decode(order, wire, octets, back, &problems);
      good = good && n == length && memcmp(back, text, n) == 0;
    }
    CHECK(good);
  }
  uint8_t wire[16], back[64];
  size_t octets;
  CHECK(smpp_ucs2_encode(SMPP_BIG_ENDIAN, (const uint8_t *)"ab", 2, wire, 3, &octets, &fault) == SMPP_ERR_TOO_LONG);
  CHECK(smpp_ucs2_encode(SMPP_BIG_ENDIAN, (const uint8_t *)"a\xC3", 2, wire, 16, &octets, &fault) == SMPP_ERR_BAD_VALUE && fault.octet == 2);
  static const uint8_t odd[] = {0, 'a', 0xD8, 0x3D, 0, 'b', 0xDE, 0x00, 0};
  struct smpp_text_problems problems = {0};
  size_t n = smpp_ucs2_decode(SMPP_BIG_ENDIAN, odd, sizeof odd, back, &problems);
  CHECK(n == 11 && memcmp(back, "a\xEF\xBF\xBD" "b\xEF\xBF\xBD\xEF\xBF\xBD", 11) == 0);
  CHECK(problems.count == 3 && problems.kept[0].problem == SMPP_TEXT_LONE_SURROGATE && problems.kept[2].problem == SMPP_TEXT_ODD_OCTET);
  for (size_t length = 0; length <= sizeof odd; length++) {
    uint8_t *exact = exactly(odd, length), *out = malloc(2 * length + 3);
    CHECK(smpp_ucs2_decode(SMPP_MARKED_ENDIAN, exact, length, out, &problems) <= 2 * length + 3);
    free(exact);
    free(out);
  }
  static const uint8_t little[] = {0xFF, 0xFE, 'a', 0};
  CHECK(smpp_ucs2_decode(SMPP_MARKED_ENDIAN, little, 4, back, &problems) == 1 && back[0] == 'a');
  return report();
}
