/* Decodes any octets in any coding, and encodes, decodes and cuts any text: what
 * can be written reads back the same, and parts are the text. */
#include <stdlib.h>
#include <string.h>

#include "smpp/datacoding.h"
#include "smpp/grapheme.h"
#include "smpp/text.h"

#define EXPECT(condition) \
  if (!(condition)) abort()

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_utf8(const uint8_t *p, size_t length) {
  const uint8_t *end = p + length;
  uint32_t c;
  for (unsigned used; p < end; p += used) {
    used = smpp_utf8_get(p, end, &c);
    if (used == 0) return false;
  }
  return true;
}

static bool is_opaque(enum smpp_encoding encoding) {
  return encoding == SMPP_BINARY || smpp_encoding_is_foreign(encoding);
}

/* Exactly as much room as the header promises to be enough. */
static uint8_t *decoded(const struct smpp_coding *coding, const uint8_t *octets, size_t length, unsigned fill,
                        size_t septets, size_t *written) {
  struct smpp_text_problems problems;
  problems.count = 0;
  uint8_t *out = malloc(smpp_text_decode_bound(length));
  EXPECT(out != NULL);
  *written = smpp_text_decode(coding, octets, length, fill, septets, out, &problems);
  EXPECT(*written <= smpp_text_decode_bound(length));
  EXPECT(is_opaque(coding->encoding) || is_utf8(out, *written));
  return out;
}

static void try_text(const struct smpp_coding *coding, const uint8_t *text, size_t length, unsigned fill) {
  struct smpp_text_fault fault;
  size_t octets = 0, units = 0, written = 0;
  uint8_t *out = malloc(smpp_text_encode_bound(length));
  EXPECT(out != NULL);
  int err = smpp_text_encode(coding, text, length, fill, out, &octets, &units, &fault);
  if (err == 0) {
    EXPECT(octets <= smpp_text_encode_bound(length));
    uint8_t *again = decoded(coding, out, octets, fill, units, &written);
    bool marked = length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0; /* dropped when read */
    EXPECT(marked || (written == length && (length == 0 || memcmp(again, text, length) == 0)));
    free(again);
  }
  free(out);
}

static void try_cut(const struct smpp_coding *coding, const uint8_t *text, size_t length, size_t capacity, bool graphemes) {
  struct smpp_cutter cutter = {*coding, text, text + length, NULL, NULL, graphemes};
  size_t octets = 0, units = 0, total = 0;
  while (cutter.text < cutter.end) {
    if (smpp_text_cut(&cutter, capacity, &octets, &units) != 0) return;
    EXPECT(octets > 0 && units > 0 && units <= capacity);
    total += octets;
  }
  EXPECT(total == length);
}

static void try_graphemes(const uint8_t *text, size_t length) {
  const uint8_t *p = text, *end = text + length;
  while (p < end) {
    size_t octets = smpp_grapheme_length(p, end);
    EXPECT(octets > 0 && octets <= (size_t)(end - p));
    p += octets;
  }
}

/* The first six octets choose, the rest is the input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 6) return 0;
  struct smpp_coding coding = {(enum smpp_encoding)(data[0] % SMPP_ENCODING_COUNT), data[1] % 16u, data[2] % 16u};
  unsigned fill = data[3] % 7u;
  size_t septets = data[4] % 2 == 0 ? SIZE_MAX : data[4], written;
  size_t capacity = data[5];
  bool graphemes = data[4] % 4 < 2;
  (void)smpp_data_coding_read(data[5]);
  data += 6;
  size -= 6;
  free(decoded(&coding, data, size, fill, septets, &written));
  try_text(&coding, data, size, fill);
  if (!smpp_encoding_is_foreign(coding.encoding)) try_cut(&coding, data, size, capacity, graphemes);
  try_graphemes(data, size);
  return 0;
}
