/* flights.h - the requests of a load test that await an outcome, found by number, and those whose outcome has come and
 * is still to be counted.  Times are seconds. */
#ifndef SMPP_FLIGHTS_H
#define SMPP_FLIGHTS_H

#include <stdbool.h>
#include <stdint.h>

struct smpp_flight {
  double due, left; /* when the message was due, and when it was sent */
  uint32_t status;  /* command_status of the answer */
  uint32_t next;    /* in the list of free or of ended ones */
  uint8_t state;    /* enum smpp_flight_state */
  bool is_answered; /* false: its outcome is unknown */
  bool is_counted;  /* false: part of the warm-up */
};

enum smpp_flight_state { SMPP_FLIGHT_FREE, SMPP_FLIGHT_OPEN, SMPP_FLIGHT_ENDED };

/* All zero: empty and without memory. */
struct smpp_flights {
  struct smpp_flight *all;
  uint32_t capacity;
  uint32_t spare, ended; /* heads of lists, |capacity| of none and above: the end */
  uint32_t spare_count;
};

/* Makes sure that the next add finds room; false: no memory, all is as before. */
bool smpp_flights_reserve(struct smpp_flights *t);

/* Needs a reserve before.  Returns its number. */
uint32_t smpp_flights_add(struct smpp_flights *t, double due, double left, bool is_counted);

/* The outcome of a request; a number that is not in flight is ignored. */
void smpp_flights_end(struct smpp_flights *t, uint64_t number, bool is_answered, uint32_t status);

/* Takes one whose outcome has come, which frees its number; false: there are no more. */
bool smpp_flights_take(struct smpp_flights *t, struct smpp_flight *out);

/* Forgets all in flight.  Returns how many of them count. */
uint32_t smpp_flights_abandon(struct smpp_flights *t);

void smpp_flights_free(struct smpp_flights *t);

#endif
