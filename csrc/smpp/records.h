/* records.h - the records of one kind (record.h) in memory: found by their keys, in the
 * order in which they came, final ones also in the order in which they ended, and by
 * groups of fields once these are asked for.
 *
 * A record is one block of octets and a slot with a fixed number; indices are arrays of
 * such numbers.  A slot's number is used again when its record is gone, a serial never. */
#ifndef SMPP_RECORDS_H
#define SMPP_RECORDS_H

#include <string.h>

#include "error.h"
#include "record.h"

#define SMPP_NO_SLOT UINT32_MAX

enum { SMPP_FINAL_STATES_MAX = 16, SMPP_STATE_OCTETS_MAX = 16, SMPP_GROUPS_MAX = 2, SMPP_GROUP_FIELDS_MAX = 3 };

/* What a kind declares: places of names (record.h), and its final states. */
struct smpp_record_kind {
  uint8_t key, state;
  bool expires; /* without final states: all its records count as final ones */
  char final[SMPP_FINAL_STATES_MAX][SMPP_STATE_OCTETS_MAX]; /* as C strings */
  unsigned final_count, group_count;
  struct {
    uint8_t fields[SMPP_GROUP_FIELDS_MAX]; /* strings, which do not change while a record exists; absent ones are empty */
    unsigned field_count;
    bool is_open; /* without final records */
  } groups[SMPP_GROUPS_MAX];
};

struct smpp_stored {
  uint8_t *octets; /* its own block; NULL: the slot is free */
  uint32_t length : 31, is_final : 1;
  uint32_t hash, next; /* of the key; the next slot of its chain, or free one */
  uint32_t position;   /* in the order of serials */
  uint32_t ended_before, ended_after; /* among the final ones */
};

/* Records with the same fields. */
struct smpp_record_place {
  uint32_t hash, next;
  uint32_t first, last, count; /* a list by |links| */
};

struct smpp_record_link {
  uint32_t place, before, after;
};

struct smpp_record_index {
  bool is_built;
  struct smpp_record_link *links; /* one for each slot */
  struct smpp_record_place *places;
  uint32_t *buckets;
  uint32_t place_capacity, place_count, bucket_count, free_place, used_places;
};

struct smpp_records {
  struct smpp_record_kind kind;
  uint32_t seed[2];
  struct smpp_stored *slots;
  uint32_t slot_capacity, used_slots, free_slot;
  uint32_t *buckets;
  uint32_t bucket_count; /* a power of 2, or 0 */
  uint64_t *serials;     /* in ascending order, beside the slots that have them; gone: SMPP_NO_SLOT */
  uint32_t *order;
  uint32_t order_capacity, order_first, order_end;
  uint32_t count, final_count;
  uint32_t ended_first, ended_last;
  uint64_t last_serial;
  size_t octets; /* of all records */
  struct smpp_record_index groups[SMPP_GROUPS_MAX];
};

/* Takes no memory. */
void smpp_records_init(struct smpp_records *r, const struct smpp_record_kind *kind, const uint32_t seed[2]);

/* Frees all; it is empty and of use afterwards. */
void smpp_records_clear(struct smpp_records *r);

/* Octets taken from the allocator. */
size_t smpp_records_memory(const struct smpp_records *r);

/* The slot of a key, of a serial; SMPP_NO_SLOT: there is none. */
uint32_t smpp_records_find(const struct smpp_records *r, const char *key, size_t length);
uint32_t smpp_records_at(const struct smpp_records *r, uint64_t serial);

static inline uint64_t smpp_records_serial(const struct smpp_records *r, uint32_t slot) { return r->serials[r->slots[slot].position]; }

/* The slot has the record with this serial?  |slot|: of this or another time. */
static inline bool smpp_records_is(const struct smpp_records *r, uint32_t slot, uint64_t serial) {
  return slot < r->used_slots && r->slots[slot].octets != NULL && smpp_records_serial(r, slot) == serial;
}

/* The key of the record in a slot. */
static inline const char *smpp_records_key(const struct smpp_records *r, uint32_t slot, size_t *length) {
  return smpp_record_string(r->slots[slot].octets, r->slots[slot].length, r->kind.key, length);
}

/* The key of the record in a slot is this one? */
static inline bool smpp_records_has_key(const struct smpp_records *r, uint32_t slot, const char *key, size_t length) {
  size_t own_length;
  const char *own = smpp_records_key(r, slot, &own_length);
  return own_length == length && (length == 0 || memcmp(own, key, length) == 0);
}

/* The state of a record is |state|? */
bool smpp_records_has_state(const struct smpp_records *r, uint32_t slot, const char *state, size_t length);

/* The state is one of the final ones? */
bool smpp_records_is_final(const struct smpp_record_kind *kind, const char *state, size_t length);

/* Makes room for |more| records, so that adding them cannot fail. */
SMPP_MUST_CHECK int smpp_records_reserve(struct smpp_records *r, uint32_t more);

/* Adds a record, which has a key that is not there yet; there is room.  |octets|: a block of smpp_realloc, which is the record's now. */
uint32_t smpp_records_add(struct smpp_records *r, uint8_t *octets, uint32_t length);

/* Replaces the octets of a record; it keeps its key, its serial and the fields of its groups. */
void smpp_records_replace(struct smpp_records *r, uint32_t slot, uint8_t *octets, uint32_t length);

void smpp_records_remove(struct smpp_records *r, uint32_t slot);

/* Gives memory back if nothing is left: what was reserved is gone, too. */
void smpp_records_trim(struct smpp_records *r);

/* ---- in order ---- */

/* The value of a field. */
struct smpp_octets {
  const char *at; /* NULL where |length| is 0 */
  size_t length;
};

/* A part of the records: all, or those of a place in a group; |is_newest|: the newest first. */
struct smpp_records_range {
  int group; /* -1: all */
  uint32_t place;
  bool is_newest;
};

/* The range of a group with these fields; builds its index at the first call.  |field|: one for each field of the group. */
SMPP_MUST_CHECK int smpp_records_group(struct smpp_records *r, int group, const struct smpp_octets *field, struct smpp_records_range *range);

/* The first slot of a range, that after a slot, and that after a serial, which may be of a record that is gone. */
uint32_t smpp_records_first(const struct smpp_records *r, const struct smpp_records_range *range);
uint32_t smpp_records_next(const struct smpp_records *r, const struct smpp_records_range *range, uint32_t slot);
uint32_t smpp_records_after(const struct smpp_records *r, const struct smpp_records_range *range, uint64_t serial);

/* ---- for records.c (records_group.c) ---- */

void smpp_records_enter(struct smpp_records *r, uint32_t slot);
void smpp_records_leave(struct smpp_records *r, uint32_t slot, bool only_open);
void smpp_records_drop_group(struct smpp_records *r, unsigned group);
void smpp_records_grow_groups(struct smpp_records *r);

#endif
