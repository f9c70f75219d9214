/* Any sequence of operations on a map does what a plain array does. */
#include <stdlib.h>
#include <string.h>

#include "smpp/map.h"

#define EXPECT(condition) \
  if (!(condition)) abort()

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEYS = 64, TTL = 40, LIMIT = 50 };

struct model {
  bool here[KEYS];
  uint8_t value[KEYS];
  double since[KEYS];
  unsigned order[KEYS], count; /* oldest first */
};

static void leave(struct model *m, unsigned key) {
  unsigned at = 0;
  while (m->order[at] != key) at++;
  m->count--;
  memmove(&m->order[at], &m->order[at + 1], (m->count - at) * sizeof *m->order);
  m->here[key] = false;
}

/* Keys of different lengths, one the beginning of the next. */
static size_t key_octets(unsigned key, uint8_t out[KEYS]) {
  memset(out, 'k', key);
  return key;
}

static void put(struct smpp_map *map, struct model *m, unsigned key, uint8_t value, double now) {
  uint8_t name[KEYS], octets[256];
  memset(octets, value, value);
  int err = smpp_map_put(map, name, key_octets(key, name), octets, value, (uint8_t)(value & 1), now);
  if (!m->here[key] && m->count >= LIMIT) {
    EXPECT(err == SMPP_ERR_WINDOW_FULL);
    return;
  }
  EXPECT(err == 0);
  if (!m->here[key]) {
    m->order[m->count++] = key;
    m->since[key] = now;
  }
  m->here[key] = true;
  m->value[key] = value;
}

static void expire(struct smpp_map *map, struct model *m, double now) {
  const struct smpp_map_entry *entry;
  while ((entry = smpp_map_expired(map, now)) != NULL) {
    EXPECT(m->count > 0 && entry->key_length == m->order[0] && m->since[m->order[0]] + TTL <= now);
    leave(m, m->order[0]);
    EXPECT(smpp_map_delete(map, entry->octets, entry->key_length));
  }
  EXPECT(m->count == 0 || m->since[m->order[0]] + TTL > now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint32_t seed[2] = {size > 0 ? data[0] : 0, 7};
  struct smpp_map map;
  struct model m;
  double now = 0;
  memset(&m, 0, sizeof m);
  smpp_map_init(&map, LIMIT, TTL, seed);
  for (size_t i = 0; i + 2 < size; i += 3) {
    unsigned key = data[i + 1] % KEYS;
    uint8_t name[KEYS];
    now += data[i] >> 4;
    if (data[i] % 4 < 2) {
      put(&map, &m, key, data[i + 2], now);
    } else if (data[i] % 4 == 2) {
      EXPECT(smpp_map_delete(&map, name, key_octets(key, name)) == m.here[key]);
      if (m.here[key]) leave(&m, key);
    } else {
      expire(&map, &m, now);
    }
    const struct smpp_map_entry *entry = smpp_map_get(&map, name, key_octets(key, name));
    EXPECT((entry != NULL) == m.here[key] && map.count == m.count);
    if (entry == NULL) continue;
    EXPECT(entry->value_length == m.value[key] && entry->tag == (m.value[key] & 1) && entry->since == m.since[key]);
    for (unsigned o = 0; o < entry->value_length; o++) EXPECT(smpp_map_value(entry)[o] == m.value[key]);
  }
  smpp_map_clear(&map);
  EXPECT(map.octets == 0);
  return 0;
}
