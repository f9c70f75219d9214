/* check.h - what all C tests share: checks that count, and copies of octets that end where a sanitizer looks. */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned passed, failed;

static inline bool check_at(const char *file, int line, bool ok, const char *what) {
  if (ok)
    passed++;
  else
    failed++;
  if (!ok && failed <= 20) fprintf(stderr, "%s:%d: %s\n", file, line, what);
  return ok;
}

#define CHECK(condition) check_at(__FILE__, __LINE__, (condition), #condition)
#define CHECK_FOR(condition, what) check_at(__FILE__, __LINE__, (condition), (what))

static inline int report(void) {
  printf("%u passed, %u failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

/* Octets on the heap without one to spare: a read behind their end is found.  The caller frees them. */
static inline uint8_t *exactly(const void *octets, size_t length) {
  uint8_t *copy = malloc(length > 0 ? length : 1);
  if (copy == NULL) abort();
  if (length > 0) memcpy(copy, octets, length);
  return copy;
}

#endif
