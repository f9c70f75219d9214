/* counts.h - what the owner of sessions counts of its requests while they are bound: how many, what became of them, and how
 * long their responses took.  A tally (tally.h) is by command and for all sessions of a peer; these are of one owner. */
#ifndef SMPP_COUNTS_H
#define SMPP_COUNTS_H

#include <stddef.h>
#include <stdint.h>

enum { SMPP_COUNTS_BOUNDS = 15 };

/* Upper bounds of the latencies in seconds; one more bucket counts those above the last. */
extern const double smpp_counts_bounds[SMPP_COUNTS_BOUNDS];

/* requests = responses + unknown + those in flight */
struct smpp_counts {
  size_t references;
  uint64_t requests;
  uint64_t responses, answered; /* answered: with status 0 */
  uint64_t unknown;             /* timeout, connection lost (also before it was written), malformed response */
  double seconds, slowest;      /* latencies: their sum and the largest */
  uint64_t buckets[SMPP_COUNTS_BOUNDS + 1];
};

/* NULL: out of memory.  Freed with the last release. */
struct smpp_counts *smpp_counts_new(void);
struct smpp_counts *smpp_counts_keep(struct smpp_counts *c);
void smpp_counts_release(struct smpp_counts *c);

/* |c| may be NULL in all of these. */
void smpp_counts_response(struct smpp_counts *c, uint32_t status, double seconds);

static inline void smpp_counts_request(struct smpp_counts *c) {
  if (c != NULL) c->requests++;
}

static inline void smpp_counts_unknown(struct smpp_counts *c) {
  if (c != NULL) c->unknown++;
}

/* All but the references becomes 0. */
void smpp_counts_clear(struct smpp_counts *c);

#endif
