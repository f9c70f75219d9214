/* gsm7.h - the GSM 7-bit alphabet of 3GPP TS 23.038 with all national language
 * tables: UTF-8 <-> septets (one per octet), and septets <-> packed octets.
 *
 * A language is its number there: 0 default, 1 turkish … 13 urdu.  |locking|
 * names the main table, |single| the table behind the escape 0x1B. */
#ifndef SMPP_GSM7_H
#define SMPP_GSM7_H

#include "chars.h"

#define SMPP_GSM7_ESCAPE 0x1Bu
#define SMPP_LANGUAGES 14u

/* NULL when there is no such language. */
const char *smpp_language_name(unsigned id);

/* Every language has a single shift table; spanish (2) has no locking one. */
bool smpp_language_has_locking(unsigned id);
bool smpp_language_has_single(unsigned id);

/* Septets that |c| takes: 1, 2 behind an escape, 0 when neither table has it. */
unsigned smpp_gsm7_units(unsigned locking, unsigned single, uint32_t c);

/* Encodes |length| octets of UTF-8.  |out| NULL only counts.  Failures, with
 * |fault| filled: SMPP_ERR_UNMAPPABLE, SMPP_ERR_BAD_VALUE (ill-formed UTF-8),
 * SMPP_ERR_TOO_LONG (|capacity| is too small; 2 * |length| always suffices).
 * A language without the table asked for: SMPP_ERR_UNKNOWN_FIELD. */
SMPP_MUST_CHECK int smpp_gsm7_encode(unsigned locking, unsigned single, const uint8_t *text, size_t length,
                                     uint8_t *out, size_t capacity, size_t *septets,
                                     struct smpp_text_fault *fault);

/* Decodes septets; never fails.  |out| needs room for 3 * |count| + 1 octets and
 * may overlap |septets| if those lie in its last third.  Returns the octets
 * written.  A language without a table is read with the default one. */
size_t smpp_gsm7_decode(unsigned locking, unsigned single, const uint8_t *septets, size_t count, uint8_t *out,
                        struct smpp_text_problems *problems);

/* Octets that |count| septets take behind |fill| zero bits (0 to 6). */
static inline size_t smpp_gsm7_packed_length(size_t count, unsigned fill) {
  return count == 0 ? 0 : (7 * count + fill + 7) / 8;
}

/* Packs into smpp_gsm7_packed_length() octets; |out| may be |septets|. */
void smpp_gsm7_pack(const uint8_t *septets, size_t count, unsigned fill, uint8_t *out);

/* Septets that |length| packed octets hold at most: what |out| of unpack needs. */
static inline size_t smpp_gsm7_unpacked_length(size_t length, unsigned fill) {
  return length == 0 ? 0 : (8 * length - fill) / 7;
}

/* Unpacks |count| septets, or as many as there are when |count| is SIZE_MAX: a
 * last septet of 0 or CR that only fills the 7 spare bits is then dropped.
 * Returns the number of septets. */
size_t smpp_gsm7_unpack(const uint8_t *octets, size_t length, unsigned fill, size_t count, uint8_t *out);

#endif
