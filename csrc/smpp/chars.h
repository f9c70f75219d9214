/* chars.h - shared by all alphabets: one character of UTF-8 in or out, where
 * a text could not be encoded, and problems of received octets. */
#ifndef SMPP_CHARS_H
#define SMPP_CHARS_H

#include <stdbool.h>

#include "error.h"

#define SMPP_REPLACEMENT 0xFFFDu /* replaces malformed octets */

/* Where encoding stopped.  Positions count from 1. */
struct smpp_text_fault {
  size_t character;   /* which character of the text */
  size_t octet;       /* where in the UTF-8 it begins */
  uint32_t codepoint; /* 0 when the UTF-8 is ill-formed there */
};

/* name in Lua, text for people */
#define SMPP_TEXT_PROBLEMS(P)                                                             \
  P(HIGH_BIT, "high_bit", "an octet above 0x7F is not in this alphabet")                  \
  P(UNDEFINED, "undefined", "the alphabet has no character with this code")               \
  P(LONE_ESCAPE, "lone_escape", "truncated: the text ends after an escape")               \
  P(RESERVED_ESCAPE, "reserved_escape", "two escapes: reserved (23.038, 6.2.1.1)")         \
  P(LONE_SURROGATE, "lone_surrogate", "malformed UTF-16: half of a surrogate pair")       \
  P(ODD_OCTET, "odd_octet", "truncated: the last octet is half of a 16-bit unit")         \
  P(BYTE_ORDER_MARK, "byte_order_mark", "begins with a byte order mark")                  \
  P(LITTLE_ENDIAN, "little_endian", "begins with FF FE: the peer seems to be little-endian") \
  P(ILL_FORMED, "ill_formed", "malformed UTF-8")                                          \
  P(UNKNOWN_LANGUAGE, "unknown_language", "unknown national language: read with the default table")

#define SMPP_TEXT_PROBLEM_ENUM(code, name, text) SMPP_TEXT_##code,
enum smpp_text_problem { SMPP_TEXT_PROBLEMS(SMPP_TEXT_PROBLEM_ENUM) SMPP_TEXT_PROBLEM_COUNT };
#undef SMPP_TEXT_PROBLEM_ENUM

/* The first problems of a text; |count| counts all of them. */
#define SMPP_TEXT_PROBLEMS_KEPT 16
struct smpp_text_problems {
  size_t count;
  struct {
    enum smpp_text_problem problem;
    size_t octet; /* from 1 */
  } kept[SMPP_TEXT_PROBLEMS_KEPT];
};

static inline void smpp_text_problem_add(struct smpp_text_problems *p, enum smpp_text_problem problem,
                                         size_t octet) {
  if (p->count < SMPP_TEXT_PROBLEMS_KEPT) {
    p->kept[p->count].problem = problem;
    p->kept[p->count].octet = octet;
  }
  p->count++;
}

/* Reads one character.  Returns its octets (1 to 4), 0 when |p| == |end| or the
 * UTF-8 is ill-formed (overlong, surrogate, above U+10FFFF, cut short). */
static inline unsigned smpp_utf8_get(const uint8_t *p, const uint8_t *end, uint32_t *c) {
  size_t left = (size_t)(end - p);
  if (left == 0) return 0;
  if (p[0] < 0x80) {
    *c = p[0];
    return 1;
  }
  if (p[0] < 0xC2 || left < 2 || (p[1] & 0xC0) != 0x80) return 0;
  if (p[0] < 0xE0) {
    *c = (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
    return 2;
  }
  if (left < 3 || (p[2] & 0xC0) != 0x80) return 0;
  if (p[0] < 0xF0) {
    *c = (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
    return *c < 0x800 || (*c >= 0xD800 && *c <= 0xDFFF) ? 0 : 3;
  }
  if (p[0] > 0xF4 || left < 4 || (p[3] & 0xC0) != 0x80) return 0;
  *c = (p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
  return *c < 0x10000 || *c > 0x10FFFF ? 0 : 4;
}

/* Writes |c| (at most U+10FFFF); |out| needs room for 4 octets.  Returns its octets. */
static inline unsigned smpp_utf8_put(uint8_t *out, uint32_t c) {
  if (c < 0x80) {
    out[0] = (uint8_t)c;
    return 1;
  }
  if (c < 0x800) {
    out[0] = (uint8_t)(0xC0 | c >> 6);
    out[1] = (uint8_t)(0x80 | (c & 0x3F));
    return 2;
  }
  if (c < 0x10000) {
    out[0] = (uint8_t)(0xE0 | c >> 12);
    out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
    out[2] = (uint8_t)(0x80 | (c & 0x3F));
    return 3;
  }
  out[0] = (uint8_t)(0xF0 | c >> 18);
  out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3F));
  out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
  out[3] = (uint8_t)(0x80 | (c & 0x3F));
  return 4;
}

#endif
