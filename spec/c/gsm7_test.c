/* gsm7.c: every pair of language tables there and back, packing behind every number of fill bits. */
#include "check.h"
#include "smpp/gsm7.h"

static void there_and_back(unsigned locking, unsigned single) {
  uint8_t text[4 * 300], out[2 * sizeof text];
  size_t length = 0, septets = 0;
  uint32_t c = 0;
  while (c < 0x2600 && length < sizeof text - 8) { /* the characters that these tables have */
    if (smpp_gsm7_units(locking, single, c) > 0 && c != SMPP_GSM7_ESCAPE) length += smpp_utf8_put(text + length, c);
    c++;
  }
  struct smpp_text_fault fault;
  struct smpp_text_problems problems = {0};
  uint8_t *exact = exactly(text, length);
  CHECK(smpp_gsm7_encode(locking, single, exact, length, NULL, 0, &septets, &fault) == 0);
  CHECK(smpp_gsm7_encode(locking, single, exact, length, out, septets - 1, &septets, &fault) == SMPP_ERR_TOO_LONG);
  CHECK(smpp_gsm7_encode(locking, single, exact, length, out, sizeof out, &septets, &fault) == 0);
  uint8_t *back = malloc(3 * septets + 1), *in = exactly(out, septets);
  size_t n = smpp_gsm7_decode(locking, single, in, septets, back, &problems);
  CHECK(n == length && memcmp(back, text, length) == 0 && problems.count == 0);
  free(exact);
  free(back);
  free(in);
}

int main(void) {
  for (unsigned language = 0; language < SMPP_LANGUAGES; language++) {
    CHECK(smpp_language_name(language) != NULL && smpp_language_has_single(language));
    there_and_back(0, language);
    if (smpp_language_has_locking(language)) there_and_back(language, language);
  }
  CHECK(smpp_language_name(SMPP_LANGUAGES) == NULL);
  CHECK(!smpp_language_has_locking(2)); /* 3GPP TS 23.038, A.3: Spanish has no locking shift table */

  struct smpp_text_fault fault;
  size_t septets;
  uint8_t out[600];
  CHECK(smpp_gsm7_encode(0, 0, (const uint8_t *)"ab\xE4\xBD\xA0", 5, out, sizeof out, &septets, &fault) == SMPP_ERR_UNMAPPABLE);
  CHECK(fault.character == 3 && fault.octet == 3 && fault.codepoint == 0x4F60);
  CHECK(smpp_gsm7_encode(0, 0, (const uint8_t *)"a\xFF", 2, out, sizeof out, &septets, &fault) == SMPP_ERR_BAD_VALUE);
  CHECK(smpp_gsm7_encode(99, 0, (const uint8_t *)"a", 1, out, sizeof out, &septets, &fault) == SMPP_ERR_UNKNOWN_FIELD);

  for (unsigned fill = 0; fill < 7; fill++) {
    for (size_t count = 0; count <= 40; count++) {
      uint8_t all[41];
      for (size_t i = 0; i < count; i++) all[i] = (uint8_t)(1 + (i * 37 + count) % 127);
      size_t length = smpp_gsm7_packed_length(count, fill);
      uint8_t *packed = malloc(length + 1), *back = malloc(count + 2);
      smpp_gsm7_pack(all, count, fill, packed);
      uint8_t *exact = exactly(packed, length);
      CHECK(smpp_gsm7_unpack(exact, length, fill, count, back) == count && memcmp(back, all, count) == 0);
      CHECK(smpp_gsm7_unpacked_length(length, fill) >= count);
      free(packed);
      free(back);
      free(exact);
    }
  }
  return report();
}
