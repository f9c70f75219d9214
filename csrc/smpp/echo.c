#include "echo.h"

#include <string.h>

#include "alloc.h"
#include "siphash.h"

enum { FIRST_PLACES = 16, COUNT_MAX = 0xFFFF };

void smpp_echoes_init(struct smpp_echoes *all, double ttl_s, const uint32_t seed[2]) {
  memset(all, 0, sizeof *all);
  all->ttl_s = ttl_s;
  memcpy(all->seed, seed, sizeof all->seed);
}

void smpp_echoes_clear(struct smpp_echoes *all) {
  smpp_free(all->places);
  all->places = NULL;
  all->place_count = all->count = 0;
}

static uint64_t digest_of(const struct smpp_echoes *all, const void *sender, size_t length) {
  uint64_t digest = smpp_half_siphash_64(all->seed, sender, length);
  return digest != 0 ? digest : 1;
}

uint32_t smpp_echoes_mark(const struct smpp_echoes *all, const void *text, size_t length) {
  uint32_t mark = smpp_half_siphash(all->seed, text, length);
  return mark != 0 ? mark : 1;
}

/* The place of a sender, or the free one where he belongs.  There is a free one. */
static size_t place_of(const struct smpp_echo *places, size_t place_count, uint64_t sender) {
  size_t mask = place_count - 1, place = (size_t)sender & mask;
  while (places[place].sender != 0 && places[place].sender != sender) place = (place + 1) & mask;
  return place;
}

static bool is_over(const struct smpp_echoes *all, const struct smpp_echo *echo, double now) { return echo->since + all->ttl_s <= now; }

/* Moves those whose time is not up to a table of that size. */
static bool move(struct smpp_echoes *all, size_t place_count, double now) {
  if (place_count > SIZE_MAX / sizeof *all->places) return false;
  struct smpp_echo *places = smpp_realloc(NULL, place_count * sizeof *places);
  if (places == NULL) return false;
  memset(places, 0, place_count * sizeof *places);
  size_t count = 0;
  for (size_t i = 0; i < all->place_count; i++) {
    const struct smpp_echo *echo = &all->places[i];
    if (echo->sender == 0 || is_over(all, echo, now)) continue;
    places[place_of(places, place_count, echo->sender)] = *echo;
    count++;
  }
  smpp_free(all->places);
  all->places = places;
  all->place_count = place_count;
  all->count = count;
  return true;
}

/* A table of this size has room for |count| and one more: at most three quarters are taken. */
static bool has_room(size_t place_count, size_t count) { return count + 1 <= place_count / 4 * 3; }

static size_t count_at(const struct smpp_echoes *all, double now) {
  size_t count = 0;
  for (size_t i = 0; i < all->place_count; i++) count += all->places[i].sender != 0 && !is_over(all, &all->places[i], now);
  return count;
}

/* For this many, half as many again before the next move. */
static size_t places_for(size_t count) {
  size_t place_count = FIRST_PLACES;
  while (!has_room(place_count, count + count / 2) && place_count <= SIZE_MAX / 2) place_count *= 2;
  return place_count;
}

void smpp_echoes_drop(struct smpp_echoes *all, double now) {
  if (all->place_count == 0) return;
  size_t count = count_at(all, now);
  if (count == 0) smpp_echoes_clear(all);
  else if (count < all->count) (void)!move(all, places_for(count), now); /* without memory it stays large, which is harmless */
}

static struct smpp_echo *find(const struct smpp_echoes *all, uint64_t digest) {
  if (all->count == 0) return NULL;
  struct smpp_echo *echo = &all->places[place_of(all->places, all->place_count, digest)];
  return echo->sender != 0 ? echo : NULL;
}

struct smpp_echo *smpp_echoes_find(const struct smpp_echoes *all, const void *sender, size_t length) { return find(all, digest_of(all, sender, length)); }

static struct smpp_echo *add(struct smpp_echoes *all, uint64_t digest, double now) {
  if (!has_room(all->place_count, all->count) && !move(all, places_for(count_at(all, now)), now)) return NULL;
  struct smpp_echo *echo = &all->places[place_of(all->places, all->place_count, digest)];
  *echo = (struct smpp_echo){.sender = digest};
  all->count++;
  return echo;
}

struct smpp_echo *smpp_echoes_add(struct smpp_echoes *all, const void *sender, size_t length, double now) {
  uint64_t digest = digest_of(all, sender, length);
  struct smpp_echo *known = find(all, digest);
  return known != NULL ? known : add(all, digest, now);
}

void smpp_echoes_remove(struct smpp_echoes *all, struct smpp_echo *echo) {
  size_t mask = all->place_count - 1, hole = (size_t)(echo - all->places);
  for (size_t place = (hole + 1) & mask; all->places[place].sender != 0; place = (place + 1) & mask) { /* moves up what stands behind it */
    size_t home = (size_t)all->places[place].sender & mask;
    if (((place - home) & mask) < ((place - hole) & mask)) continue;
    all->places[hole] = all->places[place];
    hole = place;
  }
  all->places[hole].sender = 0;
  all->count--;
}

bool smpp_echoes_heard(struct smpp_echoes *all, const void *sender, size_t length, const void *text, size_t text_length, double now,
                       const struct smpp_echo_limits *limits) {
  uint64_t digest = digest_of(all, sender, length);
  struct smpp_echo *echo = find(all, digest);
  bool begins = echo == NULL || now - echo->since >= limits->per_s;
  uint32_t mark = smpp_echoes_mark(all, text, text_length), n = begins ? 1 : echo->n + 1u;
  uint32_t repeats = echo != NULL && echo->heard == mark ? echo->repeats : 0;
  if (n > limits->n || n > COUNT_MAX || repeats >= limits->repeats) return false;
  if (echo == NULL && (echo = add(all, digest, now)) == NULL) return false;
  if (begins) echo->since = now;
  echo->heard = mark;
  echo->n = (uint16_t)n;
  echo->repeats = (uint16_t)repeats;
  return true;
}

bool smpp_echoes_said(struct smpp_echoes *all, const void *sender, size_t length, const void *text, size_t text_length) {
  struct smpp_echo *echo = smpp_echoes_find(all, sender, length);
  if (echo == NULL) return false;
  uint32_t mark = smpp_echoes_mark(all, text, text_length);
  if (mark != echo->said) echo->repeats = 1;
  else if (echo->repeats < COUNT_MAX) echo->repeats++;
  echo->said = mark;
  return true;
}
