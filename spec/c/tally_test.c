/* tally.c: rows, statuses and buckets grow as they must and no further, also without memory; what sessions count in it. */
#include "session_support.h"
#include "smpp/tally.h"

static uint64_t responses(const struct smpp_tally *t, uint32_t command, enum smpp_direction direction) {
  uint64_t count = 0, bucketed = 0;
  for (size_t i = 0; i < t->row_count; i++) {
    if (t->rows[i]->command != command || t->rows[i]->direction != direction) continue;
    for (size_t j = 0; j < t->rows[i]->status_count; j++) count += t->rows[i]->statuses[j].count;
    for (int j = 0; j <= SMPP_TALLY_BOUNDS; j++) bucketed += t->rows[i]->buckets[j].count;
  }
  CHECK(count == bucketed);
  return count;
}

static void rows(void) {
  struct smpp_tally *t = smpp_tally_new();
  CHECK(t != NULL);
  for (uint32_t i = 0; i < 1000; i++) smpp_tally_response(t, SMPP_OUT, SMPP_SUBMIT_SM, 0x400 + i, 0.002, i);
  CHECK(t->row_count == 1 && t->rows[0]->status_count == 1 && t->rows[0]->statuses[0].status == SMPP_TALLY_STATUS_OTHER);
  CHECK(responses(t, SMPP_SUBMIT_SM, SMPP_OUT) == 1000);
  CHECK(t->rows[0]->buckets[1].count == 1000 && t->rows[0]->buckets[1].session == 999);
  smpp_tally_response(t, SMPP_OUT, SMPP_SUBMIT_SM, 0, 0.001, 0);
  smpp_tally_response(t, SMPP_OUT, SMPP_SUBMIT_SM, 0, -5, 0);
  smpp_tally_response(t, SMPP_OUT, SMPP_SUBMIT_SM, 0, 61, 0);
  CHECK(t->rows[0]->buckets[0].count == 2 && t->rows[0]->buckets[SMPP_TALLY_BOUNDS].count == 1);
  for (uint32_t i = 1; i < 50; i++) smpp_tally_request(t, i % 2 ? SMPP_IN : SMPP_OUT, i);
  for (uint32_t i = 1; i < 50; i++) smpp_tally_request(t, i % 2 ? SMPP_IN : SMPP_OUT, i);
  CHECK(t->row_count == 50 - 1); /* submit_sm out was there */
  for (size_t i = 0; i < t->row_count; i++) CHECK(t->rows[i]->requests == 2);
  smpp_tally_ended(t, "one");
  smpp_tally_ended(t, "one");
  smpp_tally_ended(t, NULL);
  CHECK(t->end_count == 1 && t->ends[0].count == 2);
  CHECK(smpp_tally_keep(t) == t);
  smpp_tally_release(t);
  CHECK(t->end_count == 1);
  smpp_tally_release(t);
  smpp_tally_release(NULL);
  CHECK(smpp_tally_keep(NULL) == NULL);
  smpp_tally_request(NULL, SMPP_IN, 4);
  CHECK(blocks_alive == 0);
}

static void without_memory(void) {
  for (long at = 1; at < 40; at++) {
    allocations = 0;
    fail_at = fail_until = at;
    struct smpp_tally *t = smpp_tally_new();
    CHECK(t != NULL || at == 1);
    for (uint32_t i = 0; t != NULL && i < 20; i++) {
      smpp_tally_request(t, SMPP_IN, i);
      smpp_tally_response(t, SMPP_IN, i, 0, 0, 0);
      smpp_tally_ended(t, i % 2 ? "a" : "b");
    }
    smpp_tally_release(t);
    fail_at = 0;
    CHECK(blocks_alive == 0);
  }
}

/* A session that moves between tallies takes what it holds with it, and leaves nothing behind at its end. */
static void sessions(void) {
  struct smpp_tally *one = smpp_tally_new(), *two = smpp_tally_new();
  struct smpp_session *s = reach(SMPP_ESME, SMPP_STATE_BOUND_TRX, SMPP_34, false);
  uint32_t sequence = 0;
  smpp_session_set_tally(s, one);
  CHECK(one->sessions[SMPP_STATE_BOUND_TRX] == 1 && one->window_limit == 10);
  CHECK(request(s, "query_sm", 1, 1, &sequence) == 0);
  CHECK(request(s, "query_sm", 2, 1, &sequence) == 0);
  CHECK(one->window_used == 2);
  smpp_session_set_window(s, 50);
  CHECK(one->window_limit == 50);
  smpp_session_set_tally(s, two);
  CHECK(one->window_used == 0 && one->window_limit == 0 && one->sessions[SMPP_STATE_BOUND_TRX] == 0);
  CHECK(two->window_used == 2 && two->window_limit == 50 && two->sessions[SMPP_STATE_BOUND_TRX] == 1);
  smpp_session_tick(s, 3);
  from_peer(s, "query_sm_resp", sequence);
  CHECK(two->window_used == 1 && responses(two, SMPP_QUERY_SM, SMPP_OUT) == 1 && responses(one, SMPP_QUERY_SM, SMPP_OUT) == 0);
  from_peer(s, "query_sm_resp", sequence);
  CHECK(two->problems[SMPP_PROBLEM_UNMATCHED_RESPONSE] == 1 && responses(two, SMPP_QUERY_SM, SMPP_OUT) == 1);
  from_peer(s, "enquire_link", 77);
  CHECK(responses(two, SMPP_ENQUIRE_LINK, SMPP_IN) == 1);
  smpp_session_lost(s, "connection lost");
  drain(s);
  CHECK(two->unknown == 1 && two->window_used == 0 && two->window_limit == 0 && two->end_count == 1);
  smpp_session_free(s);
  for (int i = 0; i < SMPP_TALLY_STATES; i++) CHECK(one->sessions[i] == 0 && two->sessions[i] == 0);
  smpp_tally_release(one);
  smpp_tally_release(two);
  CHECK(blocks_alive == 0);
}

int main(void) {
  smpp_set_allocator(failing_realloc);
  rows();
  without_memory();
  sessions();
  return report();
}
