/* inflight.c against a plain list: found by number and command, oldest first, through growth and failing memory. */
#include "check.h"
#include "smpp/alloc.h"
#include "smpp/inflight.h"

enum { MOST = 400 };

static bool fails;

static void *allocate(void *block, size_t size) {
  if (size == 0) {
    free(block);
    return NULL;
  }
  return fails ? NULL : realloc(block, size);
}

static struct smpp_pending model[MOST]; /* in order of sending */
static uint32_t count;

static struct smpp_pending *first(uint32_t sequence, uint32_t id) {
  for (uint32_t i = 0; i < count; i++)
    if (model[i].sequence == sequence && (id == 0 || model[i].id == id)) return &model[i];
  return NULL;
}

static void forget(const struct smpp_pending *entry) {
  size_t at = (size_t)(entry - model);
  memmove(&model[at], &model[at + 1], (--count - at) * sizeof *model);
}

static bool same(const struct smpp_pending *found, const struct smpp_pending *expected) {
  if (found == NULL || expected == NULL) return found == NULL && expected == NULL;
  return found->cookie == expected->cookie && found->sequence == expected->sequence && found->id == expected->id;
}

int main(void) {
  struct smpp_inflight t = {0};
  uint32_t random = 7;
  uint64_t cookie = 0;
  smpp_set_allocator(allocate);
  CHECK(smpp_inflight_oldest(&t) == NULL && smpp_inflight_find_any(&t, 1) == NULL);
  for (int round = 0; round < 20000; round++) {
    random = random * 1103515245u + 12345u;
    uint32_t sequence = (random >> 20) % 90, id = 4 + (random >> 12) % 3; /* numbers that occur twice */
    if ((random >> 10) % 5 < 3 && count < MOST) {
      fails = (random >> 8) % 7 == 0;
      bool room = smpp_inflight_reserve(&t);
      CHECK(room || fails);
      fails = false;
      if (room) {
        smpp_inflight_add(&t, sequence, id, ++cookie, 0, (double)round);
        model[count++] = (struct smpp_pending){.sequence = sequence, .id = id, .cookie = cookie};
      }
    } else {
      bool any = random & 0x200;
      struct smpp_pending *found = any ? smpp_inflight_find_any(&t, sequence) : smpp_inflight_find(&t, sequence, id);
      struct smpp_pending *expected = first(sequence, any ? 0 : id);
      CHECK(same(found, expected));
      if (found != NULL && expected != NULL) {
        forget(expected);
        smpp_inflight_remove(&t, found);
      }
    }
    CHECK(t.count == count && same(smpp_inflight_oldest(&t), count > 0 ? model : NULL));
  }
  while (t.count > 0 && failed == 0) { /* in the order of their deadlines */
    struct smpp_pending *oldest = smpp_inflight_oldest(&t);
    CHECK(same(oldest, model));
    forget(model);
    smpp_inflight_remove(&t, oldest);
  }
  CHECK(smpp_inflight_memory(&t) > 0);
  smpp_inflight_free(&t);
  CHECK(t.count == 0 && smpp_inflight_memory(&t) == 0);
  smpp_set_allocator(NULL);
  return report();
}
