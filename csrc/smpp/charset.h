/* charset.h - the encodings by name, and the alphabets of one octet per character. */
#ifndef SMPP_CHARSET_H
#define SMPP_CHARSET_H

#include "chars.h"

/* name, name in Lua, the data_coding it is sent with (NO_DATA_CODING: SMPP has none, a peer's own may), what its units
 * are, table of an alphabet of one octet per character: csrc/tables/charsets has a file of the encoding's name */
#define SMPP_ENCODINGS(E)                                                \
  E(GSM7, "gsm7", 0x00, SEPTET, NULL)                                    \
  E(GSM7_PACKED, "gsm7_packed", 0x00, SEPTET, NULL)                      \
  E(ASCII, "ascii", 0x01, OCTET, NULL)                                   \
  E(LATIN1, "latin1", 0x03, OCTET, latin1)                               \
  E(BINARY, "binary", 0x04, OCTET, NULL)                                 \
  E(SHIFT_JIS, "shift_jis", 0x05, OCTET, NULL)                           \
  E(ISO_8859_5, "iso-8859-5", 0x06, OCTET, iso_8859_5)                   \
  E(ISO_8859_8, "iso-8859-8", 0x07, OCTET, iso_8859_8)                   \
  E(UCS2, "ucs2", 0x08, UNIT16, NULL)                                    \
  E(UCS2_LE, "ucs2_le", 0x08, UNIT16, NULL)                              \
  E(UCS2_BOM, "ucs2_bom", 0x08, UNIT16, NULL)                            \
  E(ISO_2022_JP, "iso-2022-jp", 0x0A, OCTET, NULL)                       \
  E(EUC_JP, "euc-jp", 0x0D, OCTET, NULL)                                 \
  E(EUC_KR, "euc-kr", 0x0E, OCTET, NULL)                                 \
  E(ISO_8859_15, "iso-8859-15", SMPP_NO_DATA_CODING, OCTET, iso_8859_15) \
  E(CP1252, "cp1252", SMPP_NO_DATA_CODING, OCTET, cp1252)                \
  E(UTF8, "utf-8", SMPP_NO_DATA_CODING, OCTET, NULL)

#define SMPP_NO_DATA_CODING (-1)

enum smpp_unit { SMPP_SEPTET, SMPP_OCTET, SMPP_UNIT16 };

#define SMPP_ENCODING_ENUM(code, name, data_coding, unit, table) SMPP_##code,
enum smpp_encoding { SMPP_ENCODINGS(SMPP_ENCODING_ENUM) SMPP_ENCODING_COUNT };
#undef SMPP_ENCODING_ENUM

const char *smpp_encoding_name(enum smpp_encoding encoding);
/* 0 to 255, or SMPP_NO_DATA_CODING. */
int smpp_encoding_data_coding(enum smpp_encoding encoding);
enum smpp_unit smpp_encoding_unit(enum smpp_encoding encoding);

/* True for those that only libc's iconv converts: their octets come from outside the core. */
bool smpp_encoding_is_foreign(enum smpp_encoding encoding);

/* Octets of the character that begins with |lead| in a foreign encoding without
 * shift states (1 to 3); 0 for iso-2022-jp, whose characters cannot be told apart so. */
unsigned smpp_foreign_length(enum smpp_encoding encoding, uint8_t lead);

#define SMPP_NO_CHARACTER 0xFFFFFFFFu

/* True for ascii and the alphabets that have a table: one octet per character. */
bool smpp_encoding_is_charset(enum smpp_encoding encoding);

/* Of these, the character of an octet, or SMPP_NO_CHARACTER. */
uint32_t smpp_charset_character(enum smpp_encoding encoding, uint8_t octet);

/* The other way; -1 when |c| is not in the alphabet. */
int smpp_charset_octet(enum smpp_encoding encoding, uint32_t c);

#endif
