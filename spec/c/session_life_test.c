/* Lives of sessions: two of them back to back, with every allocation failing
 * once; thousands of requests; calls without events taken in between.  From the
 * checkout's root:
 *
 *   gcc -std=c99 -g -Icsrc -fsanitize=address,undefined csrc/smpp/[a-z]*.c spec/c/session_life_test.c -o life
 *   ./life
 */
#include <limits.h>

#include "session_support.h"
#include "smpp/buffer.h"

/* ---- two sessions ---- */

/* Both ends of a connection, and what became of each request: how often its cookie came back. */
struct pair {
  struct smpp_session *esme, *mc;
  uint8_t returned[2][4096];
  uint32_t cookies[2];
  bool closed[2];
  enum smpp_state told[2];
  double now;
};

static bool pair_new(struct pair *p) {
  struct smpp_session_config esme, mc;
  memset(p, 0, sizeof *p);
  smpp_session_defaults(&esme, SMPP_ESME);
  smpp_session_defaults(&mc, SMPP_MC);
  esme.window = 20;
  mc.enquire_link_s = 12;
  p->esme = smpp_session_new(&esme, 0);
  p->mc = smpp_session_new(&mc, 0);
  return p->esme != NULL && p->mc != NULL;
}

static struct smpp_session *side_of(struct pair *p, int side) { return side == SMPP_ESME ? p->esme : p->mc; }

static void take_events(struct pair *p, int side) {
  struct smpp_event e;
  struct smpp_session *s = side_of(p, side);
  while (smpp_session_next(s, &e)) {
    CHECK(p->told[side] != SMPP_STATE_CLOSED);
    switch (e.kind) {
      case SMPP_EVENT_REQUEST:
        if (e.pdu.command->response_id != 0) {
          int error = smpp_session_answer(s, e.pdu.id, e.pdu.sequence, 0, "", 0, p->now);
          CHECK(error == 0 || error == SMPP_ERR_CLOSED || (error == SMPP_ERR_NO_MEMORY && fail_at != 0));
        }
        break;
      case SMPP_EVENT_RESPONSE:
      case SMPP_EVENT_TIMEOUT:
      case SMPP_EVENT_LOST:
      case SMPP_EVENT_UNSENT:
        if (CHECK(e.cookie < p->cookies[side])) CHECK(++p->returned[side][e.cookie] == 1);
        break;
      case SMPP_EVENT_STATE:
        CHECK(e.from == p->told[side] && e.to != e.from);
        p->told[side] = e.to;
        break;
      case SMPP_EVENT_CLOSE:
        CHECK(!p->closed[side] && e.reason != NULL);
        CHECK(fail_at != 0 || strcmp(e.reason, "unbound") == 0);
        p->closed[side] = true;
        break;
      default:
        break;
    }
  }
  CHECK(p->told[side] == smpp_session_state(s));
}

static bool transfer(struct pair *p, int side) {
  size_t length = 0;
  struct smpp_session *from = side_of(p, side);
  const uint8_t *octets = smpp_session_output(from, &length);
  size_t some = length > 7 ? length * 2 / 3 : length;
  if (length == 0) return false;
  smpp_session_feed(side_of(p, !side), octets, some, p->now);
  take_events(p, !side);
  smpp_session_sent(from, some);
  return true;
}

/* Lets all octets pass; a side that closed takes the other with it. */
static void settle(struct pair *p) {
  bool moved = true;
  while (moved) {
    take_events(p, SMPP_ESME);
    take_events(p, SMPP_MC);
    moved = transfer(p, SMPP_ESME);
    moved = transfer(p, SMPP_MC) || moved;
  }
  for (int side = 0; side < 2; side++)
    if (p->closed[side]) smpp_session_lost(side_of(p, !side), "connection lost");
  take_events(p, SMPP_ESME);
  take_events(p, SMPP_MC);
}

static void ask(struct pair *p, int side, const char *command) {
  uint32_t sequence = 0;
  size_t before = 0, after = 0;
  struct smpp_session *s = side_of(p, side);
  smpp_session_output(s, &before);
  int error = request(s, command, p->cookies[side], p->now, &sequence);
  smpp_session_output(s, &after);
  if (error == 0)
    p->cookies[side]++;
  else
    CHECK(before == after);
  CHECK(error == 0 || fail_at != 0 || error == SMPP_ERR_WINDOW_FULL || error == SMPP_ERR_CLOSED);
}

/* Everything a session allocates for happens here. */
static void life(struct pair *p) {
  ask(p, SMPP_ESME, "bind_transceiver");
  settle(p);
  for (int i = 0; i < 25; i++) ask(p, SMPP_ESME, "submit_sm");
  for (int i = 0; i < 12; i++) ask(p, SMPP_MC, "deliver_sm");
  settle(p);
  p->now += 12;
  smpp_session_tick(p->mc, p->now);
  settle(p);
  for (int i = 0; i < 5; i++) ask(p, SMPP_ESME, "data_sm");
  (void)transfer(p, SMPP_ESME); /* and their answers stay away */
  int error = smpp_session_unbind(p->esme, 3, p->now);
  CHECK(error == 0 || error == SMPP_ERR_CLOSED);
  p->now += 3;
  smpp_session_tick(p->esme, p->now);
  take_events(p, SMPP_ESME);
  settle(p);
  smpp_session_lost(p->esme, "connection lost");
  smpp_session_lost(p->mc, "connection lost");
  settle(p);
  for (int side = 0; side < 2; side++) {
    for (uint32_t i = 0; i < p->cookies[side]; i++) CHECK(p->returned[side][i] == 1);
    CHECK(p->told[side] == SMPP_STATE_CLOSED && smpp_session_in_flight(side_of(p, side)) == 0);
  }
}

static void sweep_allocations(void) {
  long total = 0;
  for (int from_then_on = 0; from_then_on <= 1; from_then_on++) {
    for (long n = 0; n <= total; n++) {
      struct pair p;
      fail_at = 0;
      allocations = 0;
      long blocks = blocks_alive;
      fail_at = n;
      fail_until = from_then_on ? LONG_MAX : n;
      if (pair_new(&p)) life(&p);
      fail_at = 0;
      if (n == 0) {
        CHECK(p.cookies[SMPP_ESME] == 26 && p.cookies[SMPP_MC] == 10 && p.closed[SMPP_ESME] && p.closed[SMPP_MC]);
        total = allocations;
      }
      smpp_session_free(p.esme);
      smpp_session_free(p.mc);
      CHECK(blocks_alive == blocks);
    }
  }
  CHECK(total > 10);
}

/* ---- memory, numbers, the table ---- */

static void check_memory(void) {
  struct pair p;
  CHECK(pair_new(&p));
  CHECK(smpp_session_memory(p.esme) < 512);
  ask(&p, SMPP_ESME, "bind_transceiver");
  settle(&p);
  CHECK(smpp_session_memory(p.esme) < 1024 && smpp_session_memory(p.mc) < 1024);
  /* After a busy time, once it is quiet. */
  smpp_session_set_window(p.esme, 1000);
  for (int i = 0; i < 1000; i++) ask(&p, SMPP_ESME, "submit_sm");
  CHECK(smpp_session_memory(p.esme) > 40000);
  settle(&p);
  p.now += 30;
  smpp_session_tick(p.esme, p.now);
  smpp_session_tick(p.mc, p.now);
  settle(&p);
  CHECK(smpp_session_in_flight(p.esme) == 0 && smpp_session_state(p.esme) == SMPP_STATE_BOUND_TRX);
  CHECK(smpp_session_memory(p.esme) < 1024 && smpp_session_memory(p.mc) < 1024);
  smpp_session_free(p.esme);
  smpp_session_free(p.mc);
}

static void check_forwarding(void) {
  uint8_t octets[256];
  uint32_t sequence = 0;
  size_t length = pdu_of(smpp_command_by_name(NULL, "submit_sm"), 99, 0, octets, sizeof octets), sent = 0;
  struct smpp_session *s = reach(SMPP_ESME, SMPP_STATE_BOUND_TX, SMPP_34, false);
  CHECK(smpp_session_request_octets(s, octets, length - 1, 5, 0, &sequence) == SMPP_ERR_BAD_LENGTH);
  octets[length] = 0;
  CHECK(smpp_session_request_octets(s, octets, length + 1, 5, 0, &sequence) == SMPP_ERR_BAD_LENGTH);
  CHECK(smpp_session_request_octets(s, octets, 3, 5, 0, &sequence) == SMPP_ERR_BAD_LENGTH);
  CHECK(smpp_session_request_octets(s, octets, length, 5, 0, &sequence) == 0 && sequence == 2);
  const uint8_t *out = smpp_session_output(s, &sent);
  CHECK(sent == length && memcmp(out, octets, 12) == 0 && memcmp(out + 16, octets + 16, length - 16) == 0);
  CHECK(smpp_get_u32(out + 12) == 2 && smpp_session_in_flight(s) == 1);
  octets[7] = 0x05; /* deliver_sm is the MC's */
  CHECK(smpp_session_request_octets(s, octets, length, 5, 0, &sequence) == SMPP_ERR_NOT_SENT);
  octets[6] = 0xFF; /* unknown */
  CHECK(smpp_session_request_octets(s, octets, length, 5, 0, &sequence) == SMPP_ERR_NOT_SENT);
  octets[4] = 0x80; /* a response */
  CHECK(smpp_session_request_octets(s, octets, length, 5, 0, &sequence) == SMPP_ERR_NOT_SENT);
  smpp_session_free(s);
  /* A bind, whose version counts; and what no table knows, which still has its answer. */
  struct smpp_event e;
  s = reach(SMPP_ESME, SMPP_STATE_OPEN, SMPP_50, true);
  length = pdu_of(smpp_command_by_name(NULL, "bind_receiver"), 1, 0, octets, sizeof octets);
  CHECK(smpp_session_request_octets(s, octets, length, 6, 0, &sequence) == 0);
  from_peer(s, "bind_receiver_resp", 1);
  CHECK(smpp_session_state(s) == SMPP_STATE_BOUND_RX && smpp_session_version(s) == SMPP_34);
  smpp_write_header(octets, 16, 0x00010201, 0, 0);
  CHECK(smpp_session_request_octets(s, octets, 16, 7, 0, &sequence) == 0 && sequence == 2);
  smpp_write_header(octets, 16, 0x80010201, 0, 2);
  smpp_session_feed(s, octets, 16, 0);
  CHECK(smpp_session_next(s, &e) && e.kind == SMPP_EVENT_RESPONSE && e.cookie == 7);
  smpp_session_free(s);
}

/* Requests by the thousand, answered in a shuffled order, or not at all. */
static void check_many(void) {
  struct smpp_session_config config;
  enum { WINDOW = 3000 };
  static uint32_t numbers[WINDOW];
  static bool done[WINDOW];
  uint8_t octets[64];
  uint32_t random = 12345;
  smpp_session_defaults(&config, SMPP_ESME);
  config.window = WINDOW;
  config.first_sequence = 0x7FFFFFFF - WINDOW / 2;
  config.unchecked = true;
  config.enquire_link_s = 0;
  struct smpp_session *s = smpp_session_new(&config, 0);
  struct smpp_event e;
  for (uint32_t i = 0; i < WINDOW; i++) {
    CHECK(request(s, "submit_sm", i, i * 0.001, &numbers[i]) == 0);
    CHECK(numbers[i] >= 1 && numbers[i] <= 0x7FFFFFFF);
  }
  for (uint32_t i = WINDOW - 1; i > 0; i--) {
    random = random * 1664525u + 1013904223u;
    uint32_t j = (random >> 8) % (i + 1), swap = numbers[i];
    numbers[i] = numbers[j];
    numbers[j] = swap;
  }
  for (uint32_t i = 0; i < WINDOW / 2; i++) {
    size_t length = pdu_of(smpp_command_by_name(NULL, "submit_sm_resp"), numbers[i], 8, octets, sizeof octets);
    smpp_session_feed(s, octets, length, 4);
    bool one = smpp_session_next(s, &e) && e.kind == SMPP_EVENT_RESPONSE && e.cookie < WINDOW && !done[e.cookie];
    if (CHECK(one)) done[e.cookie] = true;
    while (smpp_session_next(s, &e)) CHECK(e.kind == SMPP_EVENT_WINDOW && i == 0);
  }
  CHECK(smpp_session_in_flight(s) == WINDOW / 2);
  smpp_session_tick(s, 60 + WINDOW);
  for (uint32_t i = 0; i < WINDOW; i++) /* the rest runs out in the order it was sent */
    if (!done[i]) CHECK(smpp_session_next(s, &e) && e.kind == SMPP_EVENT_TIMEOUT && e.cookie == i);
  CHECK(smpp_session_in_flight(s) == 0 && !smpp_session_next(s, &e));
  smpp_session_sent(s, SIZE_MAX);
  CHECK(smpp_session_memory(s) < 1024);
  smpp_session_free(s);
}

/* ---- calls without events taken in between ---- */

static void check_waiting_events(void) {
  struct smpp_event e;
  struct built b;
  struct smpp_fault fault;
  uint32_t sequence = 0;
  size_t length = 0;

  /* Events that a call caused are due at once; the first reason counts. */
  struct smpp_session *s = reach(SMPP_MC, SMPP_STATE_BOUND_TRX, SMPP_34, false);
  CHECK(smpp_session_deadline(s) > 0);
  CHECK(request(s, "deliver_sm", 1, 0, &sequence) == 0);
  smpp_session_close(s, "first");
  smpp_session_lost(s, "second");
  CHECK(smpp_session_deadline(s) == 0);
  CHECK(smpp_session_next(s, &e) && e.kind == SMPP_EVENT_UNSENT && strcmp(e.reason, "first") == 0);
  CHECK(smpp_session_next(s, &e) && e.kind == SMPP_EVENT_STATE && strcmp(e.reason, "first") == 0);
  CHECK(!smpp_session_next(s, &e) && smpp_session_deadline(s) < 0);
  smpp_session_free(s);

  s = reach(SMPP_ESME, SMPP_STATE_BOUND_TRX, SMPP_34, false);
  CHECK(smpp_session_unbind(s, 5, 0) == 0);
  smpp_session_output(s, &length);
  CHECK(length == 16);
  smpp_session_free(s);

  /* More states than the list of moves holds: the last one is told. */
  s = reach(SMPP_MC, SMPP_STATE_OPEN, SMPP_34, true);
  from_peer(s, "bind_transceiver", 1);
  from_peer(s, "submit_sm", 2);
  CHECK(request(s, "unbind", 0, 0, &sequence) == 0);
  from_peer(s, "unbind", 3);
  CHECK(request(s, "outbind", 0, 0, &sequence) == 0);
  CHECK(smpp_session_answer(s, SMPP_BIND_TRANSCEIVER, 1, 0, "", 0, 0) == 0);
  CHECK(request(s, "outbind", 0, 0, &sequence) == 0);
  CHECK(smpp_session_answer(s, SMPP_SUBMIT_SM, 2, 0, "", 0, 0) == 0);
  CHECK(smpp_session_state(s) == SMPP_STATE_UNBOUND);
  CHECK(request(s, "outbind", 0, 0, &sequence) == 0);
  enum smpp_state told = SMPP_STATE_OPEN;
  while (smpp_session_next(s, &e)) {
    CHECK(e.kind == SMPP_EVENT_STATE && e.from == told);
    told = e.to;
  }
  CHECK(told == SMPP_STATE_OUTBOUND && smpp_session_state(s) == SMPP_STATE_OUTBOUND);
  smpp_session_free(s);

  /* A message is the caller's: it can be sent again. */
  s = reach(SMPP_ESME, SMPP_STATE_BOUND_TRX, SMPP_34, true);
  build(&b, smpp_command_by_name(NULL, "submit_sm"), 0, 0);
  CHECK(smpp_session_request(s, &b.message, 1, 0, &sequence, &fault) == 0 && sequence == 2);
  CHECK(smpp_session_request(s, &b.message, 2, 0, &sequence, &fault) == 0 && sequence == 3);
  smpp_session_free(s);
}

/* ---- what was written, and what was not, when the connection is lost ---- */

/* Loses |s|; |kinds|: of what each request became, in the order of their cookies, which are 1 and up. */
static void lose(struct smpp_session *s, const enum smpp_event_kind *kinds, size_t count) {
  struct smpp_event e;
  size_t n = 0;
  smpp_session_lost(s, "connection lost");
  while (smpp_session_next(s, &e)) {
    if (e.kind == SMPP_EVENT_STATE) continue;
    if (CHECK(n < count)) CHECK(e.cookie == n + 1 && e.kind == kinds[n]);
    n++;
  }
  CHECK(n == count);
  smpp_session_free(s);
}

static void check_unsent(void) {
  static const enum smpp_event_kind kinds[] = {SMPP_EVENT_LOST, SMPP_EVENT_LOST, SMPP_EVENT_UNSENT, SMPP_EVENT_UNSENT};
  uint32_t sequence = 0;
  size_t length = 0;

  /* What was taken may have gone out, what is still in the output has not; an answer of ours among it is no request. */
  for (int way = 0; way < 3; way++) {
    struct smpp_session *s = reach(SMPP_ESME, SMPP_STATE_BOUND_TRX, SMPP_34, false);
    struct smpp_buffer taken = {0};
    CHECK(request(s, "submit_sm", 1, 0, &sequence) == 0 && request(s, "submit_sm", 2, 0, &sequence) == 0);
    if (way == 0) {
      (void)smpp_session_output(s, &length);
      smpp_session_sent(s, length);
    } else {
      smpp_session_swap_output(s, &taken);
    }
    if (way == 2) { /* taken, too, and not written */
      smpp_buffer_free(&taken);
      CHECK(smpp_session_answer(s, SMPP_DELIVER_SM, 3, 0, "", 0, 0) == 0);
    }
    CHECK(request(s, "submit_sm", 3, 0, &sequence) == 0 && request(s, "submit_sm", 4, 0, &sequence) == 0);
    if (way == 2) {
      smpp_session_swap_output(s, &taken);
      smpp_session_unwritten(s, taken.data + taken.start, smpp_buffer_length(&taken));
    }
    smpp_buffer_free(&taken);
    lose(s, kinds, 4);
  }

  /* Half of the octets of one are gone: nothing can be said of those behind it, either. */
  struct smpp_session *s = reach(SMPP_ESME, SMPP_STATE_BOUND_TRX, SMPP_34, false);
  CHECK(request(s, "submit_sm", 1, 0, &sequence) == 0 && request(s, "submit_sm", 2, 0, &sequence) == 0);
  smpp_session_sent(s, 20);
  lose(s, kinds, 2);

  /* Where numbers are the caller's, two may have the same. */
  s = reach(SMPP_ESME, SMPP_STATE_BOUND_TRX, SMPP_34, true);
  CHECK(request(s, "submit_sm", 1, 0, &sequence) == 0);
  lose(s, kinds, 1);
}

int main(void) {
  smpp_set_allocator(failing_realloc);
  sweep_allocations();
  check_memory();
  check_forwarding();
  check_many();
  check_waiting_events();
  check_unsent();
  CHECK(blocks_alive == 0);
  return report();
}
