#include "counts.h"

#include "alloc.h"

const double smpp_counts_bounds[SMPP_COUNTS_BOUNDS] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2,
                                                       0.5,   1,     2,     5,    10,   30,   60};

struct smpp_counts *smpp_counts_new(void) {
  struct smpp_counts *c = smpp_realloc(NULL, sizeof *c);
  if (c != NULL) *c = (struct smpp_counts){.references = 1};
  return c;
}

struct smpp_counts *smpp_counts_keep(struct smpp_counts *c) {
  if (c != NULL) c->references++;
  return c;
}

void smpp_counts_release(struct smpp_counts *c) {
  if (c != NULL && --c->references == 0) smpp_free(c);
}

void smpp_counts_clear(struct smpp_counts *c) { *c = (struct smpp_counts){.references = c->references}; }

void smpp_counts_response(struct smpp_counts *c, uint32_t status, double seconds) {
  int i = 0;
  if (c == NULL) return;
  while (i < SMPP_COUNTS_BOUNDS && seconds > smpp_counts_bounds[i]) i++;
  c->buckets[i]++;
  c->responses++;
  if (status == 0) c->answered++;
  c->seconds += seconds;
  if (seconds > c->slowest) c->slowest = seconds;
}
