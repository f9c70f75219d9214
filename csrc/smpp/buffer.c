#include "buffer.h"

#include <string.h>

#include "alloc.h"

enum { SMALLEST = 64, KEPT = 512 };

bool smpp_buffer_grow(struct smpp_buffer *b, size_t more) {
  size_t length = smpp_buffer_length(b);
  if (more > SIZE_MAX / 2 - length) return false;
  size_t need = length + more;
  /* Moved to the front when that frees half of it, so that no octet moves often. */
  if (b->start < length || need > b->capacity) {
    size_t capacity = b->capacity < SMALLEST ? SMALLEST : b->capacity;
    while (capacity < b->end + more) capacity *= 2;
    uint8_t *data = smpp_realloc(b->data, capacity);
    if (data == NULL) return false;
    b->data = data;
    b->capacity = capacity;
    return true;
  }
  memmove(b->data, b->data + b->start, length);
  b->start = 0;
  b->end = length;
  return true;
}

bool smpp_buffer_append(struct smpp_buffer *b, const uint8_t *octets, size_t length) {
  if (length == 0) return true;
  uint8_t *tail = smpp_buffer_tail(b, length);
  if (tail == NULL) return false;
  memcpy(tail, octets, length);
  b->end += length;
  return true;
}

void smpp_buffer_take(struct smpp_buffer *b, size_t length) {
  b->start += length < smpp_buffer_length(b) ? length : smpp_buffer_length(b);
  if (b->start < b->end) return;
  b->start = b->end = 0;
  if (b->capacity > KEPT) smpp_buffer_free(b);
}

void smpp_buffer_free(struct smpp_buffer *b) {
  smpp_free(b->data);
  memset(b, 0, sizeof *b);
}
