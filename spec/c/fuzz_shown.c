/* Shows any octets in every way: what comes out fits, is UTF-8, and holds nothing that a terminal obeys. */
#include <stdlib.h>
#include <string.h>

#include "smpp/chars.h"
#include "smpp/shown.h"

#define EXPECT(condition) \
  if (!(condition)) abort()

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_harmless(const uint8_t *out, size_t length, enum smpp_shown_as as) {
  for (size_t i = 0; i < length; i++) {
    bool is_line = as >= SMPP_SHOWN_LINES && (out[i] == '\n' || out[i] == '\t');
    bool is_style = as == SMPP_SHOWN_STYLED && out[i] == 0x1B && i + 1 < length && out[i + 1] == '[';
    if ((out[i] < 0x20 && !is_line && !is_style) || out[i] == 0x7F) return false;
    if (out[i] == 0xC2 && out[i + 1] < 0xA0) return false; /* C1 */
    if (out[i] == 0xE2 && out[i + 1] == 0x80 && out[i + 2] >= 0xA8 && out[i + 2] <= 0xAE) return false; /* overrides */
    if (as == SMPP_SHOWN_QUOTED && out[i] == '"' && (i == 0 || out[i - 1] != '\\')) return false;
  }
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  for (int as = SMPP_SHOWN_PLAIN; as <= SMPP_SHOWN_STYLED; as++) {
    uint8_t *out = malloc(smpp_shown_bound(size) + 1);
    EXPECT(out != NULL);
    size_t length = smpp_shown(data, size, (enum smpp_shown_as)as, out);
    EXPECT(length <= smpp_shown_bound(size));
    EXPECT(smpp_utf8_prefix(out, length) == length);
    EXPECT(is_harmless(out, length, (enum smpp_shown_as)as));
    if (as == SMPP_SHOWN_PLAIN && length > 0) { /* shown again it stays as it is */
      uint8_t *again = malloc(smpp_shown_bound(length));
      EXPECT(again != NULL && smpp_shown(out, length, SMPP_SHOWN_PLAIN, again) == length && memcmp(again, out, length) == 0);
      free(again);
    }
    free(out);
  }
  size_t whole = smpp_utf8_prefix(data, size);
  uint32_t c;
  EXPECT(whole <= size && (whole == size || smpp_utf8_get(data + whole, data + size, &c) == 0));
  return 0;
}
