/* Flights: each ends once, whatever numbers come; numbers are used again; no memory changes nothing. */
#include "session_support.h"
#include "smpp/flights.h"

static void life(void) {
  enum { MANY = 300 };
  static bool open[1024];
  struct smpp_flights t = {0};
  struct smpp_flight f;
  uint32_t state = 3, numbers[MANY], in_flight = 0, sent = 0, taken = 0;
  CHECK(!smpp_flights_take(&t, &f) && smpp_flights_abandon(&t) == 0);
  smpp_flights_end(&t, 0, true, 0);
  for (int round = 0; round < 20000; round++) {
    state = state * 1664525u + 1013904223u;
    if ((state >> 16) % 2 == 0 && in_flight < MANY) {
      CHECK(smpp_flights_reserve(&t));
      uint32_t number = t.spare;
      CHECK(smpp_flights_add(&t, sent, sent + 1.0, true) == number && number < 1024 && !open[number]);
      open[number] = true;
      numbers[in_flight++] = number;
      sent++;
    } else if (in_flight > 0) {
      uint32_t at = (state >> 8) % in_flight, number = numbers[at];
      numbers[at] = numbers[--in_flight];
      smpp_flights_end(&t, number, true, number);
      smpp_flights_end(&t, number, false, 1); /* a second outcome is none */
      open[number] = false;
    }
    if ((state >> 20) % 8 != 0) continue;
    while (smpp_flights_take(&t, &f)) {
      CHECK(f.is_answered && f.left == f.due + 1 && f.is_counted);
      taken++;
    }
  }
  while (smpp_flights_take(&t, &f)) taken++;
  CHECK(taken + in_flight == sent && t.capacity <= 1024);
  CHECK(smpp_flights_abandon(&t) == in_flight && smpp_flights_abandon(&t) == 0);
  for (uint32_t i = 0; i < t.capacity + 10; i++) smpp_flights_end(&t, i, true, 0);
  smpp_flights_end(&t, UINT64_MAX, true, 0);
  CHECK(!smpp_flights_take(&t, &f));
  smpp_flights_free(&t);
  CHECK(blocks_alive == 0);
}

static void warm_up(void) {
  struct smpp_flights t = {0};
  for (int i = 0; i < 10; i++) {
    CHECK(smpp_flights_reserve(&t));
    (void)smpp_flights_add(&t, 0, 0, i >= 7);
  }
  CHECK(smpp_flights_abandon(&t) == 3);
  smpp_flights_free(&t);
}

static void without_memory(void) {
  struct smpp_flights t = {0};
  fail_at = 1;
  fail_until = 1000;
  CHECK(!smpp_flights_reserve(&t) && t.capacity == 0);
  fail_at = 0;
  CHECK(smpp_flights_reserve(&t));
  while (t.spare_count > 0) (void)smpp_flights_add(&t, 1, 1, true);
  fail_at = 1;
  allocations = 0;
  CHECK(!smpp_flights_reserve(&t));
  fail_at = 0;
  CHECK(smpp_flights_abandon(&t) == t.capacity && smpp_flights_reserve(&t));
  smpp_flights_free(&t);
  CHECK(blocks_alive == 0);
}

int main(void) {
  smpp_set_allocator(failing_realloc);
  life();
  warm_up();
  without_memory();
  return report();
}
