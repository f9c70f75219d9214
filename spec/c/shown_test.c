/* What a terminal may have of any octets: every octet alone and behind others, every character. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smpp/chars.h"
#include "smpp/shown.h"

#define EXPECT(condition)                                                        \
  if (!(condition)) {                                                            \
    fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);      \
    exit(1);                                                                     \
  }

static unsigned passed;

static void same(const char *octets, enum smpp_shown_as as, const char *expected) {
  uint8_t out[256];
  size_t length = strlen(octets), n = smpp_shown((const uint8_t *)octets, length, as, out);
  if (n != strlen(expected) || memcmp(out, expected, n) != 0) {
    fprintf(stderr, "got '%.*s', expected '%s'\n", (int)n, (const char *)out, expected);
    exit(1);
  }
  passed++;
}

/* One character in any way of showing: within its room, well-formed, nothing that a terminal obeys. */
static void check(const uint8_t *octets, size_t length) {
  for (int as = SMPP_SHOWN_PLAIN; as <= SMPP_SHOWN_STYLED; as++) {
    uint8_t out[64];
    size_t n = smpp_shown(octets, length, (enum smpp_shown_as)as, out);
    EXPECT(n <= smpp_shown_bound(length) && n >= 1);
    EXPECT(smpp_utf8_prefix(out, n) == n);
    for (size_t i = 0; i < n; i++) {
      EXPECT(out[i] >= 0x20 || (as >= SMPP_SHOWN_LINES && (out[i] == '\n' || out[i] == '\t')));
      EXPECT(out[i] != 0x7F);
      EXPECT(i + 1 == n || out[i] != 0xC2 || out[i + 1] >= 0xA0); /* C1 */
    }
    uint8_t again[256];
    if (as == SMPP_SHOWN_PLAIN) EXPECT(smpp_shown(out, n, SMPP_SHOWN_PLAIN, again) == n && memcmp(out, again, n) == 0);
  }
  passed++;
}

int main(void) {
  same("abc \xC3\xA9\xF0\x9F\x91\x8B", SMPP_SHOWN_PLAIN, "abc \xC3\xA9\xF0\x9F\x91\x8B");
  same("\x1B[31m\r\n\t\x7F", SMPP_SHOWN_PLAIN, "\\x1b[31m\\r\\n\\t\\x7f");
  same("a\"\\\n", SMPP_SHOWN_QUOTED, "a\\\"\\\\\\n");
  same("a\n\tb\r", SMPP_SHOWN_LINES, "a\n\tb\\r");
  same("\x1B[1;31mred\x1B[0m\x1B[2J\x1B]0;t\x07", SMPP_SHOWN_STYLED, "\x1B[1;31mred\x1B[0m\\x1b[2J\\x1b]0;t\\x07");
  same("\x1B[1;31mred", SMPP_SHOWN_LINES, "\\x1b[1;31mred");
  same("\x1B[1;31", SMPP_SHOWN_STYLED, "\\x1b[1;31");
  same("\xC2\x9B" "2J", SMPP_SHOWN_PLAIN, "\\u{9b}2J");
  same("\x9B" "2J", SMPP_SHOWN_PLAIN, "\\x9b2J");
  same("\xE2\x80\xAE" "abc\xE2\x81\xA9", SMPP_SHOWN_PLAIN, "\\u{202e}abc\\u{2069}");
  same("\xE0" "A\x80\x80", SMPP_SHOWN_PLAIN, "\\xe0A\\x80\\x80");
  same("\xED\xA0\x80\xC0\x80", SMPP_SHOWN_PLAIN, "\\xed\\xa0\\x80\\xc0\\x80");
  same("a\xE2\x80\x8D" "b\xEF\xBB\xBF", SMPP_SHOWN_PLAIN, "a\\u{200d}b\\u{feff}");
  same("\xC2\x90\xE2\x80\x8C", SMPP_SHOWN_PLAIN, "\\u{90}\\u{200c}"); /* a joiner behind an escape */
  same("\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9", SMPP_SHOWN_PLAIN, "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9");
  same("\xF3\xA0\x81\x81", SMPP_SHOWN_PLAIN, "\\u{e0041}");
  for (uint32_t c = 1; c <= 0x10FFFF; c++) {
    uint8_t octets[5];
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    check(octets, smpp_utf8_put(octets, c));
    octets[0] = 'x';
    check(octets, 1 + smpp_utf8_put(octets + 1, c));
  }
  for (unsigned a = 0; a < 256; a++) {
    for (unsigned b = 0; b < 256; b++) {
      uint8_t octets[2] = {(uint8_t)a, (uint8_t)b};
      check(octets, 2);
    }
  }
  printf("%u passed, 0 failed\n", passed);
  return 0;
}
