/* Any sequence of operations on a map does what a plain array does, whatever crowd of other entries comes and goes meanwhile. */
#include <stdlib.h>
#include <string.h>

#include "smpp/map.h"

#define EXPECT(condition) \
  if (!(condition)) abort()

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEYS = 64, TTL = 40, LIMIT = 1500 };

struct model {
  bool here[KEYS];
  uint8_t value[KEYS];
  double since[KEYS];
  unsigned order[KEYS], count; /* oldest first */
  unsigned crowd_first, crowd_end; /* entries whose keys are longer: their numbers */
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

static size_t crowd_octets(unsigned number, uint8_t out[KEYS + 4]) {
  memset(out, 'c', KEYS);
  memcpy(out + KEYS, &number, sizeof number);
  return KEYS + 4;
}

static bool is_full(const struct model *m) { return m->count + m->crowd_end - m->crowd_first >= LIMIT; }

/* So many more in the crowd, or fewer: the oldest go. */
static void crowd(struct smpp_map *map, struct model *m, bool more, unsigned number, double now) {
  uint8_t name[KEYS + 4];
  for (; number > 0; number--) {
    if (more) {
      int err = smpp_map_put(map, name, crowd_octets(m->crowd_end, name), name, number % 40, 0, now);
      EXPECT(err == (is_full(m) ? SMPP_ERR_WINDOW_FULL : 0));
      m->crowd_end += err == 0;
    } else {
      bool is_there = m->crowd_first < m->crowd_end;
      EXPECT(smpp_map_delete(map, name, crowd_octets(m->crowd_first, name)) == is_there);
      m->crowd_first += is_there;
    }
  }
}

static void put(struct smpp_map *map, struct model *m, unsigned key, uint8_t value, double now) {
  uint8_t name[KEYS], octets[256];
  memset(octets, value, value);
  int err = smpp_map_put(map, name, key_octets(key, name), octets, value, (uint8_t)(value & 1), now);
  if (!m->here[key] && is_full(m)) {
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
    if (entry->key_length > KEYS) {
      EXPECT(memcmp(entry->octets + KEYS, &m->crowd_first, sizeof m->crowd_first) == 0);
      crowd(map, m, false, 1, now);
      continue;
    }
    EXPECT(m->count > 0 && entry->key_length == m->order[0] && m->since[m->order[0]] + TTL <= now);
    leave(m, m->order[0]);
    smpp_map_remove(map, entry);
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
    if (data[i] % 16 >= 14) {
      crowd(&map, &m, data[i] % 2 == 0, data[i + 2], now);
    } else if (data[i] % 4 < 2) {
      put(&map, &m, key, data[i + 2], now);
    } else if (data[i] % 4 == 2) {
      EXPECT(smpp_map_delete(&map, name, key_octets(key, name)) == m.here[key]);
      if (m.here[key]) leave(&m, key);
    } else {
      expire(&map, &m, now);
    }
    const struct smpp_map_entry *entry = smpp_map_get(&map, name, key_octets(key, name));
    EXPECT((entry != NULL) == m.here[key] && map.count == m.count + m.crowd_end - m.crowd_first);
    if (entry == NULL) continue;
    EXPECT(entry->value_length == m.value[key] && entry->tag == (m.value[key] & 1) && entry->since == m.since[key]);
    for (unsigned o = 0; o < entry->value_length; o++) EXPECT(smpp_map_value(entry)[o] == m.value[key]);
  }
  smpp_map_clear(&map);
  EXPECT(smpp_map_octets(&map) == 0);
  return 0;
}
