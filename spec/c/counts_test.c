/* counts.c: what sessions count for their owner adds up, whatever becomes of a request. */
#include "session_support.h"

static uint64_t sum_of(const struct smpp_counts *c) {
  uint64_t sum = 0;
  for (int i = 0; i <= SMPP_COUNTS_BOUNDS; i++) sum += c->buckets[i];
  return sum;
}

static void latencies(void) {
  struct smpp_counts *c = smpp_counts_new();
  if (!CHECK(c != NULL)) return;
  for (int i = 0; i < SMPP_COUNTS_BOUNDS; i++) {
    smpp_counts_response(c, 0, smpp_counts_bounds[i]);
    CHECK(c->buckets[i] == 1);
  }
  smpp_counts_response(c, SMPP_RTHROTTLED, 61);
  smpp_counts_response(c, 0, 0);
  CHECK(c->buckets[0] == 2 && c->buckets[SMPP_COUNTS_BOUNDS] == 1 && c->slowest == 61);
  CHECK(sum_of(c) == c->responses && c->responses == SMPP_COUNTS_BOUNDS + 2 && c->answered == c->responses - 1);
  CHECK(smpp_counts_keep(c) == c);
  smpp_counts_clear(c);
  CHECK(c->references == 2 && c->responses == 0 && sum_of(c) == 0 && c->seconds == 0);
  smpp_counts_release(c);
  CHECK(blocks_alive == 1);
  smpp_counts_release(c);
  smpp_counts_release(NULL);
  CHECK(smpp_counts_keep(NULL) == NULL);
  smpp_counts_response(NULL, 0, 1);
  smpp_counts_request(NULL);
  smpp_counts_unknown(NULL);
  fail_at = allocations + 1;
  fail_until = fail_at;
  CHECK(smpp_counts_new() == NULL);
  fail_at = 0;
  CHECK(blocks_alive == 0);
}

/* Answered, refused, malformed, timed out, lost; and what was in flight before the counts were there. */
static void sessions(void) {
  struct smpp_counts *c = smpp_counts_new();
  struct smpp_session *s = reach(SMPP_ESME, SMPP_STATE_BOUND_TRX, SMPP_34, false);
  uint32_t sequence = 0;
  CHECK(request(s, "query_sm", 1, 1, &sequence) == 0);
  smpp_session_set_counts(s, c);
  from_peer(s, "query_sm_resp", sequence);
  CHECK(c->requests == 0 && c->responses == 0);
  CHECK(request(s, "query_sm", 2, 1, &sequence) == 0);
  from_peer(s, "query_sm_resp", sequence);
  CHECK(c->requests == 1 && c->responses == 1 && c->answered == 1);
  CHECK(request(s, "query_sm", 3, 1, &sequence) == 0);
  from_peer(s, "cancel_sm_resp", sequence);
  CHECK(c->requests == 2 && c->unknown == 1);
  CHECK(request(s, "query_sm", 4, 1, &sequence) == 0);
  smpp_session_tick(s, 1000);
  drain(s);
  CHECK(c->requests == 3 && c->unknown == 2 && c->responses == 1);
  smpp_session_free(s);
  CHECK(c->references == 1);
  smpp_counts_release(c);
  CHECK(blocks_alive == 0);
}

int main(void) {
  smpp_set_allocator(failing_realloc);
  latencies();
  sessions();
  return report();
}
