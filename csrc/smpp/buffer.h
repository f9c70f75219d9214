/* buffer.h - octets that come in at one end and go out at the other. */
#ifndef SMPP_BUFFER_H
#define SMPP_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smpp_buffer {
  uint8_t *data;
  size_t start, end; /* what it holds lies between */
  size_t capacity;
};

static inline size_t smpp_buffer_length(const struct smpp_buffer *b) { return b->end - b->start; }

/* Makes room for |more| octets behind b->end; false: no memory, all is as before. */
bool smpp_buffer_grow(struct smpp_buffer *b, size_t more);

/* Where |more| octets can be written, then b->end moved on; NULL: no memory. */
static inline uint8_t *smpp_buffer_tail(struct smpp_buffer *b, size_t more) {
  if (b->capacity - b->end < more && !smpp_buffer_grow(b, more)) return NULL;
  return b->data + b->end;
}

bool smpp_buffer_append(struct smpp_buffer *b, const uint8_t *octets, size_t length);

/* Takes |length| octets off the front.  Empty, it gives a large block back. */
void smpp_buffer_take(struct smpp_buffer *b, size_t length);

void smpp_buffer_free(struct smpp_buffer *b);

#endif
