/* ucs2.h - UTF-16 <-> UTF-8.  SMPP says UCS-2, big-endian; phones and peers send
 * and show surrogate pairs, so it is read and written as UTF-16. */
#ifndef SMPP_UCS2_H
#define SMPP_UCS2_H

#include "chars.h"

enum smpp_byte_order {
  SMPP_BIG_ENDIAN,
  SMPP_LITTLE_ENDIAN,
  SMPP_MARKED_ENDIAN /* written big-endian behind FE FF; read as the mark says, big-endian without one */
};

/* Encodes UTF-8.  Failures, with |fault| filled: SMPP_ERR_BAD_VALUE (ill-formed
 * UTF-8), SMPP_ERR_TOO_LONG (|capacity|; 2 * |length| + 2 always suffices). */
SMPP_MUST_CHECK int smpp_ucs2_encode(enum smpp_byte_order order, const uint8_t *text, size_t length,
                                     uint8_t *out, size_t capacity, size_t *octets,
                                     struct smpp_text_fault *fault);

/* Decodes; never fails: half a surrogate pair and an odd last octet become U+FFFD.
 * A leading FE FF is dropped.  |out| needs room for 2 * |length| + 3 octets.
 * Returns the octets written. */
size_t smpp_ucs2_decode(enum smpp_byte_order order, const uint8_t *octets, size_t length, uint8_t *out,
                        struct smpp_text_problems *problems);

#endif
