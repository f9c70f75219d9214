#include "flights.h"

#include "alloc.h"

#define NONE UINT32_MAX

enum { SMALLEST = 64, LARGEST = 1 << 24 };

bool smpp_flights_reserve(struct smpp_flights *t) {
  if (t->spare_count > 0) return true;
  if (t->capacity >= LARGEST) return false;
  uint32_t capacity = t->capacity == 0 ? SMALLEST : t->capacity * 2;
  struct smpp_flight *all = smpp_realloc(t->all, capacity * sizeof *all);
  if (all == NULL) return false;
  if (t->capacity == 0) t->ended = NONE;
  for (uint32_t i = t->capacity; i < capacity; i++) all[i] = (struct smpp_flight){.next = i + 1 < capacity ? i + 1 : NONE};
  t->spare = t->capacity;
  t->spare_count = capacity - t->capacity;
  t->all = all;
  t->capacity = capacity;
  return true;
}

uint32_t smpp_flights_add(struct smpp_flights *t, double due, double left, bool is_counted) {
  uint32_t number = t->spare;
  struct smpp_flight *f = &t->all[number];
  t->spare = f->next;
  t->spare_count--;
  *f = (struct smpp_flight){.due = due, .left = left, .state = SMPP_FLIGHT_OPEN, .is_counted = is_counted};
  return number;
}

static void give_back(struct smpp_flights *t, uint32_t number) {
  t->all[number].state = SMPP_FLIGHT_FREE;
  t->all[number].next = t->spare_count > 0 ? t->spare : NONE;
  t->spare = number;
  t->spare_count++;
}

void smpp_flights_end(struct smpp_flights *t, uint64_t number, bool is_answered, uint32_t status) {
  if (number >= t->capacity || t->all[number].state != SMPP_FLIGHT_OPEN) return;
  struct smpp_flight *f = &t->all[number];
  f->state = SMPP_FLIGHT_ENDED;
  f->is_answered = is_answered;
  f->status = status;
  f->next = t->ended;
  t->ended = (uint32_t)number;
}

bool smpp_flights_take(struct smpp_flights *t, struct smpp_flight *out) {
  if (t->capacity == 0 || t->ended == NONE) return false;
  uint32_t number = t->ended;
  *out = t->all[number];
  t->ended = out->next;
  give_back(t, number);
  return true;
}

uint32_t smpp_flights_abandon(struct smpp_flights *t) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < t->capacity; i++) {
    if (t->all[i].state != SMPP_FLIGHT_OPEN) continue;
    if (t->all[i].is_counted) count++;
    give_back(t, i);
  }
  return count;
}

void smpp_flights_free(struct smpp_flights *t) {
  smpp_free(t->all);
  *t = (struct smpp_flights){0};
}
