#include "grapheme.h"

enum class {
  OTHER,
  CONTROL,
  EXTEND,
  LINKER,
  ZWJ,
  SPACING_MARK,
  PREPEND,
  REGIONAL_INDICATOR,
  HANGUL_L,
  HANGUL_V,
  HANGUL_T,
  HANGUL_LV,
  HANGUL_LVT,
  PICTOGRAPHIC,
  CONSONANT
};

struct range {
  uint32_t first, last;
  uint8_t class;
};

#include "grapheme_data.h"

enum { FIRST_SYLLABLE = 0xAC00, LAST_SYLLABLE = 0xD7A3, TRAILING = 28 };

static enum class classify(uint32_t c) {
  if (c >= 0x20 && c < 0x7F) return OTHER;
  if (c >= FIRST_SYLLABLE && c <= LAST_SYLLABLE) return (c - FIRST_SYLLABLE) % TRAILING == 0 ? HANGUL_LV : HANGUL_LVT;
  size_t low = 0, high = sizeof ranges / sizeof *ranges;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (c < ranges[middle].first) {
      high = middle;
    } else if (c > ranges[middle].last) {
      low = middle + 1;
    } else {
      return (enum class)ranges[middle].class;
    }
  }
  return OTHER;
}

/* What of the cluster so far decides whether it goes on. */
struct state {
  enum class last;
  bool pictographic; /* … Extend* , so that ZWJ joins the next pictograph */
  bool consonant;    /* … (Extend | Linker | ZWJ)*, so that a linker joins the next consonant */
  bool linked;
  unsigned indicators; /* regional indicators in a row */
};

static bool joins(const struct state *s, enum class next) {
  if (next == EXTEND || next == LINKER || next == ZWJ || next == SPACING_MARK) return true; /* GB9, GB9a */
  switch (s->last) {
    case PREPEND: /* GB9b */
      return true;
    case HANGUL_L: /* GB6 */
      return next == HANGUL_L || next == HANGUL_V || next == HANGUL_LV || next == HANGUL_LVT;
    case HANGUL_V: case HANGUL_LV: /* GB7 */
      return next == HANGUL_V || next == HANGUL_T;
    case HANGUL_T: case HANGUL_LVT: /* GB8 */
      return next == HANGUL_T;
    case REGIONAL_INDICATOR: /* GB12 */
      return next == REGIONAL_INDICATOR && s->indicators % 2 == 1;
    case ZWJ: /* GB11 */
      if (next == PICTOGRAPHIC && s->pictographic) return true;
      break;
    default:
      break;
  }
  return next == CONSONANT && s->consonant && s->linked; /* GB9c */
}

static void advance(struct state *s, enum class next) {
  bool mark = next == EXTEND || next == LINKER || next == ZWJ;
  if (next == ZWJ) {
    s->pictographic = s->pictographic && s->last != ZWJ;
  } else if (next != EXTEND && next != LINKER) {
    s->pictographic = next == PICTOGRAPHIC;
  } else if (s->last == ZWJ) {
    s->pictographic = false;
  }
  s->linked = mark && (s->linked || next == LINKER);
  s->consonant = next == CONSONANT || (mark && s->consonant);
  s->indicators = next == REGIONAL_INDICATOR ? s->indicators + 1 : 0;
  s->last = next;
}

static bool is_plain(uint8_t octet) { return octet >= 0x20 && octet < 0x7F; }

/* Octets of a character that joins no other such: ASCII, and U+0380 to U+047F, Greek and most Cyrillic; else 0. */
static unsigned plain_length(const uint8_t *p, const uint8_t *end) {
  if (p < end && is_plain(*p)) return 1;
  return end - p >= 2 && p[0] >= 0xCE && p[0] <= 0xD1 && (p[1] & 0xC0) == 0x80 ? 2 : 0;
}

size_t smpp_grapheme_length(const uint8_t *p, const uint8_t *end) {
  const uint8_t *start = p;
  unsigned plain = plain_length(p, end); /* the common case */
  if (plain != 0 && plain_length(p + plain, end) != 0) return plain;
  uint32_t c = 0;
  unsigned used = smpp_utf8_get(p, end, &c);
  if (used == 0) return p < end;
  p += used;
  if (c == '\r') return p < end && *p == '\n' ? 2 : 1; /* GB3 */
  struct state state = {OTHER, false, false, false, 0};
  enum class first = classify(c);
  if (first == CONTROL) return used; /* GB4 */
  advance(&state, first);
  while ((used = smpp_utf8_get(p, end, &c)) != 0) {
    enum class next = classify(c);
    if (next == CONTROL || !joins(&state, next)) break; /* GB5 */
    advance(&state, next);
    p += used;
  }
  return (size_t)(p - start);
}
