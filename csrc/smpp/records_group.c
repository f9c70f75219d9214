/* records_group.c - indices of groups of fields.  One that runs out of memory is dropped, and is built again when it is asked for. */
#include <string.h>

#include "alloc.h"
#include "records.h"
#include "siphash.h"

enum { FIRST_BUCKETS = 16, FIRST_PLACES = 16 };

void smpp_records_drop_group(struct smpp_records *r, unsigned group) {
  struct smpp_record_index *index = &r->groups[group];
  smpp_free(index->links);
  smpp_free(index->places);
  smpp_free(index->buckets);
  memset(index, 0, sizeof *index);
}

static uint32_t hash_of(const struct smpp_records *r, const struct smpp_octets *field, unsigned count) {
  uint32_t seed[2] = {r->seed[0], r->seed[1]};
  for (unsigned i = 0; i < count; i++) seed[0] ^= smpp_half_siphash(seed, (const uint8_t *)(field[i].length > 0 ? field[i].at : ""), field[i].length);
  return seed[0];
}

static void fields_of(const struct smpp_records *r, unsigned group, uint32_t slot, struct smpp_octets field[SMPP_GROUP_FIELDS_MAX]) {
  const struct smpp_stored *stored = &r->slots[slot];
  for (unsigned i = 0; i < r->kind.groups[group].field_count; i++)
    field[i].at = smpp_record_string(stored->octets, stored->length, r->kind.groups[group].fields[i], &field[i].length);
}

static bool are_equal(const struct smpp_octets *a, const struct smpp_octets *b, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    if (a[i].length != b[i].length || (a[i].length > 0 && memcmp(a[i].at, b[i].at, a[i].length) != 0)) return false;
  }
  return true;
}

/* The place of these fields; SMPP_NO_SLOT: there is none. */
static uint32_t find(const struct smpp_records *r, unsigned group, uint32_t hash, const struct smpp_octets *field) {
  const struct smpp_record_index *index = &r->groups[group];
  uint32_t place = index->bucket_count > 0 ? index->buckets[hash & (index->bucket_count - 1)] : SMPP_NO_SLOT;
  for (; place != SMPP_NO_SLOT; place = index->places[place].next) {
    struct smpp_octets own[SMPP_GROUP_FIELDS_MAX];
    if (index->places[place].hash != hash) continue;
    fields_of(r, group, index->places[place].first, own);
    if (are_equal(own, field, r->kind.groups[group].field_count)) break;
  }
  return place;
}

static bool grow_places(struct smpp_record_index *index) {
  if (index->free_place != SMPP_NO_SLOT || index->used_places < index->place_capacity) return true;
  uint32_t capacity = index->place_capacity + index->place_capacity / 2 + FIRST_PLACES;
  struct smpp_record_place *places = smpp_realloc(index->places, capacity * sizeof *places);
  if (places == NULL) return false;
  index->places = places;
  index->place_capacity = capacity;
  return true;
}

static void chain(struct smpp_record_index *index, uint32_t place) {
  uint32_t *bucket = &index->buckets[index->places[place].hash & (index->bucket_count - 1)];
  index->places[place].next = *bucket;
  *bucket = place;
}

static bool grow_buckets(struct smpp_record_index *index) {
  if (index->place_count < index->bucket_count) return true;
  uint32_t count = index->bucket_count > 0 ? index->bucket_count * 2 : FIRST_BUCKETS;
  uint32_t *buckets = smpp_realloc(NULL, count * sizeof *buckets);
  if (buckets == NULL) return false;
  memset(buckets, 0xFF, count * sizeof *buckets);
  smpp_free(index->buckets);
  index->buckets = buckets;
  index->bucket_count = count;
  for (uint32_t i = 0; i < index->used_places; i++) {
    if (index->places[i].count > 0) chain(index, i);
  }
  return true;
}

/* A new place; SMPP_NO_SLOT: no memory. */
static uint32_t open_place(struct smpp_record_index *index, uint32_t hash) {
  if (!grow_places(index) || !grow_buckets(index)) return SMPP_NO_SLOT;
  uint32_t place = index->free_place;
  if (place != SMPP_NO_SLOT) index->free_place = index->places[place].next;
  else place = index->used_places++;
  index->places[place] = (struct smpp_record_place){hash, SMPP_NO_SLOT, SMPP_NO_SLOT, SMPP_NO_SLOT, 0};
  index->place_count++;
  chain(index, place);
  return place;
}

static void close_place(struct smpp_record_index *index, uint32_t place) {
  uint32_t *at = &index->buckets[index->places[place].hash & (index->bucket_count - 1)];
  while (*at != place) at = &index->places[*at].next;
  *at = index->places[place].next;
  index->places[place].next = index->free_place;
  index->free_place = place;
  index->place_count--;
}

/* False: no memory. */
static bool enter(struct smpp_records *r, unsigned group, uint32_t slot) {
  struct smpp_record_index *index = &r->groups[group];
  struct smpp_record_link *link = &index->links[slot];
  struct smpp_octets field[SMPP_GROUP_FIELDS_MAX];
  *link = (struct smpp_record_link){SMPP_NO_SLOT, SMPP_NO_SLOT, SMPP_NO_SLOT};
  if (r->kind.groups[group].is_open && r->slots[slot].is_final) return true;
  fields_of(r, group, slot, field);
  uint32_t hash = hash_of(r, field, r->kind.groups[group].field_count);
  uint32_t number = find(r, group, hash, field);
  if (number == SMPP_NO_SLOT) number = open_place(index, hash);
  if (number == SMPP_NO_SLOT) return false;
  struct smpp_record_place *place = &index->places[number];
  link->place = number;
  link->before = place->last;
  if (place->last != SMPP_NO_SLOT) index->links[place->last].after = slot;
  else place->first = slot;
  place->last = slot;
  place->count++;
  return true;
}

void smpp_records_enter(struct smpp_records *r, uint32_t slot) {
  for (unsigned i = 0; i < r->kind.group_count; i++) {
    if (r->groups[i].is_built && !enter(r, i, slot)) smpp_records_drop_group(r, i);
  }
}

void smpp_records_leave(struct smpp_records *r, uint32_t slot, bool only_open) {
  for (unsigned i = 0; i < r->kind.group_count; i++) {
    struct smpp_record_index *index = &r->groups[i];
    if (!index->is_built || (only_open && !r->kind.groups[i].is_open) || index->links[slot].place == SMPP_NO_SLOT) continue;
    struct smpp_record_link *link = &index->links[slot];
    struct smpp_record_place *place = &index->places[link->place];
    *(link->before != SMPP_NO_SLOT ? &index->links[link->before].after : &place->first) = link->after;
    *(link->after != SMPP_NO_SLOT ? &index->links[link->after].before : &place->last) = link->before;
    if (--place->count == 0) close_place(index, link->place);
    link->place = SMPP_NO_SLOT;
  }
}

void smpp_records_grow_groups(struct smpp_records *r) {
  for (unsigned i = 0; i < r->kind.group_count; i++) {
    struct smpp_record_index *index = &r->groups[i];
    if (!index->is_built) continue;
    struct smpp_record_link *links = smpp_realloc(index->links, r->slot_capacity * sizeof *links);
    if (links == NULL) smpp_records_drop_group(r, i);
    else index->links = links;
  }
}

static int build(struct smpp_records *r, unsigned group) {
  struct smpp_record_index *index = &r->groups[group];
  const struct smpp_records_range all = {-1, SMPP_NO_SLOT, false};
  if (index->is_built || r->count == 0) return 0;
  index->links = smpp_realloc(NULL, r->slot_capacity * sizeof *index->links);
  index->free_place = SMPP_NO_SLOT;
  bool ok = index->links != NULL;
  for (uint32_t slot = smpp_records_first(r, &all); ok && slot != SMPP_NO_SLOT; slot = smpp_records_next(r, &all, slot)) ok = enter(r, group, slot);
  index->is_built = ok;
  if (!ok) smpp_records_drop_group(r, group);
  return ok ? 0 : SMPP_ERR_NO_MEMORY;
}

int smpp_records_group(struct smpp_records *r, int group, const struct smpp_octets *field, struct smpp_records_range *range) {
  int err = build(r, (unsigned)group);
  if (err != 0) return err;
  range->group = group;
  range->place = SMPP_NO_SLOT;
  if (r->count > 0) range->place = find(r, (unsigned)group, hash_of(r, field, r->kind.groups[group].field_count), field);
  return 0;
}
