/* record.h - reads records of stores: rows of fields, each a name and a value.
 *
 * A declared name is one octet, its place in the list of names; 0: the name
 * follows as a string.  Octets may come back from a disk or a network: what is
 * malformed sets |is_bad|, and nothing behind it is read. */
#ifndef SMPP_RECORD_H
#define SMPP_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  SMPP_RECORD_SMALL_MAX = 0x7F, /* 0 to 127 stand for themselves */
  SMPP_RECORD_TRUE = 0x80,
  SMPP_RECORD_FALSE,
  SMPP_RECORD_POSITIVE, /* a whole number, as varint */
  SMPP_RECORD_NEGATIVE, /* -1 - n */
  SMPP_RECORD_DOUBLE,   /* IEEE 754, the highest octet first */
  SMPP_RECORD_STRING,   /* length as varint, octets */
  SMPP_RECORD_TABLE,    /* keys and values in turn, up to SMPP_RECORD_END */
  SMPP_RECORD_END,
  SMPP_RECORD_SHORT = 0xC0, /* + length: a string of up to 63 octets */
  SMPP_RECORD_SHORT_MAX = 0x3F
};

struct smpp_record_in {
  const uint8_t *at, *end;
  bool is_bad;
};

static inline struct smpp_record_in smpp_record_in(const uint8_t *octets, size_t length) {
  return (struct smpp_record_in){octets, octets + length, false};
}

/* SMPP_RECORD_END behind the end. */
static inline uint8_t smpp_record_take_octet(struct smpp_record_in *in) {
  if (in->at == in->end) {
    in->is_bad = true;
    return SMPP_RECORD_END;
  }
  return *in->at++;
}

/* Whether a value with this tag is a string. */
static inline bool smpp_record_is_string(uint8_t tag) { return tag >= SMPP_RECORD_SHORT || tag == SMPP_RECORD_STRING; }

/* The octets of a string behind its tag, which stay where they are; NULL: there are fewer. */
const char *smpp_record_take_string(struct smpp_record_in *in, uint8_t tag, size_t *length);

/* The number of a tag.  False: it is none, and has not been read. */
bool smpp_record_take_number(struct smpp_record_in *in, uint8_t tag, double *out);

/* Passes over the value of a tag. */
void smpp_record_skip_value(struct smpp_record_in *in, uint8_t tag);

/* Goes to the value of the first field with a declared name, and returns its tag; SMPP_RECORD_END: there is none. */
uint8_t smpp_record_find(struct smpp_record_in *in, uint8_t place);

/* A string field; NULL: it is absent, or no string. */
const char *smpp_record_string(const uint8_t *octets, size_t size, uint8_t place, size_t *length);

#endif
