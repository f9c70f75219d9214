/* map.h - a compact map from short keys to short values whose entries expire in
 * the order they came: open messages by message_id, prefixes, references.
 *
 * An entry is one block: its header, the key, the value.  They hang in a table of
 * open addressing and in a list, oldest first.  Hashing is keyed, so a peer that
 * chooses the keys cannot make them collide. */
#ifndef SMPP_MAP_H
#define SMPP_MAP_H

#include <stdbool.h>

#include "error.h"

#define SMPP_MAP_MAX_OCTETS 4096u /* of a key, of a value */

struct smpp_map_entry {
  struct smpp_map_entry *older, *newer;
  double since; /* when it was put first */
  uint32_t hash;
  uint16_t key_length, value_length;
  uint8_t tag; /* the caller's */
  uint8_t octets[]; /* key, then value */
};

struct smpp_map {
  struct smpp_map_entry **slots;
  size_t slot_count; /* a power of 2, or 0 */
  size_t count, limit;
  size_t octets; /* taken from the allocator */
  double ttl_s;
  uint32_t seed[2];
  struct smpp_map_entry *oldest, *newest;
};

/* |limit| 0: none.  |ttl_s|: of each entry; infinity for ever.  Takes no memory. */
void smpp_map_init(struct smpp_map *map, size_t limit, double ttl_s, const uint32_t seed[2]);

/* Frees all entries; the map is empty and of use afterwards. */
void smpp_map_clear(struct smpp_map *map);

/* NULL: not there.  Valid until the next put, delete or clear. */
const struct smpp_map_entry *smpp_map_get(const struct smpp_map *map, const void *key, size_t length);

static inline const uint8_t *smpp_map_value(const struct smpp_map_entry *entry) {
  return entry->octets + entry->key_length;
}

/* Puts a copy of |value|, which is not in the map.  An entry that is there gets the new value and keeps its place and age.
 * SMPP_ERR_TOO_LONG (key or value), SMPP_ERR_WINDOW_FULL (at the limit),
 * SMPP_ERR_NO_MEMORY; the map is then as it was. */
SMPP_MUST_CHECK int smpp_map_put(struct smpp_map *map, const void *key, size_t key_length, const void *value,
                                 size_t value_length, uint8_t tag, double now);

/* False: it was not there.  |key| may be the entry's own. */
bool smpp_map_delete(struct smpp_map *map, const void *key, size_t length);

/* The oldest entry if it has expired at |now|, else NULL.  Remove it with smpp_map_delete(). */
const struct smpp_map_entry *smpp_map_expired(const struct smpp_map *map, double now);

/* When the oldest entry expires; infinity when there is none. */
double smpp_map_next_expiry(const struct smpp_map *map);

#endif
