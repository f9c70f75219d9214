#include "alloc.h"

#include <stdlib.h>

static void *libc_realloc(void *block, size_t size) {
  if (size == 0) {
    free(block);
    return NULL;
  }
  return realloc(block, size);
}

static smpp_realloc_fn allocator = libc_realloc;

void smpp_set_allocator(smpp_realloc_fn fn) { allocator = fn != NULL ? fn : libc_realloc; }

void *smpp_realloc(void *block, size_t size) { return allocator(block, size); }

void smpp_free(void *block) {
  if (block != NULL) (void)allocator(block, 0);
}
