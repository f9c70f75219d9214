/* alloc.h - where the core takes memory from: one place, so that a test can
 * make the n-th call fail. */
#ifndef SMPP_ALLOC_H
#define SMPP_ALLOC_H

#include <stddef.h>

/* As realloc: NULL and size 0 are allowed; size 0 frees and returns NULL. */
typedef void *(*smpp_realloc_fn)(void *block, size_t size);

/* Replaces the allocator of this process; NULL puts realloc back.  For tests. */
void smpp_set_allocator(smpp_realloc_fn fn);

/* Returns NULL when there is no memory; |block| then stays as it was. */
void *smpp_realloc(void *block, size_t size);

void smpp_free(void *block);

#endif
