#include "gsm7.h"

struct gsm7_pair {
  uint16_t character;
  uint8_t code;
};

struct gsm7_table {
  const uint16_t *characters;     /* by code; 0: none */
  const uint8_t *latin;           /* U+0000 to U+00FF -> code; NONE */
  const struct gsm7_pair *others; /* the rest, ascending */
  size_t other_count;
};

#include "gsm7_data.h"

enum { NONE = 0xFF, CR = 0x0D };

const char *smpp_language_name(unsigned id) { return id < SMPP_LANGUAGES ? language_names[id] : NULL; }

bool smpp_language_has_locking(unsigned id) {
  return id < SMPP_LANGUAGES && locking_tables[id].characters != NULL;
}

bool smpp_language_has_single(unsigned id) {
  return id < SMPP_LANGUAGES && single_tables[id].characters != NULL;
}

static unsigned lookup(const struct gsm7_table *table, uint32_t c) {
  if (c < 0x100) return table->latin[c];
  size_t low = 0, high = table->other_count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (table->others[middle].character == c) return table->others[middle].code;
    if (table->others[middle].character < c) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return NONE;
}

unsigned smpp_gsm7_units(unsigned locking, unsigned single, uint32_t c) {
  if (!smpp_language_has_locking(locking) || !smpp_language_has_single(single)) return 0;
  if (lookup(&locking_tables[locking], c) != NONE) return 1;
  return lookup(&single_tables[single], c) != NONE ? 2 : 0;
}

static int failed(struct smpp_text_fault *fault, const uint8_t *text, const uint8_t *p, uint32_t c, int error) {
  fault->character = 1;
  for (const uint8_t *q = text; q < p; q++) fault->character += (*q & 0xC0) != 0x80;
  fault->octet = (size_t)(p - text) + 1;
  fault->codepoint = c;
  return error;
}

int smpp_gsm7_encode(unsigned locking, unsigned single, const uint8_t *text, size_t length, uint8_t *out,
                     size_t capacity, size_t *septets, struct smpp_text_fault *fault) {
  if (!smpp_language_has_locking(locking) || !smpp_language_has_single(single)) return SMPP_ERR_UNKNOWN_FIELD;
  const struct gsm7_table *main_table = &locking_tables[locking], *shift = &single_tables[single];
  const uint8_t *latin = main_table->latin, *end = text + length;
  size_t n = 0;
  if (out == NULL) capacity = SIZE_MAX;
  for (const uint8_t *p = text; p < end;) {
    uint32_t c = *p;
    unsigned code, used = 1;
    if (c < 0x80) {
      code = latin[c];
    } else {
      used = smpp_utf8_get(p, end, &c);
      if (used == 0) return failed(fault, text, p, 0, SMPP_ERR_BAD_VALUE);
      code = lookup(main_table, c);
    }
    if (code == NONE) {
      code = lookup(shift, c);
      if (code == NONE) return failed(fault, text, p, c, SMPP_ERR_UNMAPPABLE);
      if (capacity - n < 2) return failed(fault, text, p, c, SMPP_ERR_TOO_LONG);
      if (out != NULL) out[n] = SMPP_GSM7_ESCAPE;
      n++;
    }
    if (n == capacity) return failed(fault, text, p, c, SMPP_ERR_TOO_LONG);
    if (out != NULL) out[n] = (uint8_t)code;
    n++;
    p += used;
  }
  *septets = n;
  return 0;
}

size_t smpp_gsm7_decode(unsigned locking, unsigned single, const uint8_t *septets, size_t count, uint8_t *out,
                        struct smpp_text_problems *problems) {
  if (!smpp_language_has_locking(locking)) {
    smpp_text_problem_add(problems, SMPP_TEXT_UNKNOWN_LANGUAGE, 1);
    locking = 0;
  }
  if (!smpp_language_has_single(single)) {
    smpp_text_problem_add(problems, SMPP_TEXT_UNKNOWN_LANGUAGE, 1);
    single = 0;
  }
  const uint16_t *characters = locking_tables[locking].characters, *shift = single_tables[single].characters;
  uint8_t *start = out;
  for (size_t i = 0; i < count; i++) {
    unsigned septet = septets[i];
    uint32_t c = septet < 0x80 ? characters[septet] : 0;
    if (c - 1 < 0x7F) { /* ASCII, the common case */
      *out++ = (uint8_t)c;
      continue;
    }
    if (septet > 0x7F) {
      smpp_text_problem_add(problems, SMPP_TEXT_HIGH_BIT, i + 1);
      c = SMPP_REPLACEMENT;
    } else if (septet == SMPP_GSM7_ESCAPE) {
      if (i + 1 == count) {
        smpp_text_problem_add(problems, SMPP_TEXT_LONE_ESCAPE, i + 1);
        break;
      }
      septet = septets[i + 1];
      if (septet > 0x7F) { /* reported in its own turn */
        smpp_text_problem_add(problems, SMPP_TEXT_UNDEFINED, i + 1);
        continue;
      }
      i++;
      c = shift[septet];
      if (septet == SMPP_GSM7_ESCAPE) {
        smpp_text_problem_add(problems, SMPP_TEXT_RESERVED_ESCAPE, i);
        c = ' ';
      } else if (c == 0) { /* 23.038, 6.2.1.1: a phone without the table shows the main one's character */
        smpp_text_problem_add(problems, SMPP_TEXT_UNDEFINED, i);
        c = characters[septet];
      }
    } else if (c == 0) {
      smpp_text_problem_add(problems, SMPP_TEXT_UNDEFINED, i + 1);
    }
    out += smpp_utf8_put(out, c != 0 ? c : ' ');
  }
  return (size_t)(out - start);
}

void smpp_gsm7_pack(const uint8_t *septets, size_t count, unsigned fill, uint8_t *out) {
  uint32_t bits = 0;
  unsigned held = fill;
  for (size_t i = 0; i < count; i++) {
    bits |= (uint32_t)(septets[i] & 0x7Fu) << held;
    held += 7;
    if (held >= 8) {
      *out++ = (uint8_t)bits;
      bits >>= 8;
      held -= 8;
    }
  }
  if (count > 0 && held > 0) *out = (uint8_t)bits;
}

size_t smpp_gsm7_unpack(const uint8_t *octets, size_t length, unsigned fill, size_t count, uint8_t *out) {
  size_t most = smpp_gsm7_unpacked_length(length, fill);
  size_t n = count < most ? count : most;
  for (size_t i = 0; i < n; i++) {
    size_t bit = fill + 7 * i;
    uint32_t two = octets[bit / 8];
    if (bit / 8 + 1 < length) two |= (uint32_t)octets[bit / 8 + 1] << 8;
    out[i] = (uint8_t)(two >> bit % 8 & 0x7F);
  }
  /* 23.038, 6.1.2.3.1: 7 spare bits read like one more septet. */
  bool spare = count == SIZE_MAX && n > 0 && fill + 7 * n == 8 * length;
  if (spare && (out[n - 1] == 0 || out[n - 1] == CR)) n--;
  return n;
}
