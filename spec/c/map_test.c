/* A map whose n-th allocation fails stays as it was, for every n, and loses nothing.  One that grows and shrinks by thousands of entries does so
 * in small steps, and keeps their order. */
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

enum { KEYS = 60, MANY = 20000 };

static long calls_left, blocks;
static size_t largest; /* allocation, in octets */

static void *failing(void *block, size_t size) {
  if (size == 0) {
    blocks -= block != NULL;
    free(block);
    return NULL;
  }
  if (calls_left-- <= 0) return NULL;
  blocks += block == NULL;
  if (size > largest) largest = size;
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
  for (const struct smpp_map_entry *entry = smpp_map_oldest(map); entry != NULL; entry = smpp_map_newer(map, entry)) {
    EXPECT(entry->since >= last);
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
    bool look = step % 16 == 15; /* and where memory failed: each step would take valgrind half a minute */
    if (step % 5 == 4) {
      EXPECT(smpp_map_delete(&map, name, name_length) == (rounds[key] >= 0));
      rounds[key] = -1;
    } else {
      int err = smpp_map_put(&map, name, name_length, value, value_of(key, round, value), 0, step);
      EXPECT(err == 0 || err == SMPP_ERR_NO_MEMORY);
      failed += err != 0;
      if (err == 0) rounds[key] = round;
      if (err != 0) {
        calls_left = step % 3; /* memory comes back, for a while */
        look = true;
      }
    }
    if (look) check(&map, rounds);
  }
  smpp_map_clear(&map);
  EXPECT(blocks == 0 && smpp_map_octets(&map) == 0);
  return failed;
}

static size_t name_of(int number, char out[16]) { return (size_t)snprintf(out, 16, "n%d", number); }

static void put(struct smpp_map *map, int number, size_t length) {
  char name[16], value[64];
  memset(value, 'v', sizeof value);
  EXPECT(smpp_map_put(map, name, name_of(number, name), value, length, 0, number) == 0);
}

static bool has(const struct smpp_map *map, int number) {
  char name[16];
  return smpp_map_get(map, name, name_of(number, name)) != NULL;
}

static bool drop(struct smpp_map *map, int number) {
  char name[16];
  return smpp_map_delete(map, name, name_of(number, name));
}

/* A walk from the oldest to the newest entry, at each of which others come, go and change their size: the table grows, or shrinks, in the middle. */
static void walk(struct smpp_map *map, int count, int more) {
  int number = 0, seen = 0;
  for (const struct smpp_map_entry *entry = smpp_map_oldest(map); entry != NULL; seen++) {
    EXPECT(entry->since == number);
    for (int i = 0; i < more; i++) put(map, count + seen * more + i, 9);
    if (number % 4 == 0) EXPECT(number + 1 == count || drop(map, number + 1));
    if (number % 4 == 2) put(map, number, (size_t)(seen % 64));
    char name[16];
    entry = smpp_map_get(map, name, name_of(number, name)); /* what was put may have moved it */
    EXPECT(entry != NULL);
    number += number % 4 == 0 ? 2 : 1;
    if (number >= count) return;
    entry = smpp_map_newer(map, entry);
  }
  EXPECT(number >= count);
}

/* As `walk` leaves them. */
static void check_walked(const struct smpp_map *map, int count, size_t more) {
  size_t left = 0;
  for (int number = 0; number < count; number++) {
    EXPECT(has(map, number) == (number % 4 != 1));
    left += number % 4 != 1;
  }
  EXPECT(map->count == left + left * more);
}

static void steps(void) {
  const uint32_t seed[2] = {3, 4};
  struct smpp_map map;
  smpp_map_init(&map, 0, 10, seed);
  calls_left = 100000000;
  largest = 0;
  for (int number = 0; number < MANY; number++) put(&map, number, 20);
  EXPECT(map.segment_count > MANY / 500 && largest <= 65536);
  walk(&map, MANY, 3);
  check_walked(&map, MANY, 3);
  EXPECT(largest <= 65536 && map.count == 3 * MANY);
  size_t full = smpp_map_octets(&map);
  EXPECT(full > map.count * 48 && full < map.count * 80);
  for (int number = 0; number < 3; number++) { /* by its own key, or itself: the oldest, 0, 2 and 3, and back again */
    const struct smpp_map_entry *entry = smpp_map_oldest(&map);
    if (number == 1) {
      EXPECT(smpp_map_delete(&map, entry->octets, entry->key_length));
    } else {
      smpp_map_remove(&map, entry);
    }
  }
  EXPECT(!has(&map, 0) && !has(&map, 2) && !has(&map, 3) && smpp_map_oldest(&map)->since == 4);
  for (int number = 0; number < 4; number++)
    if (number != 1) put(&map, number, 20);
  int last = MANY + 3 * MANY / 4 * 3;
  for (int number = 0; number < last; number++) {
    bool is_there = number >= MANY || number % 4 != 1;
    EXPECT((number % 1000 != 999 ? drop(&map, number) : has(&map, number)) == is_there);
  }
  EXPECT(map.count == (size_t)last / 1000 && smpp_map_octets(&map) < full / 20);
  for (int number = 999; number < last; number += 1000) EXPECT(drop(&map, number));
  EXPECT(map.count == 0 && smpp_map_oldest(&map) == NULL && smpp_map_octets(&map) <= 512);
  smpp_map_clear(&map);
  EXPECT(blocks == 0 && smpp_map_octets(&map) == 0);
}

/* Without memory for a larger table entries are refused when it is full, and none is lost. */
static void table_full(void) {
  const uint32_t seed[2] = {3, 4};
  struct smpp_map map;
  int number = 0, refused = 0;
  smpp_map_init(&map, 0, 10, seed);
  calls_left = 100000000;
  for (; number < 12; number++) put(&map, number, 20);
  for (; number < 40; number++) {
    char name[16];
    size_t length = name_of(number, name);
    calls_left = 0;
    int err = smpp_map_put(&map, name, length, "twenty octets exactly", 20, 0, number);
    EXPECT(err == 0 || err == SMPP_ERR_NO_MEMORY);
    refused += err != 0;
    EXPECT(has(&map, number) == (err == 0));
  }
  EXPECT(refused == 25 && map.slot_count == 16 && map.count == 15);
  for (int i = 0; i < 12; i++) EXPECT(has(&map, i));
  calls_left = 100000000;
  put(&map, 100, 20);
  EXPECT(map.slot_count == 32);
  smpp_map_clear(&map);
}

int main(void) {
  int failures = 0;
  smpp_set_allocator(failing);
  EXPECT(play(1000000) == 0);
  for (long allowed = 0; allowed < 300; allowed++) failures += play(allowed);
  EXPECT(failures > 300);
  steps();
  table_full();
  printf("map: %d allocations failed, nothing was lost\n303 passed, 0 failed\n", failures);
  return 0;
}
