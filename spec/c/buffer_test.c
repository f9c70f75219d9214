/* buffer.c: what goes in comes out, whatever the pieces; without memory all stays as it was. */
#include "check.h"
#include "smpp/alloc.h"
#include "smpp/buffer.h"

static bool fails;

static void *allocate(void *block, size_t size) {
  if (size == 0) {
    free(block);
    return NULL;
  }
  return fails ? NULL : realloc(block, size);
}

int main(void) {
  struct smpp_buffer b = {0};
  uint8_t piece[700];
  uint32_t random = 1, in = 0, out = 0;
  smpp_set_allocator(allocate);
  for (int round = 0; round < 3000; round++) {
    random = random * 1103515245u + 12345u;
    size_t length = (random >> 16) % sizeof piece;
    if (random & 0x8000) {
      for (size_t i = 0; i < length; i++) piece[i] = (uint8_t)in++;
      CHECK(smpp_buffer_append(&b, piece, length));
    } else {
      if (length > smpp_buffer_length(&b)) length = smpp_buffer_length(&b);
      bool same = true;
      for (size_t i = 0; i < length; i++) same = same && b.data[b.start + i] == (uint8_t)out++;
      CHECK(same);
      smpp_buffer_take(&b, length);
    }
    CHECK(smpp_buffer_length(&b) == in - out && b.end <= b.capacity);
  }

  size_t held = smpp_buffer_length(&b);
  fails = true;
  CHECK(!smpp_buffer_append(&b, piece, 0x7FFFFFFF) && smpp_buffer_length(&b) == held);
  CHECK(smpp_buffer_tail(&b, b.capacity + 1) == NULL && smpp_buffer_length(&b) == held);
  CHECK(!smpp_buffer_grow(&b, SIZE_MAX));
  CHECK(held == 0 || b.data[b.start] == (uint8_t)out);
  fails = false;

  uint8_t *tail = smpp_buffer_tail(&b, 100000); /* a large block */
  CHECK(tail == b.data + b.end);
  b.end += 100000;
  smpp_buffer_take(&b, smpp_buffer_length(&b));
  CHECK(smpp_buffer_length(&b) == 0 && b.capacity < 100000);
  smpp_buffer_free(&b);
  CHECK(b.data == NULL && b.capacity == 0);
  smpp_set_allocator(NULL);
  return report();
}
