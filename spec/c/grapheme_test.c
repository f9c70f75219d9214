/* grapheme.c: clusters whole and cut at every octet; what is not UTF-8 stands alone. */
#include "check.h"
#include "smpp/grapheme.h"

int main(void) {
  static const char *const clusters[] = {"a", "e\xCC\x81", "\r\n", "\xF0\x9F\x91\x8D\xF0\x9F\x8F\xBD", /* a thumb with a skin tone */
    "\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA", /* a flag */ "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA7", /* a family */
    "\xED\x95\x98\xE1\x86\xAB", /* a Hangul syllable and a final */ "\xFF", "\xC3", "\xF0\x9F\x91"};
  size_t count = sizeof clusters / sizeof *clusters;
  for (size_t i = 0; i < count; i++) {
    size_t length = strlen(clusters[i]);
    bool is_utf8 = (unsigned char)clusters[i][0] != 0xFF && i < count - 2;
    for (size_t cut = 0; cut <= length; cut++) {
      uint8_t *octets = exactly(clusters[i], cut);
      size_t n = smpp_grapheme_length(octets, octets + cut);
      CHECK_FOR(n <= cut && (n > 0) == (cut > 0), clusters[i]);
      if (cut == length) CHECK_FOR(n == (is_utf8 ? length : 1), clusters[i]);
      free(octets);
    }
    for (size_t j = 0; j < count - 3 && is_utf8; j++) { /* the next one does not belong to it */
      if (i == 2 || j == 2 || (i == 4 && j == 4) || j == 6) continue; /* nothing joins across; these have rules of their own */
      char two[64];
      size_t both = (size_t)snprintf(two, sizeof two, "%s%s", clusters[i], clusters[j]);
      CHECK_FOR(smpp_grapheme_length((uint8_t *)two, (uint8_t *)two + both) == length, two);
    }
  }
  static const char flags[] = "\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA"; /* two flags, not one of four letters */
  CHECK(smpp_grapheme_length((const uint8_t *)flags, (const uint8_t *)flags + 16) == 8);
  return report();
}
