#include "inflight.h"

#include <string.h>

#include "alloc.h"

#define NONE UINT32_MAX

/* Beyond KEPT an empty table gives its memory back. */
enum { SMALLEST = 8, LARGEST = 1 << 24, KEPT = 1024 };

static uint32_t *head_of(const struct smpp_inflight *t, uint32_t sequence) {
  return (uint32_t *)(void *)(t->slots + t->capacity) + (sequence & (t->capacity - 1));
}

static void link_chain(struct smpp_inflight *t, uint32_t at) {
  uint32_t *head = head_of(t, t->slots[at].sequence);
  t->slots[at].chain = *head;
  *head = at;
}

static size_t octets_for(uint32_t capacity) {
  return (size_t)capacity * (sizeof(struct smpp_pending) + sizeof(uint32_t));
}

bool smpp_inflight_reserve(struct smpp_inflight *t) {
  if (t->count < t->capacity) return true;
  if (t->capacity >= LARGEST) return false;
  uint32_t capacity = t->capacity == 0 ? SMALLEST : t->capacity * 2;
  struct smpp_pending *slots = smpp_realloc(t->slots, octets_for(capacity));
  if (slots == NULL) return false;
  uint32_t first = t->capacity;
  t->slots = slots;
  t->capacity = capacity;
  memset(slots + capacity, 0xFF, capacity * sizeof(uint32_t)); /* heads: NONE */
  if (t->count > 0)
    for (uint32_t at = t->oldest; at != NONE; at = slots[at].newer) link_chain(t, at);
  for (uint32_t at = first; at < capacity; at++) slots[at].chain = at + 1 < capacity ? at + 1 : NONE;
  t->spare = first;
  return true;
}

struct smpp_pending *smpp_inflight_add(struct smpp_inflight *t, uint32_t sequence, uint32_t id, uint64_t cookie, double sent,
                                       double deadline) {
  uint32_t at = t->spare;
  struct smpp_pending *p = &t->slots[at];
  t->spare = p->chain;
  p->sequence = sequence;
  p->id = id;
  p->cookie = cookie;
  p->sent = sent;
  p->deadline = deadline;
  p->is_counted = p->is_unsent = false;
  p->older = t->count > 0 ? t->newest : NONE;
  p->newer = NONE;
  if (t->count > 0)
    t->slots[t->newest].newer = at;
  else
    t->oldest = at;
  t->newest = at;
  t->count++;
  link_chain(t, at);
  return p;
}

/* Newer ones stand first in a chain: the last that fits is the oldest. */
static struct smpp_pending *find(const struct smpp_inflight *t, uint32_t sequence, uint32_t id, bool any) {
  struct smpp_pending *found = NULL;
  if (t->count == 0) return NULL;
  for (uint32_t at = *head_of(t, sequence); at != NONE; at = t->slots[at].chain) {
    struct smpp_pending *p = &t->slots[at];
    if (p->sequence == sequence && (any || p->id == id)) found = p;
  }
  return found;
}

struct smpp_pending *smpp_inflight_find(const struct smpp_inflight *t, uint32_t sequence, uint32_t id) {
  return find(t, sequence, id, false);
}

struct smpp_pending *smpp_inflight_find_any(const struct smpp_inflight *t, uint32_t sequence) {
  return find(t, sequence, 0, true);
}

void smpp_inflight_remove(struct smpp_inflight *t, struct smpp_pending *pending) {
  uint32_t at = smpp_inflight_place(t, pending);
  uint32_t *link = head_of(t, pending->sequence);
  while (*link != at) link = &t->slots[*link].chain;
  *link = pending->chain;
  if (pending->older != NONE)
    t->slots[pending->older].newer = pending->newer;
  else
    t->oldest = pending->newer;
  if (pending->newer != NONE)
    t->slots[pending->newer].older = pending->older;
  else
    t->newest = pending->older;
  pending->chain = t->spare;
  t->spare = at;
  if (--t->count == 0 && t->capacity > KEPT) smpp_inflight_free(t);
}

size_t smpp_inflight_memory(const struct smpp_inflight *t) { return octets_for(t->capacity); }

void smpp_inflight_free(struct smpp_inflight *t) {
  smpp_free(t->slots);
  memset(t, 0, sizeof *t);
}
