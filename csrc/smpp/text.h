/* text.h - text in any encoding: encode, decode, measure, and cut into parts.
 *
 * Text is UTF-8.  A unit is what a message is counted in: a septet, an octet or
 * half of a UTF-16 pair.  Foreign encodings (charset.h) are converted outside;
 * cutting them takes the converted octets as a measure. */
#ifndef SMPP_TEXT_H
#define SMPP_TEXT_H

#include "charset.h"

#define SMPP_MESSAGE_OCTETS 140u /* one short message on the air */
#define SMPP_MAX_PARTS 255u

/* An encoding with its national language tables (gsm7 and gsm7_packed; else 0). */
struct smpp_coding {
  enum smpp_encoding encoding;
  unsigned locking, single;
};

/* Units that fit one message behind a user data header of |header_octets|. */
size_t smpp_text_capacity(enum smpp_encoding encoding, size_t header_octets);

/* Zero bits between a header and the first packed septet: 0 to 6. */
static inline unsigned smpp_text_fill(size_t header_octets) { return (unsigned)(7 - header_octets * 8 % 7) % 7; }

/* What |out| of encode and decode must take, whatever the text. */
static inline size_t smpp_text_encode_bound(size_t length) { return 2 * length + 4; }
static inline size_t smpp_text_decode_bound(size_t length) { return 4 * length + 4; }

/* Encodes into |out|, which takes smpp_text_encode_bound(length) octets.
 * |units|: septets, octets or 16-bit units.  Failures: SMPP_ERR_UNMAPPABLE,
 * SMPP_ERR_BAD_VALUE (ill-formed UTF-8), both with |fault| filled;
 * SMPP_ERR_UNKNOWN_FIELD (no such language table; a foreign encoding). */
SMPP_MUST_CHECK int smpp_text_encode(const struct smpp_coding *coding, const uint8_t *text, size_t length,
                                     unsigned fill, uint8_t *out, size_t *octets, size_t *units,
                                     struct smpp_text_fault *fault);

/* Decodes into |out|, which takes smpp_text_decode_bound(length) octets, and
 * returns the octets written.  Never fails: oddities go to |problems|.
 * |fill| and |septets| (SIZE_MAX: as many as there are) are for gsm7_packed.
 * Foreign encodings and binary are handed on unchanged. */
size_t smpp_text_decode(const struct smpp_coding *coding, const uint8_t *octets, size_t length, unsigned fill,
                        size_t septets, uint8_t *out, struct smpp_text_problems *problems);

/* Units that the character |c| takes; 0 when it cannot be encoded, and for foreign encodings. */
unsigned smpp_coding_units(const struct smpp_coding *coding, uint32_t c);

/* Cuts a text into parts, one smpp_text_cut() each. */
struct smpp_cutter {
  struct smpp_coding coding;
  const uint8_t *text, *end;          /* what is left */
  const uint8_t *foreign, *foreign_end; /* the same, encoded; NULL unless foreign */
  bool graphemes;                     /* keep grapheme clusters in one part */
};

/* Takes the longest part of at most |capacity| units off the text; a pair that
 * belongs together is never cut.  |octets| of the text, |units| encoded.
 * Failures: SMPP_ERR_UNMAPPABLE, SMPP_ERR_BAD_VALUE (ill-formed UTF-8; foreign
 * octets that do not match), SMPP_ERR_TOO_LONG (not even one character fits). */
SMPP_MUST_CHECK int smpp_text_cut(struct smpp_cutter *cutter, size_t capacity, size_t *octets, size_t *units);

#endif
