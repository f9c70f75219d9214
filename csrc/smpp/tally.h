/* tally.h - what sessions have done and what they hold, for metrics: sums over all
 * sessions that share a tally, counted where a PDU passes, each exactly once.
 *
 * So requests = responses + window_used + unknown for our requests of any command, and a
 * latency is counted for each response.  Commands and statuses outside the tables are
 * counted together: a peer cannot make a tally grow without bound. */
#ifndef SMPP_TALLY_H
#define SMPP_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

/* Of a request, as seen by the session; its response goes the other way. */
enum smpp_direction { SMPP_IN, SMPP_OUT };

/* PDUs that break the rules */
#define SMPP_PROBLEMS(P)                                                           \
  P(BAD_LENGTH, "bad_length")                 /* the stream is lost */             \
  P(NOT_SMPP, "not_smpp")                     /* TLS or HTTP */                    \
  P(UNKNOWN_COMMAND, "unknown_command")                                            \
  P(WRONG_STATE, "wrong_state")               /* not allowed now or from this side */ \
  P(MALFORMED_REQUEST, "malformed_request")                                        \
  P(MALFORMED_RESPONSE, "malformed_response")                                      \
  P(UNMATCHED_RESPONSE, "unmatched_response") /* no pending request */

#define SMPP_PROBLEM_ENUM(name, text) SMPP_PROBLEM_##name,
enum smpp_problem_kind { SMPP_PROBLEMS(SMPP_PROBLEM_ENUM) SMPP_PROBLEM_KINDS };
#undef SMPP_PROBLEM_ENUM

enum {
  SMPP_TALLY_BOUNDS = 15,
  SMPP_TALLY_STATES = 7,         /* of enum smpp_state */
  SMPP_TALLY_COMMAND_OTHER = 0,  /* id of commands outside the tables */
  SMPP_TALLY_NACK_UNNAMED = 0xFF /* status of a generic_nack that says none */
};
#define SMPP_TALLY_STATUS_OTHER UINT32_MAX

/* Upper bounds of the latencies in seconds; one more bucket counts those above the last. */
extern const double smpp_tally_bounds[SMPP_TALLY_BOUNDS];

struct smpp_tally_status {
  uint32_t status;
  uint64_t count;
};

struct smpp_tally_bucket {
  uint64_t count;
  double latest; /* seconds of the last one, and its session */
  uint32_t session;
};

struct smpp_tally_row {
  uint32_t command; /* of the request */
  enum smpp_direction direction;
  uint64_t requests;
  struct smpp_tally_status *statuses; /* of the responses */
  size_t status_count, status_room;
  double seconds; /* sum of the latencies */
  struct smpp_tally_bucket buckets[SMPP_TALLY_BOUNDS + 1];
};

struct smpp_tally_end {
  const char *reason; /* static text */
  uint64_t count;
};

struct smpp_tally {
  size_t references;
  uint64_t octets[2]; /* by direction */
  uint64_t unknown;   /* requests of ours without an outcome */
  uint64_t problems[SMPP_PROBLEM_KINDS];
  uint64_t window_used, window_limit; /* of bound sessions */
  uint64_t sessions[SMPP_TALLY_STATES];
  struct smpp_tally_row **rows;
  size_t row_count, row_room;
  struct smpp_tally_end *ends;
  size_t end_count, end_room;
};

/* NULL: out of memory.  Freed with the last release. */
struct smpp_tally *smpp_tally_new(void);
struct smpp_tally *smpp_tally_keep(struct smpp_tally *t);
void smpp_tally_release(struct smpp_tally *t);

/* |t| may be NULL in all of these; without memory for a new row nothing is counted. */
void smpp_tally_request(struct smpp_tally *t, enum smpp_direction direction, uint32_t command);
void smpp_tally_response(struct smpp_tally *t, enum smpp_direction direction, uint32_t command, uint32_t status,
                         double seconds, uint32_t session);
void smpp_tally_ended(struct smpp_tally *t, const char *reason);

static inline void smpp_tally_octets(struct smpp_tally *t, enum smpp_direction direction, size_t count) {
  if (t != NULL) t->octets[direction] += count;
}

static inline void smpp_tally_unknown(struct smpp_tally *t) {
  if (t != NULL) t->unknown++;
}

static inline void smpp_tally_problem(struct smpp_tally *t, enum smpp_problem_kind kind) {
  if (t != NULL) t->problems[kind]++;
}

#endif
