/* wire.h - bounded big-endian reading and writing: the only code that touches
 * the octets of a PDU.
 *
 * A reader never passes its end.  A writer whose buffer is too small (or NULL)
 * goes on counting, so the same code measures and writes. */
#ifndef SMPP_WIRE_H
#define SMPP_WIRE_H

#include <stdbool.h>
#include <string.h>

#include "error.h"

struct smpp_reader {
  const uint8_t *pos, *end;
};

static inline size_t smpp_left(const struct smpp_reader *r) { return (size_t)(r->end - r->pos); }

static inline uint16_t smpp_get_u16(const uint8_t *p) {
  return (uint16_t)((uint32_t)p[0] << 8 | p[1]);
}

static inline uint32_t smpp_get_u32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void smpp_set_u32(uint8_t *p, uint32_t v) {
  p[0] = (uint8_t)(v >> 24);
  p[1] = (uint8_t)(v >> 16);
  p[2] = (uint8_t)(v >> 8);
  p[3] = (uint8_t)v;
}

struct smpp_writer {
  uint8_t *out;    /* NULL: only count */
  size_t capacity; /* octets |out| can take */
  size_t length;   /* octets written, or that would have been */
};

/* True when all that was written fitted. */
static inline bool smpp_write_fits(const struct smpp_writer *w) { return w->length <= w->capacity; }

static inline void smpp_write_u8(struct smpp_writer *w, uint32_t v) {
  if (w->length < w->capacity) w->out[w->length] = (uint8_t)v;
  w->length++;
}

static inline void smpp_write_u16(struct smpp_writer *w, uint32_t v) {
  smpp_write_u8(w, v >> 8);
  smpp_write_u8(w, v);
}

static inline void smpp_write_u32(struct smpp_writer *w, uint32_t v) {
  if (w->length + 4 <= w->capacity) smpp_set_u32(w->out + w->length, v);
  w->length += 4;
}

static inline void smpp_write_octets(struct smpp_writer *w, const void *octets, size_t length) {
  if (length > 0 && w->length < w->capacity) {
    size_t room = w->capacity - w->length;
    memcpy(w->out + w->length, octets, length < room ? length : room);
  }
  w->length += length;
}

#endif
