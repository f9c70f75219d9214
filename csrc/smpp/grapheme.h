/* grapheme.h - grapheme clusters, user-perceived characters: an emoji with its skin tone
 * and joiners, a flag, a letter with its accents, a Hangul syllable, CR LF. */
#ifndef SMPP_GRAPHEME_H
#define SMPP_GRAPHEME_H

#include "chars.h"

/* Octets of the first grapheme cluster (UAX #29, extended) of the UTF-8 between
 * |p| and |end|; ill-formed UTF-8 stands alone, octet by octet; 0 at the end. */
size_t smpp_grapheme_length(const uint8_t *p, const uint8_t *end);

#endif
