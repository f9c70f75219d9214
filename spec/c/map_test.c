/* A map whose n-th allocation fails stays as it was, for every n, and loses nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smpp/alloc.h"
#include "smpp/map.h"

#define EXPECT(condition)                                                        \
  if (!(condition)) {                                                            \
    fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);      \
    exit(1);                                                                     \
  }

enum { KEYS = 60 };

static long calls_left, blocks;

static void *failing(void *block, size_t size) {
  if (size == 0) {
    blocks -= block != NULL;
    free(block);
    return NULL;
  }
  if (calls_left-- <= 0) return NULL;
  blocks += block == NULL;
  return realloc(block, size);
}

/* A value whose length depends on key and round, so that replacing it moves the entry. */
static size_t value_of(int key, int round, char out[64]) {
  size_t length = (size_t)(key * 7 + round * 13) % 40;
  memset(out, 'a' + key % 26, length);
  return length;
}

static void check(const struct smpp_map *map, const int rounds[KEYS]) {
  size_t count = 0;
  double last = -1;
  for (int key = 0; key < KEYS; key++) {
    char name[16], value[64];
    int name_length = snprintf(name, sizeof name, "key %d", key);
    const struct smpp_map_entry *entry = smpp_map_get(map, name, (size_t)name_length);
    EXPECT((entry != NULL) == (rounds[key] >= 0));
    if (entry == NULL) continue;
    size_t length = value_of(key, rounds[key], value);
    EXPECT(entry->value_length == length && memcmp(smpp_map_value(entry), value, length) == 0);
    count++;
  }
  EXPECT(map->count == count);
  for (const struct smpp_map_entry *entry = map->oldest; entry != NULL; entry = entry->newer) {
    EXPECT(entry->since >= last && (entry->newer != NULL ? entry->newer->older == entry : map->newest == entry));
    last = entry->since;
    count--;
  }
  EXPECT(count == 0);
}

/* Returns how many calls to put failed. */
static int play(long allowed) {
  const uint32_t seed[2] = {1, 2};
  struct smpp_map map;
  int rounds[KEYS], failed = 0;
  for (int key = 0; key < KEYS; key++) rounds[key] = -1;
  smpp_map_init(&map, 0, 10, seed);
  calls_left = allowed;
  for (int step = 0; step < 400; step++) {
    char name[16], value[64];
    int key = step * 37 % KEYS, round = step / KEYS;
    size_t name_length = (size_t)snprintf(name, sizeof name, "key %d", key);
    if (step % 5 == 4) {
      EXPECT(smpp_map_delete(&map, name, name_length) == (rounds[key] >= 0));
      rounds[key] = -1;
    } else {
      int err = smpp_map_put(&map, name, name_length, value, value_of(key, round, value), 0, step);
      EXPECT(err == 0 || err == SMPP_ERR_NO_MEMORY);
      failed += err != 0;
      if (err == 0) rounds[key] = round;
      if (err != 0) calls_left = step % 3; /* memory comes back, for a while */
    }
    check(&map, rounds);
  }
  smpp_map_clear(&map);
  EXPECT(blocks == 0 && map.octets == 0);
  return failed;
}

int main(void) {
  int failures = 0;
  smpp_set_allocator(failing);
  EXPECT(play(1000000) == 0);
  for (long allowed = 0; allowed < 300; allowed++) failures += play(allowed);
  EXPECT(failures > 300);
  printf("map: %d allocations failed, nothing was lost\n301 passed, 0 failed\n", failures);
  return 0;
}
