/* map.h - a compact map from short keys to short values whose entries expire in
 * the order they came: open messages by message_id, prefixes, references.
 *
 * An entry is one cell: its header, the key, the value.  Entries are in a hash table and in a list, oldest first.  The table has
 * segments of open addressing, and grows and shrinks by one of them at a time (linear hashing): no call takes long, however
 * many entries there are.  A slot has the hash beside the number of its cell, so that a search reads no entry but the one it
 * wants.  Hashing is keyed, so a peer that chooses the keys cannot make them collide. */
#ifndef SMPP_MAP_H
#define SMPP_MAP_H

#include <stdbool.h>

#include "cells.h"
#include "error.h"

#define SMPP_MAP_MAX_OCTETS 4096u /* of a key, of a value */

struct smpp_map_entry {
  double since; /* when it was put first */
  uint32_t older, newer; /* cells, 0: none */
  uint32_t hash;
  uint16_t key_length, value_length;
  uint8_t tag; /* the caller's */
  uint8_t octets[]; /* key, then value */
};

struct smpp_map_slot {
  uint32_t hash, cell; /* cell 0: free */
};

struct smpp_map_segment {
  struct smpp_map_slot *slots;
  uint32_t used;
};

struct smpp_map {
  struct smpp_map_segment *segments;
  uint32_t segment_count, segment_room, segment_mask; /* the mask: a power of 2, less 1, which is not below segment_count - 1 */
  uint32_t slot_count;                                /* of each segment, a power of 2 */
  uint32_t oldest, newest;                            /* cells, 0: none */
  size_t count, limit;
  struct smpp_cells cells;
  double ttl_s;
  uint32_t seed[2];
};

/* |limit| 0: none.  |ttl_s|: of each entry; infinity for ever.  Takes no memory. */
void smpp_map_init(struct smpp_map *map, size_t limit, double ttl_s, const uint32_t seed[2]);

/* Frees all entries; the map is empty and of use afterwards. */
void smpp_map_clear(struct smpp_map *map);

/* NULL: not there.  Valid until the next put, delete, remove or clear. */
const struct smpp_map_entry *smpp_map_get(const struct smpp_map *map, const void *key, size_t length);

static inline const uint8_t *smpp_map_value(const struct smpp_map_entry *entry) {
  return entry->octets + entry->key_length;
}

/* Puts a copy of |value|; neither it nor |key| is in the map.  An entry that is there gets the new value and keeps its place and age.
 * SMPP_ERR_TOO_LONG (key or value), SMPP_ERR_WINDOW_FULL (at the limit),
 * SMPP_ERR_NO_MEMORY; the map is then as it was. */
SMPP_MUST_CHECK int smpp_map_put(struct smpp_map *map, const void *key, size_t key_length, const void *value,
                                 size_t value_length, uint8_t tag, double now);

/* False: it was not there.  |key| may be the entry's own. */
bool smpp_map_delete(struct smpp_map *map, const void *key, size_t length);

/* Removes an entry that get, oldest, newer or expired has returned. */
void smpp_map_remove(struct smpp_map *map, const struct smpp_map_entry *entry);

/* The oldest entry, and the next newer than |entry|; NULL: there is none. */
const struct smpp_map_entry *smpp_map_oldest(const struct smpp_map *map);
const struct smpp_map_entry *smpp_map_newer(const struct smpp_map *map, const struct smpp_map_entry *entry);

/* The oldest entry if it has expired at |now|, else NULL. */
const struct smpp_map_entry *smpp_map_expired(const struct smpp_map *map, double now);

/* When the oldest entry expires; infinity when there is none. */
double smpp_map_next_expiry(const struct smpp_map *map);

/* Octets taken from the allocator. */
size_t smpp_map_octets(const struct smpp_map *map);

#endif
