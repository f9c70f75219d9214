#include "map.h"

#include <math.h>
#include <string.h>

#include "alloc.h"
#include "siphash.h"

enum { FIRST_SLOTS = 16 };

static size_t block_size(size_t key_length, size_t value_length) {
  return offsetof(struct smpp_map_entry, octets) + key_length + value_length;
}

void smpp_map_init(struct smpp_map *map, size_t limit, double ttl_s, const uint32_t seed[2]) {
  memset(map, 0, sizeof *map);
  map->limit = limit;
  map->ttl_s = ttl_s;
  map->seed[0] = seed[0];
  map->seed[1] = seed[1];
}

void smpp_map_clear(struct smpp_map *map) {
  while (map->oldest != NULL) {
    struct smpp_map_entry *next = map->oldest->newer;
    smpp_free(map->oldest);
    map->oldest = next;
  }
  smpp_free(map->slots);
  map->newest = NULL;
  map->slots = NULL;
  map->slot_count = map->count = map->octets = 0;
}

/* The slot of the key, or the free one where it belongs.  There is a free one. */
static size_t find_slot(const struct smpp_map *map, uint32_t hash, const void *key, size_t length) {
  size_t mask = map->slot_count - 1, slot = hash & mask;
  const struct smpp_map_entry *entry;
  while ((entry = map->slots[slot]) != NULL) {
    if (entry->hash == hash && entry->key_length == length && memcmp(entry->octets, key, length) == 0) break;
    slot = (slot + 1) & mask;
  }
  return slot;
}

static int resize(struct smpp_map *map, size_t slot_count) {
  if (slot_count > SIZE_MAX / sizeof *map->slots) return SMPP_ERR_NO_MEMORY;
  struct smpp_map_entry **slots = smpp_realloc(NULL, slot_count * sizeof *slots);
  if (slots == NULL) return SMPP_ERR_NO_MEMORY;
  for (size_t i = 0; i < slot_count; i++) slots[i] = NULL;
  for (struct smpp_map_entry *entry = map->oldest; entry != NULL; entry = entry->newer) {
    size_t slot = entry->hash & (slot_count - 1);
    while (slots[slot] != NULL) slot = (slot + 1) & (slot_count - 1);
    slots[slot] = entry;
  }
  map->octets = map->octets - map->slot_count * sizeof *slots + slot_count * sizeof *slots;
  smpp_free(map->slots);
  map->slots = slots;
  map->slot_count = slot_count;
  return 0;
}

/* Room for one entry more: at most three quarters of the slots are taken. */
static int make_room(struct smpp_map *map) {
  if (map->count + 1 <= map->slot_count / 4 * 3) return 0;
  return resize(map, map->slot_count == 0 ? FIRST_SLOTS : map->slot_count * 2);
}

const struct smpp_map_entry *smpp_map_get(const struct smpp_map *map, const void *key, size_t length) {
  if (map->count == 0) return NULL;
  return map->slots[find_slot(map, smpp_half_siphash(map->seed, key, length), key, length)];
}

/* Neighbours in the list, and the list's ends, point at |entry| from now on. */
static void relink(struct smpp_map *map, struct smpp_map_entry *entry) {
  *(entry->older != NULL ? &entry->older->newer : &map->oldest) = entry;
  *(entry->newer != NULL ? &entry->newer->older : &map->newest) = entry;
}

int smpp_map_put(struct smpp_map *map, const void *key, size_t key_length, const void *value, size_t value_length,
                 uint8_t tag, double now) {
  if (key_length > SMPP_MAP_MAX_OCTETS || value_length > SMPP_MAP_MAX_OCTETS) return SMPP_ERR_TOO_LONG;
  uint32_t hash = smpp_half_siphash(map->seed, key, key_length);
  size_t slot = map->count > 0 ? find_slot(map, hash, key, key_length) : 0;
  struct smpp_map_entry *old = map->count > 0 ? map->slots[slot] : NULL;
  size_t size = block_size(key_length, value_length);
  size_t old_size = old != NULL ? block_size(key_length, old->value_length) : 0;
  if (old == NULL) {
    if (map->limit > 0 && map->count >= map->limit) return SMPP_ERR_WINDOW_FULL;
    int err = make_room(map);
    if (err != 0) return err;
    slot = find_slot(map, hash, key, key_length);
  }
  struct smpp_map_entry *entry = size == old_size ? old : smpp_realloc(old, size);
  if (entry == NULL) return SMPP_ERR_NO_MEMORY;
  if (old == NULL) {
    entry->older = map->newest;
    entry->newer = NULL;
    entry->since = now;
    entry->hash = hash;
    entry->key_length = (uint16_t)key_length;
    if (key_length > 0) memcpy(entry->octets, key, key_length);
    map->count++;
  }
  entry->tag = tag;
  entry->value_length = (uint16_t)value_length;
  if (value_length > 0) memcpy(entry->octets + key_length, value, value_length);
  map->slots[slot] = entry;
  relink(map, entry);
  map->octets = map->octets - old_size + size;
  return 0;
}

/* Moves up what linear probing had pushed past |hole|. */
static void close_gap(struct smpp_map *map, size_t hole) {
  size_t mask = map->slot_count - 1;
  struct smpp_map_entry *entry;
  for (size_t slot = (hole + 1) & mask; (entry = map->slots[slot]) != NULL; slot = (slot + 1) & mask) {
    size_t home = entry->hash & mask;
    if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
    map->slots[hole] = entry;
    hole = slot;
  }
  map->slots[hole] = NULL;
}

bool smpp_map_delete(struct smpp_map *map, const void *key, size_t length) {
  if (map->count == 0) return false;
  size_t slot = find_slot(map, smpp_half_siphash(map->seed, key, length), key, length);
  struct smpp_map_entry *entry = map->slots[slot];
  if (entry == NULL) return false;
  *(entry->older != NULL ? &entry->older->newer : &map->oldest) = entry->newer;
  *(entry->newer != NULL ? &entry->newer->older : &map->newest) = entry->older;
  map->octets -= block_size(entry->key_length, entry->value_length);
  map->count--;
  close_gap(map, slot);
  smpp_free(entry);
  /* Without memory the table stays large, which is harmless. */
  if (map->slot_count > FIRST_SLOTS && map->count < map->slot_count / 8) (void)!resize(map, map->slot_count / 2);
  return true;
}

const struct smpp_map_entry *smpp_map_expired(const struct smpp_map *map, double now) {
  return smpp_map_next_expiry(map) <= now ? map->oldest : NULL;
}

double smpp_map_next_expiry(const struct smpp_map *map) {
  return map->oldest != NULL ? map->oldest->since + map->ttl_s : (double)INFINITY;
}
