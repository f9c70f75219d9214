#include "text.h"

#include <string.h>

#include "grapheme.h"
#include "gsm7.h"
#include "ucs2.h"

size_t smpp_text_capacity(enum smpp_encoding encoding, size_t header_octets) {
  if (header_octets >= SMPP_MESSAGE_OCTETS) return 0;
  size_t left = SMPP_MESSAGE_OCTETS - header_octets;
  switch (smpp_encoding_unit(encoding)) {
    case SMPP_SEPTET:
      return left * 8 / 7;
    case SMPP_UNIT16:
      return encoding == SMPP_UCS2_BOM && left >= 2 ? left / 2 - 1 : left / 2;
    default:
      return left;
  }
}

static enum smpp_byte_order byte_order(enum smpp_encoding encoding) {
  return encoding == SMPP_UCS2_LE    ? SMPP_LITTLE_ENDIAN
         : encoding == SMPP_UCS2_BOM ? SMPP_MARKED_ENDIAN
                                     : SMPP_BIG_ENDIAN;
}

unsigned smpp_coding_units(const struct smpp_coding *coding, uint32_t c) {
  switch (coding->encoding) {
    case SMPP_GSM7: case SMPP_GSM7_PACKED:
      return smpp_gsm7_units(coding->locking, coding->single, c);
    case SMPP_UCS2: case SMPP_UCS2_LE: case SMPP_UCS2_BOM:
      return c > 0xFFFF ? 2 : 1;
    case SMPP_BINARY: case SMPP_UTF8:
      return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    default:
      if (smpp_encoding_is_foreign(coding->encoding)) return 0;
      return smpp_charset_octet(coding->encoding, c) >= 0;
  }
}

static int encode_utf8(const uint8_t *text, size_t length, uint8_t *out, struct smpp_text_fault *fault) {
  const uint8_t *end = text + length;
  size_t n = 0;
  for (const uint8_t *p = text; p < end; n++) {
    uint32_t c = 0;
    unsigned used = smpp_utf8_get(p, end, &c);
    if (used == 0) {
      *fault = (struct smpp_text_fault){n + 1, (size_t)(p - text) + 1, 0};
      return SMPP_ERR_BAD_VALUE;
    }
    p += used;
  }
  if (length > 0) memcpy(out, text, length);
  return 0;
}

static int encode_octets(enum smpp_encoding encoding, const uint8_t *text, size_t length, uint8_t *out,
                         size_t *octets, struct smpp_text_fault *fault) {
  const uint8_t *end = text + length;
  size_t n = 0;
  for (const uint8_t *p = text; p < end;) {
    uint32_t c = 0;
    unsigned used = smpp_utf8_get(p, end, &c);
    int octet = used == 0 ? -1 : smpp_charset_octet(encoding, c);
    if (octet < 0) {
      fault->character = n + 1;
      fault->octet = (size_t)(p - text) + 1;
      fault->codepoint = used == 0 ? 0 : c;
      return used == 0 ? SMPP_ERR_BAD_VALUE : SMPP_ERR_UNMAPPABLE;
    }
    out[n++] = (uint8_t)octet;
    p += used;
  }
  *octets = n;
  return 0;
}

int smpp_text_encode(const struct smpp_coding *coding, const uint8_t *text, size_t length, unsigned fill,
                     uint8_t *out, size_t *octets, size_t *units, struct smpp_text_fault *fault) {
  size_t bound = smpp_text_encode_bound(length);
  int err = 0;
  switch (coding->encoding) {
    case SMPP_GSM7: case SMPP_GSM7_PACKED:
      err = smpp_gsm7_encode(coding->locking, coding->single, text, length, out, bound, units, fault);
      if (err != 0) return err;
      *octets = *units;
      if (coding->encoding == SMPP_GSM7_PACKED) {
        *octets = smpp_gsm7_packed_length(*units, fill);
        smpp_gsm7_pack(out, *units, fill, out);
      }
      return 0;
    case SMPP_UCS2: case SMPP_UCS2_LE: case SMPP_UCS2_BOM:
      err = smpp_ucs2_encode(byte_order(coding->encoding), text, length, out, bound, octets, fault);
      if (err != 0) return err;
      *units = *octets / 2 - (coding->encoding == SMPP_UCS2_BOM ? 1 : 0);
      return 0;
    case SMPP_BINARY:
      if (length > 0) memcpy(out, text, length);
      *octets = *units = length;
      return 0;
    case SMPP_UTF8:
      err = encode_utf8(text, length, out, fault);
      *octets = *units = err == 0 ? length : 0;
      return err;
    default:
      if (smpp_encoding_is_foreign(coding->encoding)) return SMPP_ERR_UNKNOWN_FIELD;
      err = encode_octets(coding->encoding, text, length, out, octets, fault);
      *units = err == 0 ? *octets : 0;
      return err;
  }
}

static size_t decode_octets(enum smpp_encoding encoding, const uint8_t *octets, size_t length, uint8_t *out,
                            struct smpp_text_problems *problems) {
  uint8_t *start = out;
  for (size_t i = 0; i < length; i++) {
    uint32_t c = smpp_charset_character(encoding, octets[i]);
    if (c == SMPP_NO_CHARACTER) {
      smpp_text_problem_add(problems, encoding == SMPP_ASCII ? SMPP_TEXT_HIGH_BIT : SMPP_TEXT_UNDEFINED, i + 1);
      c = SMPP_REPLACEMENT;
    }
    out += smpp_utf8_put(out, c);
  }
  return (size_t)(out - start);
}

/* A byte order mark at the start goes (RFC 3629, 6). */
static size_t decode_utf8(const uint8_t *octets, size_t length, uint8_t *out, struct smpp_text_problems *problems) {
  const uint8_t *p = octets, *end = octets + length;
  uint8_t *start = out;
  if (length >= 3 && memcmp(octets, "\xEF\xBB\xBF", 3) == 0) {
    smpp_text_problem_add(problems, SMPP_TEXT_BYTE_ORDER_MARK, 1);
    p += 3;
  }
  while (p < end) {
    uint32_t c = SMPP_REPLACEMENT;
    unsigned used = smpp_utf8_get(p, end, &c);
    if (used == 0) {
      smpp_text_problem_add(problems, SMPP_TEXT_ILL_FORMED, (size_t)(p - octets) + 1);
      c = SMPP_REPLACEMENT;
      used = 1;
    }
    out += smpp_utf8_put(out, c);
    p += used;
  }
  return (size_t)(out - start);
}

size_t smpp_text_decode(const struct smpp_coding *coding, const uint8_t *octets, size_t length, unsigned fill,
                        size_t septets, uint8_t *out, struct smpp_text_problems *problems) {
  switch (coding->encoding) {
    case SMPP_GSM7:
      return smpp_gsm7_decode(coding->locking, coding->single, octets, length, out, problems);
    case SMPP_GSM7_PACKED: {
      /* Unpacked into the end of |out|, where decoding reads faster than it writes. */
      uint8_t *unpacked = out + 2 * smpp_gsm7_unpacked_length(length, fill);
      size_t count = smpp_gsm7_unpack(octets, length, fill, septets, unpacked);
      return smpp_gsm7_decode(coding->locking, coding->single, unpacked, count, out, problems);
    }
    case SMPP_UCS2: case SMPP_UCS2_LE: case SMPP_UCS2_BOM:
      return smpp_ucs2_decode(byte_order(coding->encoding), octets, length, out, problems);
    case SMPP_UTF8:
      return decode_utf8(octets, length, out, problems);
    default:
      if (smpp_encoding_is_charset(coding->encoding))
        return decode_octets(coding->encoding, octets, length, out, problems);
      if (length > 0) memcpy(out, octets, length);
      return length;
  }
}

/* A character of the text: its octets there, its units encoded. */
struct character {
  unsigned octets, units;
};

static int next_character(const struct smpp_cutter *cutter, const uint8_t *p, const uint8_t *foreign,
                          struct character *out) {
  uint32_t c = 0;
  if (cutter->coding.encoding == SMPP_BINARY) {
    out->octets = out->units = 1;
    return 0;
  }
  out->octets = smpp_utf8_get(p, cutter->end, &c);
  if (out->octets == 0) return SMPP_ERR_BAD_VALUE;
  if (cutter->foreign != NULL) {
    size_t left = (size_t)(cutter->foreign_end - foreign);
    out->units = left == 0 ? 0 : smpp_foreign_length(cutter->coding.encoding, *foreign);
    return out->units == 0 || out->units > left ? SMPP_ERR_BAD_VALUE : 0;
  }
  out->units = smpp_coding_units(&cutter->coding, c);
  return out->units == 0 ? SMPP_ERR_UNMAPPABLE : 0;
}

/* Characters that shall stay together: their octets and units. */
struct run {
  size_t octets, units;
};

/* The characters of the run at |p|: at most |octets| of it, and |units|. */
static int measure_run(const struct smpp_cutter *cutter, const uint8_t *p, const uint8_t *foreign, size_t octets,
                       size_t units, struct run *run) {
  run->octets = run->units = 0;
  while (run->octets < octets) {
    struct character character;
    int err = next_character(cutter, p + run->octets, foreign, &character);
    if (err != 0) return err;
    if (character.units > units - run->units) break;
    run->octets += character.octets;
    run->units += character.units;
    if (foreign != NULL) foreign += character.units;
  }
  return 0;
}

int smpp_text_cut(struct smpp_cutter *cutter, size_t capacity, size_t *octets, size_t *units) {
  const uint8_t *p = cutter->text, *foreign = cutter->foreign;
  bool graphemes = cutter->graphemes && cutter->coding.encoding != SMPP_BINARY;
  size_t taken = 0;
  while (p < cutter->end) {
    struct run run;
    /* No further than what must be too big, or a megabyte of accents would take forever. */
    size_t left = (size_t)(cutter->end - p), far = left / 4 > capacity ? 4 * (capacity + 1) : left;
    size_t together = graphemes ? smpp_grapheme_length(p, p + far) : 1;
    int err = measure_run(cutter, p, foreign, together, SIZE_MAX, &run);
    if (err != 0) return err;
    bool too_big = run.units > capacity; /* for any part: cut it between characters */
    if (too_big) {
      err = measure_run(cutter, p, foreign, together, capacity - taken, &run);
      if (err != 0) return err;
    }
    if (run.units > capacity - taken) break;
    taken += run.units;
    p += run.octets;
    if (foreign != NULL) foreign += run.units;
    if (too_big) break;
  }
  if (p == cutter->text && p < cutter->end) return SMPP_ERR_TOO_LONG;
  *octets = (size_t)(p - cutter->text);
  *units = taken;
  cutter->text = p;
  cutter->foreign = foreign;
  return 0;
}
