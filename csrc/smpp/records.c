#include "records.h"

#include <string.h>

#include "alloc.h"
#include "siphash.h"

enum { FIRST_BUCKETS = 16, FIRST_SLOTS = 16, KEPT_SLOTS = 1000 };

#define LENGTH_MAX 0x7FFFFFFFu /* RECORD_OCTETS_MAX is less */
#define COUNT_MAX (SIZE_MAX / 256 < 0x40000000u ? (uint32_t)(SIZE_MAX / 256) : 0x40000000u)

void smpp_records_init(struct smpp_records *r, const struct smpp_record_kind *kind, const uint32_t seed[2]) {
  memset(r, 0, sizeof *r);
  r->kind = *kind;
  r->seed[0] = seed[0];
  r->seed[1] = seed[1];
  r->free_slot = r->ended_first = r->ended_last = SMPP_NO_SLOT;
}

void smpp_records_clear(struct smpp_records *r) {
  struct smpp_record_kind kind = r->kind;
  uint32_t seed[2] = {r->seed[0], r->seed[1]};
  uint64_t last_serial = r->last_serial;
  for (uint32_t i = 0; i < r->used_slots; i++) smpp_free(r->slots[i].octets);
  for (unsigned i = 0; i < kind.group_count; i++) smpp_records_drop_group(r, i);
  smpp_free(r->slots);
  smpp_free(r->buckets);
  smpp_free(r->serials);
  smpp_free(r->order);
  smpp_records_init(r, &kind, seed);
  r->last_serial = last_serial;
}

size_t smpp_records_memory(const struct smpp_records *r) {
  size_t octets = r->octets + r->slot_capacity * sizeof *r->slots + r->bucket_count * sizeof *r->buckets +
                  r->order_capacity * (sizeof *r->serials + sizeof *r->order);
  for (unsigned i = 0; i < r->kind.group_count; i++) {
    const struct smpp_record_index *index = &r->groups[i];
    if (!index->is_built) continue;
    octets += r->slot_capacity * sizeof *index->links + index->place_capacity * sizeof *index->places + index->bucket_count * sizeof *index->buckets;
  }
  return octets;
}

/* ---- keys ---- */

static uint32_t hash_of(const struct smpp_records *r, const char *key, size_t length) {
  return smpp_half_siphash(r->seed, (const uint8_t *)key, length);
}

uint32_t smpp_records_find(const struct smpp_records *r, const char *key, size_t length) {
  if (r->count == 0) return SMPP_NO_SLOT;
  uint32_t hash = hash_of(r, key, length), slot = r->buckets[hash & (r->bucket_count - 1)];
  while (slot != SMPP_NO_SLOT) {
    const struct smpp_stored *stored = &r->slots[slot];
    if (stored->hash == hash && smpp_records_has_key(r, slot, key, length)) break;
    slot = stored->next;
  }
  return slot;
}

static void chain(struct smpp_records *r, uint32_t slot) {
  uint32_t *bucket = &r->buckets[r->slots[slot].hash & (r->bucket_count - 1)];
  r->slots[slot].next = *bucket;
  *bucket = slot;
}

static void unchain(struct smpp_records *r, uint32_t slot) {
  uint32_t *at = &r->buckets[r->slots[slot].hash & (r->bucket_count - 1)];
  while (*at != slot) at = &r->slots[*at].next;
  *at = r->slots[slot].next;
}

/* ---- the order of serials ---- */

/* The position of the first serial above |serial|. */
static uint32_t position_above(const struct smpp_records *r, uint64_t serial) {
  uint32_t low = r->order_first, high = r->order_end;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (r->serials[middle] > serial) high = middle;
    else low = middle + 1;
  }
  return low;
}

uint32_t smpp_records_at(const struct smpp_records *r, uint64_t serial) {
  uint32_t above = position_above(r, serial);
  return above > r->order_first && r->serials[above - 1] == serial ? r->order[above - 1] : SMPP_NO_SLOT;
}

/* Moves the entries that are in use together. */
static void compact(struct smpp_records *r) {
  uint32_t n = 0;
  for (uint32_t i = r->order_first; i < r->order_end; i++) {
    uint32_t slot = r->order[i];
    if (slot == SMPP_NO_SLOT) continue;
    r->serials[n] = r->serials[i];
    r->order[n] = slot;
    r->slots[slot].position = n++;
  }
  r->order_first = 0;
  r->order_end = n;
}

/* ---- room ---- */

static uint32_t larger(uint32_t capacity, uint32_t needed) {
  uint32_t more = capacity + capacity / 2 + FIRST_SLOTS; /* no overflow: COUNT_MAX */
  return more > needed ? more : needed;
}

static int grow_slots(struct smpp_records *r, uint32_t needed) {
  if (needed <= r->slot_capacity) return 0;
  uint32_t capacity = larger(r->slot_capacity, needed);
  struct smpp_stored *slots = smpp_realloc(r->slots, capacity * sizeof *slots);
  if (slots == NULL) return SMPP_ERR_NO_MEMORY;
  r->slots = slots;
  r->slot_capacity = capacity;
  smpp_records_grow_groups(r);
  return 0;
}

static int grow_order(struct smpp_records *r, uint32_t more) {
  if (r->order_capacity - r->order_end >= more) return 0;
  if (r->count + more <= r->order_capacity / 4 * 3) {
    compact(r);
    return 0;
  }
  uint32_t capacity = larger(r->order_capacity, r->order_end + more);
  uint64_t *serials = smpp_realloc(r->serials, capacity * sizeof *serials);
  if (serials == NULL) return SMPP_ERR_NO_MEMORY;
  r->serials = serials;
  uint32_t *order = smpp_realloc(r->order, capacity * sizeof *order);
  if (order == NULL) return SMPP_ERR_NO_MEMORY;
  r->order = order;
  r->order_capacity = capacity;
  return 0;
}

static int grow_buckets(struct smpp_records *r, uint32_t needed) {
  if (needed <= r->bucket_count) return 0;
  uint32_t count = r->bucket_count == 0 ? FIRST_BUCKETS : r->bucket_count;
  while (count < needed) count *= 2;
  uint32_t *buckets = smpp_realloc(NULL, count * sizeof *buckets);
  if (buckets == NULL) return SMPP_ERR_NO_MEMORY;
  memset(buckets, 0xFF, count * sizeof *buckets); /* SMPP_NO_SLOT */
  smpp_free(r->buckets);
  r->buckets = buckets;
  r->bucket_count = count;
  for (uint32_t i = 0; i < r->used_slots; i++) {
    if (r->slots[i].octets != NULL) chain(r, i);
  }
  return 0;
}

int smpp_records_reserve(struct smpp_records *r, uint32_t more) {
  if (more > COUNT_MAX - r->count) return SMPP_ERR_NO_MEMORY;
  int err = grow_slots(r, r->count + more); /* as many as are not in use are free */
  if (err == 0) err = grow_order(r, more);
  return err != 0 ? err : grow_buckets(r, r->count + more);
}

/* ---- states ---- */

bool smpp_records_has_state(const struct smpp_records *r, uint32_t slot, const char *state, size_t length) {
  size_t own_length;
  const char *own = smpp_record_string(r->slots[slot].octets, r->slots[slot].length, r->kind.state, &own_length);
  return own != NULL && own_length == length && memcmp(own, state, length) == 0;
}

bool smpp_records_is_final(const struct smpp_record_kind *kind, const char *state, size_t length) {
  for (unsigned i = 0; i < kind->final_count; i++) {
    if (strlen(kind->final[i]) == length && memcmp(kind->final[i], state, length) == 0) return true;
  }
  return false;
}

static bool is_final(const struct smpp_record_kind *kind, const struct smpp_stored *stored) {
  if (kind->final_count == 0) return kind->expires;
  size_t length;
  const char *state = smpp_record_string(stored->octets, stored->length, kind->state, &length);
  return state != NULL && smpp_records_is_final(kind, state, length);
}

static void end(struct smpp_records *r, uint32_t slot) {
  struct smpp_stored *stored = &r->slots[slot];
  stored->is_final = true;
  stored->ended_before = r->ended_last;
  stored->ended_after = SMPP_NO_SLOT;
  *(r->ended_last != SMPP_NO_SLOT ? &r->slots[r->ended_last].ended_after : &r->ended_first) = slot;
  r->ended_last = slot;
  r->final_count++;
}

static void unend(struct smpp_records *r, uint32_t slot) {
  struct smpp_stored *stored = &r->slots[slot];
  stored->is_final = false;
  *(stored->ended_before != SMPP_NO_SLOT ? &r->slots[stored->ended_before].ended_after : &r->ended_first) = stored->ended_after;
  *(stored->ended_after != SMPP_NO_SLOT ? &r->slots[stored->ended_after].ended_before : &r->ended_last) = stored->ended_before;
  r->final_count--;
}

/* ---- changes ---- */

static void take_octets(struct smpp_records *r, struct smpp_stored *stored, uint8_t *octets, uint32_t length) {
  stored->octets = octets;
  stored->length = length & LENGTH_MAX;
  r->octets += length;
}

uint32_t smpp_records_add(struct smpp_records *r, uint8_t *octets, uint32_t length) {
  uint32_t slot = r->free_slot;
  if (slot != SMPP_NO_SLOT) r->free_slot = r->slots[slot].next;
  else slot = r->used_slots++;
  struct smpp_stored *stored = &r->slots[slot];
  size_t key_length;
  take_octets(r, stored, octets, length);
  const char *key = smpp_records_key(r, slot, &key_length);
  stored->hash = hash_of(r, key != NULL ? key : "", key_length);
  stored->position = r->order_end;
  stored->is_final = false;
  r->serials[r->order_end] = ++r->last_serial;
  r->order[r->order_end++] = slot;
  r->count++;
  chain(r, slot);
  if (is_final(&r->kind, stored)) end(r, slot);
  smpp_records_enter(r, slot);
  return slot;
}

void smpp_records_replace(struct smpp_records *r, uint32_t slot, uint8_t *octets, uint32_t length) {
  struct smpp_stored *stored = &r->slots[slot];
  uint8_t *old = stored->octets;
  r->octets -= stored->length;
  take_octets(r, stored, octets, length);
  if (old != octets) smpp_free(old);
  bool ends = is_final(&r->kind, stored);
  if (ends == stored->is_final) return;
  if (ends) {
    end(r, slot);
    smpp_records_leave(r, slot, true);
  } else {
    unend(r, slot);
    for (unsigned i = 0; i < r->kind.group_count; i++) smpp_records_drop_group(r, i); /* it would enter out of order */
  }
}

void smpp_records_remove(struct smpp_records *r, uint32_t slot) {
  struct smpp_stored *stored = &r->slots[slot];
  smpp_records_leave(r, slot, false);
  unchain(r, slot);
  if (stored->is_final) unend(r, slot);
  r->order[stored->position] = SMPP_NO_SLOT;
  while (r->order_first < r->order_end && r->order[r->order_first] == SMPP_NO_SLOT) r->order_first++;
  r->octets -= stored->length;
  r->count--;
  smpp_free(stored->octets);
  stored->octets = NULL;
  stored->next = r->free_slot;
  r->free_slot = slot;
}

void smpp_records_trim(struct smpp_records *r) {
  if (r->count == 0 && r->slot_capacity > KEPT_SLOTS) smpp_records_clear(r);
}

/* ---- in order ---- */

/* The slot at a position, or the next in the direction that is in use. */
static uint32_t from_position(const struct smpp_records *r, uint32_t position, bool is_newest) {
  if (is_newest) {
    while (position > r->order_first) {
      if (r->order[--position] != SMPP_NO_SLOT) return r->order[position];
    }
    return SMPP_NO_SLOT;
  }
  while (position < r->order_end && r->order[position] == SMPP_NO_SLOT) position++;
  return position < r->order_end ? r->order[position] : SMPP_NO_SLOT;
}

uint32_t smpp_records_first(const struct smpp_records *r, const struct smpp_records_range *range) {
  if (range->group < 0) return from_position(r, range->is_newest ? r->order_end : r->order_first, range->is_newest);
  if (range->place == SMPP_NO_SLOT) return SMPP_NO_SLOT;
  const struct smpp_record_place *place = &r->groups[range->group].places[range->place];
  return range->is_newest ? place->last : place->first;
}

uint32_t smpp_records_next(const struct smpp_records *r, const struct smpp_records_range *range, uint32_t slot) {
  if (range->group < 0) {
    uint32_t position = r->slots[slot].position;
    return from_position(r, range->is_newest ? position : position + 1, range->is_newest);
  }
  const struct smpp_record_link *link = &r->groups[range->group].links[slot];
  return range->is_newest ? link->before : link->after;
}

uint32_t smpp_records_after(const struct smpp_records *r, const struct smpp_records_range *range, uint64_t serial) {
  if (range->group < 0) return from_position(r, position_above(r, range->is_newest && serial > 0 ? serial - 1 : serial), range->is_newest);
  uint32_t slot = smpp_records_at(r, serial);
  if (slot != SMPP_NO_SLOT && range->place != SMPP_NO_SLOT && r->groups[range->group].links[slot].place == range->place)
    return smpp_records_next(r, range, slot);
  slot = smpp_records_first(r, range); /* what was before it has gone, too, or nearly all */
  while (slot != SMPP_NO_SLOT && (range->is_newest ? smpp_records_serial(r, slot) >= serial : smpp_records_serial(r, slot) <= serial))
    slot = smpp_records_next(r, range, slot);
  return slot;
}
