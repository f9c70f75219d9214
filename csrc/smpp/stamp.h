/* stamp.h - messages made of templates: whole PDUs whose addresses have digits that change from message to message.
 * Random numbers are those of smpp.base.random (Park and Miller's), so that Lua makes the same messages of a seed. */
#ifndef SMPP_STAMP_H
#define SMPP_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum smpp_stamp_kind {
  SMPP_STAMP_DIGITS,  /* |width| random digits */
  SMPP_STAMP_COUNTER, /* how many messages came before, in |width| digits */
  SMPP_STAMP_RANGE    /* a random number of |count| from |low| on, in |width| digits */
};

enum { SMPP_STAMP_WIDTH_MAX = 15, SMPP_STAMP_NUMBERS_MAX = 16 };

struct smpp_stamp_number {
  enum smpp_stamp_kind kind;
  bool is_destination; /* else in the source address */
  uint8_t at, width;   /* in its address */
  double low, count;
};

struct smpp_stamp_template {
  uint8_t *octets;
  uint32_t length;
  uint32_t source_at, destination_at; /* its addresses */
};

/* Which template of a set is taken */
enum smpp_stamp_pick { SMPP_STAMP_IN_ORDER, SMPP_STAMP_AT_RANDOM };

/* All zero but for |state|: without templates. */
struct smpp_stamp {
  struct smpp_stamp_template *templates;
  size_t template_count;
  struct smpp_stamp_number numbers[SMPP_STAMP_NUMBERS_MAX];
  size_t number_count;
  enum smpp_stamp_pick pick;
  uint32_t state;     /* of the random numbers, 1 to 2147483646 */
  uint64_t made;      /* messages that were sent */
  size_t ready;       /* the template that holds the next message */
  size_t ready_first; /* of the set it was picked from */
  bool is_ready;
};

/* In [0,1). */
double smpp_stamp_random(struct smpp_stamp *s);

/* Adds a copy of a PDU with source_addr and destination_addr.  SMPP_ERR_BAD_VALUE: it has none, SMPP_ERR_NO_MEMORY. */
SMPP_MUST_CHECK int smpp_stamp_template(struct smpp_stamp *s, const uint8_t *octets, size_t length);

/* Adds digits that change, drawn in the order in which they were added.  SMPP_ERR_TOO_LONG: too many or too wide. */
SMPP_MUST_CHECK int smpp_stamp_number(struct smpp_stamp *s, const struct smpp_stamp_number *number);

/* The next message, of one of |count| templates from |first| on; the same one again until smpp_stamp_sent. */
const struct smpp_stamp_template *smpp_stamp_next(struct smpp_stamp *s, size_t first, size_t count);
void smpp_stamp_sent(struct smpp_stamp *s);

void smpp_stamp_free(struct smpp_stamp *s);

#endif
