/* udh.h - the user data header in front of a short message (3GPP TS 23.040, 9.2.3.24):
 * one octet of length, then elements of identifier (IEI), length and data. */
#ifndef SMPP_UDH_H
#define SMPP_UDH_H

#include "wire.h"

enum smpp_iei {
  SMPP_IEI_CONCAT_8BIT = 0x00,
  SMPP_IEI_PORT_8BIT = 0x04,
  SMPP_IEI_PORT_16BIT = 0x05,
  SMPP_IEI_CONCAT_16BIT = 0x08,
  SMPP_IEI_SINGLE_SHIFT = 0x24,
  SMPP_IEI_LOCKING_SHIFT = 0x25
};

/* A number within an element's data. */
struct smpp_udh_field {
  const char *name; /* NULL ends a list */
  uint8_t offset, octets;
  uint8_t shift, bits; /* within these octets; bits 0: all of them */
};

/* The definition of an element in the standard, or of a range of them. */
struct smpp_udh_row {
  uint8_t first, last;
  const char *name;
  uint8_t min, max; /* octets of data */
  bool repeatable;
  const struct smpp_udh_field *fields;
};

/* Never NULL: elements that the standard does not define have the name "reserved". */
const struct smpp_udh_row *smpp_udh_row(uint8_t iei);

/* The element of this name, -1 when there is none or the name stands for several. */
int smpp_udh_iei(const char *name);

struct smpp_udh_element {
  uint8_t iei, length;
  const uint8_t *data; /* borrowed from the header */
};

/* Prepares reading the elements at the start of |octets|.  |header_octets|: with
 * the length octet.  Failures, after which all of it counts as text:
 * SMPP_ERR_TRUNCATED (the header is longer than |length|), SMPP_ERR_BAD_LENGTH
 * (an element is longer than the header). */
SMPP_MUST_CHECK int smpp_udh_open(const uint8_t *octets, size_t length, struct smpp_reader *r,
                                  size_t *header_octets);

/* The next element; false at the end. */
bool smpp_udh_next(struct smpp_reader *r, struct smpp_udh_element *element);

/* 0 when the element counts; else it has to be ignored: SMPP_ERR_BAD_LENGTH,
 * SMPP_ERR_BAD_VALUE (a part 0, or beyond the total). */
int smpp_udh_check(const struct smpp_udh_element *element);

/* The field's number; |data| holds it whole. */
uint32_t smpp_udh_get(const struct smpp_udh_field *field, const uint8_t *data);

/* Puts the number into its place; false when it is too big for that. */
bool smpp_udh_put(const struct smpp_udh_field *field, uint8_t *data, uint32_t value);

/* The values that a receiver needs: the last valid element of each kind. */
struct smpp_udh {
  size_t header_octets;
  unsigned concat_bits; /* 0: no part of a longer text; else 8 or 16, the width of the reference */
  uint16_t reference;
  uint8_t total, seq;
  unsigned port_bits; /* 0, 8 or 16 */
  uint16_t dest_port, orig_port;
  uint8_t locking, single; /* national languages, 0 default */
};

/* Reads a header.  Fails as smpp_udh_open() does, with |out| all 0. */
SMPP_MUST_CHECK int smpp_udh_read(const uint8_t *octets, size_t length, struct smpp_udh *out);

#endif
