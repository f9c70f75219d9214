/* Groups have what a search through all records finds, in order, with an allocator that fails, too. */
#include "records_support.h"

enum { KEYS = 60, STEPS = 3000, NAMES = 5 };

static const char *const SENDERS[NAMES] = {"", "a", "b", "ab", "cc"}, *const RECEIVERS[NAMES] = {"x", "b", "y", "xy", "z"};

struct row {
  uint64_t serial;
  unsigned sender, receiver;
  bool is_final;
};

static struct row rows[KEYS]; /* serial 0: not there */

static bool fits(const struct row *row, int group, unsigned sender, unsigned receiver) {
  return row->serial != 0 && row->sender == sender && (group == 1 || (row->receiver == receiver && !row->is_final));
}

/* The serial that follows in a group. */
static uint64_t following(int group, unsigned sender, unsigned receiver, uint64_t after, bool is_newest) {
  uint64_t best = 0;
  for (unsigned i = 0; i < KEYS; i++) {
    uint64_t serial = rows[i].serial;
    if (!fits(&rows[i], group, sender, receiver) || (is_newest ? serial >= after : serial <= after)) continue;
    if (best == 0 || (is_newest ? serial > best : serial < best)) best = serial;
  }
  return best;
}

static uint64_t serial_of(const struct smpp_records *r, uint32_t slot) { return slot != SMPP_NO_SLOT ? smpp_records_serial(r, slot) : 0; }

static void query(struct smpp_records *r, long allowed) {
  int group = (int)any(2);
  unsigned sender = any(NAMES), receiver = any(NAMES);
  const struct smpp_octets field[] = {{*SENDERS[sender] != '\0' ? SENDERS[sender] : NULL, strlen(SENDERS[sender])},
                                      {RECEIVERS[receiver], strlen(RECEIVERS[receiver])}};
  struct smpp_records_range range = {-1, SMPP_NO_SLOT, any(2) == 1};
  calls_left = allowed;
  int err = smpp_records_group(r, group, field, &range);
  calls_left = 1000;
  CHECK(err == 0 || allowed < 1000);
  if (err != 0) return;
  uint64_t expected = following(group, sender, receiver, range.is_newest ? UINT64_MAX : 0, range.is_newest);
  uint32_t slot = smpp_records_first(r, &range);
  while (CHECK(serial_of(r, slot) == expected) && slot != SMPP_NO_SLOT) {
    uint64_t other = 1 + any((unsigned)r->last_serial);
    CHECK(serial_of(r, smpp_records_after(r, &range, other)) == following(group, sender, receiver, other, range.is_newest));
    expected = following(group, sender, receiver, expected, range.is_newest);
    slot = smpp_records_next(r, &range, slot);
  }
}

static void change(struct smpp_records *r, unsigned key, long allowed) {
  uint32_t length, slot = find(r, key);
  struct row *row = &rows[key];
  bool is_final = any(3) == 0;
  if (slot == SMPP_NO_SLOT) {
    row->sender = any(NAMES);
    row->receiver = any(NAMES);
  }
  uint8_t *octets = record(key, is_final ? "DELIVERED" : "ENROUTE", SENDERS[row->sender], RECEIVERS[row->receiver], any(9), &length);
  calls_left = allowed;
  if (slot != SMPP_NO_SLOT) {
    smpp_records_replace(r, slot, octets, length);
  } else if (smpp_records_reserve(r, 1) != 0) {
    smpp_free(octets);
    return;
  } else {
    (void)smpp_records_add(r, octets, length);
    row->serial = r->last_serial;
  }
  row->is_final = is_final;
}

static void play(unsigned keys, unsigned fails) {
  const uint32_t seed[2] = {any(1000), 7};
  struct smpp_record_kind kind = messages();
  struct smpp_records r;
  memset(rows, 0, sizeof rows);
  smpp_records_init(&r, &kind, seed);
  for (int i = 0; i < STEPS; i++) {
    unsigned key = any(keys);
    long allowed = fails == 0 ? 1000 : any(fails);
    calls_left = 1000;
    if (any(4) == 0 && find(&r, key) != SMPP_NO_SLOT) {
      smpp_records_remove(&r, find(&r, key));
      rows[key].serial = 0;
    } else {
      change(&r, key, allowed);
    }
    if (any(3) == 0) query(&r, allowed);
  }
  calls_left = 1000;
  for (int i = 0; i < 50; i++) query(&r, 1000);
  for (unsigned key = 0; key < keys; key++) {
    if (find(&r, key) != SMPP_NO_SLOT) smpp_records_remove(&r, find(&r, key));
  }
  CHECK(r.groups[0].place_count == 0 && r.groups[1].place_count == 0);
  smpp_records_clear(&r);
  CHECK(blocks == 0 && smpp_records_memory(&r) == 0);
}

int main(void) {
  smpp_set_allocator(failing);
  play(8, 0);
  play(KEYS, 0);
  play(KEYS, 6);
  return report();
}
