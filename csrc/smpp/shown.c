#include "shown.h"

#include <string.h>

#include "chars.h"

/* Characters without a width of their own, or that turn the text around them. */
static const struct {
  uint32_t first, last;
} invisible[] = {
    {0x7F, 0x9F},       /* DEL, C1 controls: a terminal takes U+009B for ESC [ */
    {0xAD, 0xAD},       /* soft hyphen */
    {0x61C, 0x61C},     /* Arabic letter mark */
    {0x180E, 0x180E},   /* Mongolian vowel separator */
    {0x200B, 0x200B},   /* zero width space */
    {0x200E, 0x200F},   /* marks of direction */
    {0x2028, 0x202E},   /* line and paragraph separator; embeddings and overrides of direction */
    {0x2060, 0x206F},   /* word joiner, invisible operators, isolates of direction */
    {0xFEFF, 0xFEFF},   /* byte order mark */
    {0xFFF9, 0xFFFB},   /* interlinear annotation */
    {0xE0000, 0xE007F}, /* tags */
};

/* Joiners make ligatures of letters and emoji; behind ASCII they only hide. */
static bool is_joiner(uint32_t c) { return c == 0x200C || c == 0x200D; }

static bool is_hidden(uint32_t c, uint32_t before) {
  if (c < 0x20) return true;
  if (c < 0x7F) return false;
  if (is_joiner(c)) return before < 0x80;
  for (size_t i = 0; i < sizeof invisible / sizeof *invisible; i++)
    if (c >= invisible[i].first && c <= invisible[i].last) return true;
  return false;
}

static const char digits[] = "0123456789abcdef";

static size_t put_octet(uint8_t *out, uint8_t octet) {
  out[0] = '\\';
  out[1] = 'x';
  out[2] = (uint8_t)digits[octet >> 4];
  out[3] = (uint8_t)digits[octet & 15];
  return 4;
}

static size_t put_pair(uint8_t *out, char letter) {
  out[0] = '\\';
  out[1] = (uint8_t)letter;
  return 2;
}

/* \u{202e}; of 2 octets at least, so never more than 4 for each. */
static size_t put_character(uint8_t *out, uint32_t c) {
  size_t n = 0;
  unsigned shift = 20;
  while (shift > 4 && c >> shift == 0) shift -= 4;
  out[n++] = '\\';
  out[n++] = 'u';
  out[n++] = '{';
  for (;; shift -= 4) {
    out[n++] = (uint8_t)digits[c >> shift & 15];
    if (shift == 0) break;
  }
  out[n++] = '}';
  return n;
}

/* The length of ESC [ digits and semicolons m at |p|, or 0. */
static size_t style_length(const uint8_t *p, const uint8_t *end) {
  const uint8_t *start = p;
  if (end - p < 3 || p[0] != 0x1B || p[1] != '[') return 0;
  for (p += 2; p < end && ((*p >= '0' && *p <= '9') || *p == ';'); p++) continue;
  return p < end && *p == 'm' ? (size_t)(p - start) + 1 : 0;
}

size_t smpp_shown(const uint8_t *octets, size_t length, enum smpp_shown_as as, uint8_t *out) {
  const uint8_t *p = octets, *end = octets + length;
  size_t n = 0;
  uint32_t before = 0;
  bool is_quoted = as == SMPP_SHOWN_QUOTED, has_lines = as == SMPP_SHOWN_LINES || as == SMPP_SHOWN_STYLED;
  while (p < end) {
    uint32_t c = 0;
    unsigned used = smpp_utf8_get(p, end, &c);
    if (used == 0) {
      n += put_octet(out + n, *p++);
      before = 0;
      continue;
    }
    size_t style = as == SMPP_SHOWN_STYLED && c == 0x1B ? style_length(p, end) : 0;
    if (style > 0) {
      memcpy(out + n, p, style);
      n += style;
      used = 0;
      p += style;
    } else if (is_quoted && (c == '"' || c == '\\')) {
      n += put_pair(out + n, (char)c);
    } else if (has_lines && (c == '\n' || c == '\t')) {
      out[n++] = (uint8_t)c;
    } else if (!is_hidden(c, before)) {
      memcpy(out + n, p, used);
      n += used;
    } else if (c == '\n' || c == '\r' || c == '\t') {
      n += put_pair(out + n, (char)(c == '\n' ? 'n' : c == '\r' ? 'r' : 't'));
    } else if (c < 0x80) {
      n += put_octet(out + n, (uint8_t)c);
    } else {
      n += put_character(out + n, c);
      c = '}'; /* what stands before a joiner is what was written */
    }
    p += used;
    before = c;
  }
  return n;
}

size_t smpp_utf8_prefix(const uint8_t *octets, size_t length) {
  const uint8_t *p = octets, *end = octets + length;
  uint32_t c = 0;
  unsigned used;
  while ((used = smpp_utf8_get(p, end, &c)) != 0) p += used;
  return (size_t)(p - octets);
}
