#include "map.h"

#include <math.h>
#include <string.h>

#include "alloc.h"
#include "siphash.h"

enum {
  FIRST_SLOTS = 16,
  SEGMENT_SLOTS = 1024, /* as many before there is a second segment */
  /* Entries of a segment, on average, above which one is split, and below which the last is merged.  One that is not split yet has
   * twice as many as one that is: less than 80 % of its slots are taken, give or take 3 %. */
  SPLIT_ABOVE = 400,
  MERGE_BELOW = 250,
  HOME_SHIFT = 22 /* the highest bits of a hash say where in a segment, the lowest say in which segment */
};

static size_t entry_size(size_t key_length, size_t value_length) {
  return offsetof(struct smpp_map_entry, octets) + key_length + value_length;
}

static struct smpp_map_entry *entry_at(const struct smpp_map *map, uint32_t cell) {
  return cell != 0 ? smpp_cells_at(&map->cells, cell) : NULL;
}

void smpp_map_init(struct smpp_map *map, size_t limit, double ttl_s, const uint32_t seed[2]) {
  memset(map, 0, sizeof *map);
  map->limit = limit;
  map->ttl_s = ttl_s;
  map->seed[0] = seed[0];
  map->seed[1] = seed[1];
}

void smpp_map_clear(struct smpp_map *map) {
  for (uint32_t i = 0; i < map->segment_count; i++) smpp_free(map->segments[i].slots);
  smpp_free(map->segments);
  smpp_cells_clear(&map->cells);
  smpp_map_init(map, map->limit, map->ttl_s, map->seed);
}

size_t smpp_map_octets(const struct smpp_map *map) {
  return map->cells.octets + map->segment_room * sizeof *map->segments +
         (size_t)map->segment_count * map->slot_count * sizeof(struct smpp_map_slot);
}

static struct smpp_map_segment *segment_of(const struct smpp_map *map, uint32_t hash) {
  uint32_t i = hash & map->segment_mask;
  return &map->segments[i < map->segment_count ? i : i & map->segment_mask >> 1];
}

/* The slot of the key, or the free one where it belongs.  There is a free one. */
static struct smpp_map_slot *find_key(const struct smpp_map *map, uint32_t hash, const void *key, size_t length) {
  struct smpp_map_slot *slots = segment_of(map, hash)->slots;
  uint32_t mask = map->slot_count - 1, at = hash >> HOME_SHIFT & mask;
  for (; slots[at].cell != 0; at = (at + 1) & mask) {
    if (slots[at].hash != hash) continue;
    const struct smpp_map_entry *entry = smpp_cells_at(&map->cells, slots[at].cell);
    if (entry->key_length == length && memcmp(entry->octets, key, length) == 0) break;
  }
  return &slots[at];
}

/* The slot of a cell; of cell 0, the free one where the hash belongs. */
static struct smpp_map_slot *find_cell(const struct smpp_map *map, uint32_t hash, uint32_t cell) {
  struct smpp_map_slot *slots = segment_of(map, hash)->slots;
  uint32_t mask = map->slot_count - 1, at = hash >> HOME_SHIFT & mask;
  while (slots[at].cell != cell) at = (at + 1) & mask;
  return &slots[at];
}

/* ---- the table grows and shrinks ---- */

static struct smpp_map_slot *new_slots(uint32_t count) {
  struct smpp_map_slot *slots = smpp_realloc(NULL, count * sizeof *slots);
  if (slots != NULL) memset(slots, 0, count * sizeof *slots);
  return slots;
}

static void enter(struct smpp_map *map, uint32_t hash, uint32_t cell) {
  *find_cell(map, hash, 0) = (struct smpp_map_slot){hash, cell};
  segment_of(map, hash)->used++;
}

static void enter_all(struct smpp_map *map, const struct smpp_map_slot *slots, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    if (slots[i].cell != 0) enter(map, slots[i].hash, slots[i].cell);
  }
}

static bool set_room(struct smpp_map *map, uint32_t room) {
  struct smpp_map_segment *segments = smpp_realloc(map->segments, room * sizeof *segments);
  if (segments == NULL) return false;
  map->segments = segments;
  map->segment_room = room;
  return true;
}

/* Makes the only segment, or makes it larger or smaller. */
static void resize(struct smpp_map *map, uint32_t slot_count) {
  struct smpp_map_slot *old = map->segment_count > 0 ? map->segments[0].slots : NULL;
  uint32_t old_count = map->segment_count > 0 ? map->slot_count : 0;
  if (map->segment_room == 0 && !set_room(map, 1)) return;
  struct smpp_map_slot *slots = new_slots(slot_count);
  if (slots == NULL) return;
  map->segments[0] = (struct smpp_map_segment){slots, 0};
  map->segment_count = 1;
  map->slot_count = slot_count;
  enter_all(map, old, old_count);
  smpp_free(old);
}

/* Adds a segment, with half of the entries of another. */
static void split(struct smpp_map *map) {
  uint32_t last = map->segment_count;
  struct smpp_map_slot old[SEGMENT_SLOTS];
  if (last == map->segment_room && (last > UINT32_MAX / 2 / sizeof *map->segments || !set_room(map, last * 2))) return;
  if ((map->segments[last].slots = new_slots(SEGMENT_SLOTS)) == NULL) return;
  map->segments[last].used = 0;
  map->segment_count++;
  if (last > map->segment_mask) map->segment_mask = map->segment_mask * 2 + 1;
  struct smpp_map_segment *from = &map->segments[last & map->segment_mask >> 1];
  memcpy(old, from->slots, sizeof old);
  memset(from->slots, 0, sizeof old);
  from->used = 0;
  enter_all(map, old, SEGMENT_SLOTS);
}

/* Moves the entries of the last segment to where they were before it was added. */
static void merge(struct smpp_map *map) {
  uint32_t last = map->segment_count - 1;
  struct smpp_map_slot *slots = map->segments[last].slots;
  if (map->segments[last].used + map->segments[last & map->segment_mask >> 1].used > SEGMENT_SLOTS / 4 * 3) return;
  map->segment_count = last;
  if (last - 1 <= map->segment_mask >> 1) map->segment_mask >>= 1;
  enter_all(map, slots, SEGMENT_SLOTS);
  smpp_free(slots);
  if (last <= map->segment_room / 4) (void)set_room(map, map->segment_room / 2);
}

/* One step of growth, if it is time for it.  Without memory the table stays small, which is harmless as long as there is a slot. */
static void grow(struct smpp_map *map) {
  if (map->segment_count == 0) resize(map, FIRST_SLOTS);
  else if (map->slot_count == SEGMENT_SLOTS && map->count >= (size_t)map->segment_count * SPLIT_ABOVE) split(map);
  else if (map->slot_count < SEGMENT_SLOTS && map->count >= map->slot_count / 4 * 3) resize(map, map->slot_count * 2);
}

/* Without memory it stays large. */
static void shrink(struct smpp_map *map) {
  if (map->segment_count > 1 && map->count < (size_t)map->segment_count * MERGE_BELOW) merge(map);
  else if (map->slot_count > FIRST_SLOTS && map->segment_count == 1 && map->count < map->slot_count / 8) resize(map, map->slot_count / 2);
}

/* ---- entries ---- */

const struct smpp_map_entry *smpp_map_get(const struct smpp_map *map, const void *key, size_t length) {
  if (map->count == 0) return NULL;
  return entry_at(map, find_key(map, smpp_half_siphash(map->seed, key, length), key, length)->cell);
}

/* Neighbours in the list, and the list's ends, point at |cell| from now on. */
static void relink(struct smpp_map *map, const struct smpp_map_entry *entry, uint32_t cell) {
  *(entry->older != 0 ? &entry_at(map, entry->older)->newer : &map->oldest) = cell;
  *(entry->newer != 0 ? &entry_at(map, entry->newer)->older : &map->newest) = cell;
}

/* Removes a cell that nothing points at; the entry that moves there is found there. */
static void remove_cell(struct smpp_map *map, uint32_t cell) {
  uint32_t moved = smpp_cells_remove(&map->cells, cell);
  if (moved == 0) return;
  const struct smpp_map_entry *entry = entry_at(map, cell);
  find_cell(map, entry->hash, moved)->cell = cell;
  relink(map, entry, cell);
}

static int add(struct smpp_map *map, uint32_t hash, const void *key, size_t key_length, const void *value, size_t value_length,
               uint8_t tag, double now) {
  if (map->limit > 0 && map->count >= map->limit) return SMPP_ERR_WINDOW_FULL;
  grow(map);
  if (map->segment_count == 0 || segment_of(map, hash)->used + 1 >= map->slot_count) return SMPP_ERR_NO_MEMORY;
  uint32_t cell = smpp_cells_add(&map->cells, entry_size(key_length, value_length));
  if (cell == 0) return SMPP_ERR_NO_MEMORY;
  struct smpp_map_entry *entry = entry_at(map, cell);
  *entry = (struct smpp_map_entry){.since = now, .older = map->newest, .hash = hash, .key_length = (uint16_t)key_length,
                                   .value_length = (uint16_t)value_length, .tag = tag};
  if (key_length > 0) memcpy(entry->octets, key, key_length);
  if (value_length > 0) memcpy(entry->octets + key_length, value, value_length);
  enter(map, hash, cell);
  relink(map, entry, cell);
  map->count++;
  return 0;
}

static int replace(struct smpp_map *map, struct smpp_map_slot *slot, const void *value, size_t value_length, uint8_t tag) {
  struct smpp_map_entry *entry = entry_at(map, slot->cell);
  size_t key_length = entry->key_length;
  if (!smpp_cells_alike(entry_size(key_length, entry->value_length), entry_size(key_length, value_length))) {
    uint32_t old = slot->cell, cell = smpp_cells_add(&map->cells, entry_size(key_length, value_length));
    if (cell == 0) return SMPP_ERR_NO_MEMORY;
    memcpy(entry_at(map, cell), entry_at(map, old), entry_size(key_length, 0));
    slot->cell = cell;
    relink(map, entry_at(map, cell), cell);
    remove_cell(map, old);
    entry = entry_at(map, cell);
  }
  entry->tag = tag;
  entry->value_length = (uint16_t)value_length;
  if (value_length > 0) memcpy(entry->octets + key_length, value, value_length);
  return 0;
}

int smpp_map_put(struct smpp_map *map, const void *key, size_t key_length, const void *value, size_t value_length,
                 uint8_t tag, double now) {
  if (key_length > SMPP_MAP_MAX_OCTETS || value_length > SMPP_MAP_MAX_OCTETS) return SMPP_ERR_TOO_LONG;
  uint32_t hash = smpp_half_siphash(map->seed, key, key_length);
  struct smpp_map_slot *slot = map->count > 0 ? find_key(map, hash, key, key_length) : NULL;
  if (slot != NULL && slot->cell != 0) return replace(map, slot, value, value_length, tag);
  return add(map, hash, key, key_length, value, value_length, tag, now);
}

/* Frees a slot, and moves up what linear probing had pushed past it. */
static void leave(struct smpp_map *map, struct smpp_map_segment *segment, struct smpp_map_slot *slot) {
  struct smpp_map_slot *slots = segment->slots;
  uint32_t mask = map->slot_count - 1, hole = (uint32_t)(slot - slots);
  for (uint32_t at = (hole + 1) & mask; slots[at].cell != 0; at = (at + 1) & mask) {
    uint32_t home = slots[at].hash >> HOME_SHIFT & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    slots[hole] = slots[at];
    hole = at;
  }
  slots[hole].cell = 0;
  segment->used--;
}

static void remove_entry(struct smpp_map *map, struct smpp_map_slot *slot) {
  uint32_t cell = slot->cell;
  const struct smpp_map_entry *entry = entry_at(map, cell);
  *(entry->older != 0 ? &entry_at(map, entry->older)->newer : &map->oldest) = entry->newer;
  *(entry->newer != 0 ? &entry_at(map, entry->newer)->older : &map->newest) = entry->older;
  leave(map, segment_of(map, entry->hash), slot);
  map->count--;
  remove_cell(map, cell);
  shrink(map);
}

bool smpp_map_delete(struct smpp_map *map, const void *key, size_t length) {
  struct smpp_map_slot *slot = map->count > 0 ? find_key(map, smpp_half_siphash(map->seed, key, length), key, length) : NULL;
  if (slot == NULL || slot->cell == 0) return false;
  remove_entry(map, slot);
  return true;
}

void smpp_map_remove(struct smpp_map *map, const struct smpp_map_entry *entry) {
  remove_entry(map, find_key(map, entry->hash, entry->octets, entry->key_length));
}

const struct smpp_map_entry *smpp_map_oldest(const struct smpp_map *map) { return entry_at(map, map->oldest); }

const struct smpp_map_entry *smpp_map_newer(const struct smpp_map *map, const struct smpp_map_entry *entry) {
  return entry_at(map, entry->newer);
}

const struct smpp_map_entry *smpp_map_expired(const struct smpp_map *map, double now) {
  return smpp_map_next_expiry(map) <= now ? smpp_map_oldest(map) : NULL;
}

double smpp_map_next_expiry(const struct smpp_map *map) {
  return map->oldest != 0 ? smpp_map_oldest(map)->since + map->ttl_s : (double)INFINITY;
}
