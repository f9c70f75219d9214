/* alloc.c: the allocator of the process, and another in its place. */
#include "check.h"
#include "smpp/alloc.h"

static size_t last_size;
static int calls;

static void *counting(void *block, size_t size) {
  calls++;
  last_size = size;
  if (size == 0) {
    free(block);
    return NULL;
  }
  return realloc(block, size);
}

static void *failing(void *block, size_t size) {
  if (size == 0) free(block);
  return NULL;
}

int main(void) {
  char *block = smpp_realloc(NULL, 3);
  CHECK(block != NULL);
  memcpy(block, "ab", 3);
  block = smpp_realloc(block, 3000);
  CHECK(block != NULL && strcmp(block, "ab") == 0);
  smpp_free(block);
  smpp_free(NULL);

  smpp_set_allocator(counting);
  block = smpp_realloc(NULL, 7);
  CHECK(calls == 1 && last_size == 7);
  smpp_set_allocator(failing);
  CHECK(smpp_realloc(block, 8) == NULL); /* the block stays */
  block[6] = 'x';
  smpp_set_allocator(counting);
  smpp_free(block);
  CHECK(calls == 2 && last_size == 0);
  smpp_set_allocator(NULL);
  block = smpp_realloc(NULL, 1);
  CHECK(block != NULL && calls == 2);
  smpp_free(block);
  return report();
}
