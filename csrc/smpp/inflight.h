/* inflight.h - the requests that await a response: found by number, kept in
 * the order they were sent, which is the order of their deadlines. */
#ifndef SMPP_INFLIGHT_H
#define SMPP_INFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smpp_pending {
  uint32_t sequence, id;
  uint64_t cookie;
  double sent, deadline;
  bool is_counted;       /* in the owner's counts */
  bool is_unsent;        /* known not to have been written, when the session has ended */
  uint32_t chain;        /* next older one in its bucket; next free one when not in use */
  uint32_t older, newer; /* neighbours in order of sending */
};

/* All zero: empty and without memory. */
struct smpp_inflight {
  struct smpp_pending *slots; /* |capacity| slots, a power of two, then as many bucket heads */
  uint32_t capacity, count;
  uint32_t spare, oldest, newest;
};

/* Makes sure that the next add finds room; false: no memory, all is as before. */
bool smpp_inflight_reserve(struct smpp_inflight *t);

/* Needs a reserve before. */
struct smpp_pending *smpp_inflight_add(struct smpp_inflight *t, uint32_t sequence, uint32_t id, uint64_t cookie, double sent,
                                       double deadline);

/* The oldest with this number and command id, NULL: none. */
struct smpp_pending *smpp_inflight_find(const struct smpp_inflight *t, uint32_t sequence, uint32_t id);

/* The oldest with this number. */
struct smpp_pending *smpp_inflight_find_any(const struct smpp_inflight *t, uint32_t sequence);

/* A number that no other has while it is there; they are given out from 0 on, each again as soon as it is free. */
static inline uint32_t smpp_inflight_place(const struct smpp_inflight *t, const struct smpp_pending *pending) {
  return (uint32_t)(pending - t->slots);
}

/* The one sent first, NULL: none. */
static inline struct smpp_pending *smpp_inflight_oldest(const struct smpp_inflight *t) {
  return t->count > 0 ? &t->slots[t->oldest] : NULL;
}

void smpp_inflight_remove(struct smpp_inflight *t, struct smpp_pending *pending);

/* Octets of memory it holds. */
size_t smpp_inflight_memory(const struct smpp_inflight *t);

/* Drops all there is. */
void smpp_inflight_free(struct smpp_inflight *t);

#endif
