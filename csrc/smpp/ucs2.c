#include "ucs2.h"

enum { MARK = 0xFEFF, SWAPPED_MARK = 0xFFFE };

static void put_unit(enum smpp_byte_order order, uint8_t *out, uint32_t unit) {
  bool little = order == SMPP_LITTLE_ENDIAN;
  out[little ? 1 : 0] = (uint8_t)(unit >> 8);
  out[little ? 0 : 1] = (uint8_t)unit;
}

static uint32_t get_unit(enum smpp_byte_order order, const uint8_t *p) {
  return order == SMPP_LITTLE_ENDIAN ? (uint32_t)p[1] << 8 | p[0] : (uint32_t)p[0] << 8 | p[1];
}

int smpp_ucs2_encode(enum smpp_byte_order order, const uint8_t *text, size_t length, uint8_t *out,
                     size_t capacity, size_t *octets, struct smpp_text_fault *fault) {
  const uint8_t *end = text + length;
  size_t n = 0;
  fault->character = 1;
  fault->octet = 1;
  fault->codepoint = 0;
  if (order == SMPP_MARKED_ENDIAN) {
    if (capacity < 2) return SMPP_ERR_TOO_LONG;
    put_unit(order, out, MARK);
    n = 2;
  }
  for (const uint8_t *p = text; p < end; fault->character++) {
    uint32_t c = 0;
    unsigned used = smpp_utf8_get(p, end, &c);
    fault->octet = (size_t)(p - text) + 1;
    fault->codepoint = used == 0 ? 0 : c;
    if (used == 0) return SMPP_ERR_BAD_VALUE;
    if (capacity - n < (c > 0xFFFF ? 4u : 2u)) return SMPP_ERR_TOO_LONG;
    if (c > 0xFFFF) {
      put_unit(order, out + n, 0xD800 + ((c - 0x10000) >> 10));
      put_unit(order, out + n + 2, 0xDC00 + ((c - 0x10000) & 0x3FF));
      n += 4;
    } else {
      put_unit(order, out + n, c);
      n += 2;
    }
    p += used;
  }
  *octets = n;
  return 0;
}

size_t smpp_ucs2_decode(enum smpp_byte_order order, const uint8_t *octets, size_t length, uint8_t *out,
                        struct smpp_text_problems *problems) {
  uint8_t *start = out;
  size_t i = 0;
  if (length >= 2) {
    uint32_t first = get_unit(order, octets);
    if (first == MARK) {
      if (order != SMPP_MARKED_ENDIAN) smpp_text_problem_add(problems, SMPP_TEXT_BYTE_ORDER_MARK, 1);
      i = 2;
    } else if (first == SWAPPED_MARK && order == SMPP_MARKED_ENDIAN) {
      order = SMPP_LITTLE_ENDIAN;
      i = 2;
    } else if (first == SWAPPED_MARK && order == SMPP_BIG_ENDIAN) {
      smpp_text_problem_add(problems, SMPP_TEXT_LITTLE_ENDIAN, 1);
    }
  }
  for (; i + 2 <= length; i += 2) {
    uint32_t c = get_unit(order, octets + i);
    if (c >= 0xD800 && c <= 0xDFFF) {
      uint32_t low = c < 0xDC00 && i + 4 <= length ? get_unit(order, octets + i + 2) : 0;
      if (low >= 0xDC00 && low <= 0xDFFF) {
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        i += 2;
      } else {
        smpp_text_problem_add(problems, SMPP_TEXT_LONE_SURROGATE, i + 1);
        c = SMPP_REPLACEMENT;
      }
    }
    out += smpp_utf8_put(out, c);
  }
  if (i < length) {
    smpp_text_problem_add(problems, SMPP_TEXT_ODD_OCTET, i + 1);
    out += smpp_utf8_put(out, SMPP_REPLACEMENT);
  }
  return (size_t)(out - start);
}
