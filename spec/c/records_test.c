/* Any sequence of changes leaves what plain arrays have: by key, in order, final ones in the order of their ends; with an allocator
 * that fails, too, and nothing is lost. */
#include "records_support.h"

enum { KEYS = 90, STEPS = 4000 };

struct model {
  bool is_here[KEYS], is_final[KEYS];
  uint64_t serial[KEYS];
  unsigned ended[KEYS]; /* number of its end */
  unsigned count, final_count, ends;
};

static const char *const STATES[] = {"ENROUTE", "DELIVERED", "EXPIRED", "SCHEDULED", ""};

static unsigned key_of(const struct smpp_records *r, uint32_t slot) {
  size_t length;
  return (unsigned)atoi(smpp_records_key(r, slot, &length) + 4); /* a letter or a tag ends it */
}

static void check_order(const struct smpp_records *r, const struct model *m, bool is_newest) {
  const struct smpp_records_range all = {-1, SMPP_NO_SLOT, is_newest};
  unsigned n = 0;
  uint64_t last = is_newest ? UINT64_MAX : 0;
  for (uint32_t slot = smpp_records_first(r, &all); slot != SMPP_NO_SLOT; slot = smpp_records_next(r, &all, slot)) {
    uint64_t serial = smpp_records_serial(r, slot);
    unsigned key = key_of(r, slot);
    CHECK((is_newest ? serial < last : serial > last) && key < KEYS && m->is_here[key] && m->serial[key] == serial);
    CHECK(smpp_records_at(r, serial) == slot);
    uint32_t after = smpp_records_next(r, &all, slot);
    CHECK(smpp_records_after(r, &all, serial) == after);
    CHECK(n == 0 || smpp_records_after(r, &all, is_newest ? serial + 1 : serial - 1) == slot); /* one that is gone, or the neighbour */
    last = serial;
    n++;
  }
  CHECK(n == m->count);
}

static void check(const struct smpp_records *r, const struct model *m) {
  unsigned finals = 0, last_end = 0;
  CHECK(r->count == m->count && r->final_count == m->final_count);
  for (unsigned key = 0; key < KEYS; key++) {
    uint32_t slot = find(r, key);
    CHECK((slot != SMPP_NO_SLOT) == m->is_here[key]);
    if (slot == SMPP_NO_SLOT || !m->is_here[key]) continue;
    CHECK(smpp_records_serial(r, slot) == m->serial[key] && r->slots[slot].is_final == m->is_final[key]);
  }
  for (uint32_t slot = r->ended_first; slot != SMPP_NO_SLOT; slot = r->slots[slot].ended_after, finals++) {
    unsigned key = key_of(r, slot);
    CHECK(m->is_final[key] && (finals == 0 || m->ended[key] > last_end));
    last_end = m->ended[key];
  }
  CHECK(finals == m->final_count);
  check_order(r, m, false);
  check_order(r, m, true);
}

static void note_state(struct model *m, unsigned key, bool is_final) {
  if (is_final && !m->is_final[key]) m->ended[key] = ++m->ends;
  m->final_count += (unsigned)is_final - (unsigned)m->is_final[key];
  m->is_final[key] = is_final;
}

static void change(struct smpp_records *r, struct model *m, unsigned key, long allowed) {
  uint32_t length, slot = find(r, key);
  unsigned state = any(5);
  uint8_t *octets = record(key, STATES[state], "s", "r", any(50), &length);
  if (slot != SMPP_NO_SLOT) {
    smpp_records_replace(r, slot, octets, length);
  } else {
    calls_left = allowed;
    int err = smpp_records_reserve(r, 1 + any(3));
    calls_left = 1000;
    if (err != 0) {
      smpp_free(octets);
      return;
    }
    slot = smpp_records_add(r, octets, length);
    m->is_here[key] = true;
    m->is_final[key] = false;
    m->serial[key] = r->last_serial;
    m->count++;
  }
  CHECK(smpp_records_has_state(r, slot, STATES[state], strlen(STATES[state])) && !smpp_records_has_state(r, slot, "ENROUT", 6));
  note_state(m, key, state == 1 || state == 2);
}

static void drop(struct smpp_records *r, struct model *m, unsigned key) {
  uint32_t slot = find(r, key);
  if (slot == SMPP_NO_SLOT) return;
  smpp_records_remove(r, slot);
  note_state(m, key, false);
  m->is_here[key] = false;
  m->count--;
}

/* |fails|: how many calls of the allocator a change may make. */
static void play(unsigned keys, unsigned fails) {
  const uint32_t seed[2] = {any(1000), 7};
  struct smpp_record_kind kind = messages();
  struct smpp_records r;
  struct model m;
  memset(&m, 0, sizeof m);
  smpp_records_init(&r, &kind, seed);
  for (int i = 0; i < STEPS; i++) {
    calls_left = 1000;
    unsigned key = any(keys);
    if (any(3) > 0) change(&r, &m, key, fails == 0 ? 1000 : any(fails));
    else drop(&r, &m, key);
    if (any(200) == 0) while (m.count > 0) drop(&r, &m, any(keys));
    if (any(40) == 0) smpp_records_trim(&r);
    if (i % 7 == 0) check(&r, &m);
  }
  smpp_records_clear(&r);
  CHECK(blocks == 0 && smpp_records_memory(&r) == 0);
}

/* Few records among very many that came and went take little. */
static void slide(void) {
  const uint32_t seed[2] = {1, 2};
  struct smpp_record_kind kind = messages();
  struct smpp_records r;
  uint32_t length;
  smpp_records_init(&r, &kind, seed);
  for (unsigned i = 0; i < 50000; i++) {
    uint8_t *octets = record(i, i == 0 ? "ENROUTE" : "DELIVERED", "s", "r", 3, &length);
    CHECK(smpp_records_reserve(&r, 1) == 0);
    (void)smpp_records_add(&r, octets, length);
    if (r.final_count > 20) smpp_records_remove(&r, r.ended_first);
  }
  CHECK(r.count == 21 && find(&r, 0) != SMPP_NO_SLOT && smpp_records_memory(&r) < 8000);
  smpp_records_clear(&r);
  CHECK(blocks == 0);
}

/* A kind without final states whose records expire has them all in the order of their ends. */
static void expire(void) {
  const uint32_t seed[2] = {1, 2};
  struct smpp_record_kind kind = messages();
  struct smpp_records r;
  uint32_t length;
  kind.final_count = kind.group_count = 0;
  kind.expires = true;
  smpp_records_init(&r, &kind, seed);
  for (unsigned i = 0; i < 3; i++) {
    uint8_t *octets = record(i, "", "", "", 0, &length);
    CHECK(smpp_records_reserve(&r, 1) == 0);
    (void)smpp_records_add(&r, octets, length);
  }
  CHECK(r.final_count == 3 && r.ended_first == find(&r, 0) && r.ended_last == find(&r, 2));
  CHECK(smpp_records_reserve(&r, UINT32_MAX) != 0);
  smpp_records_clear(&r);
}

int main(void) {
  smpp_set_allocator(failing);
  calls_left = 1000000;
  play(12, 0);
  play(KEYS, 0);
  play(KEYS, 5);
  calls_left = 1000000;
  slide();
  calls_left = 1000;
  expire();
  return report();
}
