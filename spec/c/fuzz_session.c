/* Drives a session by octets: what the peer sends, in any pieces, and what we
 * do meanwhile, at any time, with memory failing now and then.  Whatever
 * happens, the books must balance: each request sent comes back exactly once,
 * states follow each other, and the output is whole PDUs.
 *
 * Input that starts with 0, as a PDU does, is fed as it is to bound sessions of
 * both roles.  From the checkout's root:
 *
 *   clang -std=c99 -g -Icsrc -fsanitize=fuzzer,address,undefined csrc/smpp/[a-z]*.c spec/c/fuzz_session.c -o fuzz
 */
#include <limits.h>
#include <math.h>

#include "session_support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                      \
  do {                                                          \
    if (!(condition)) {                                         \
      fprintf(stderr, "line %d: %s\n", __LINE__, #condition);   \
      abort();                                                  \
    }                                                           \
  } while (0)

enum { COOKIES = 8192, CHUNKS = 64 };

struct run {
  struct smpp_session *s;
  struct smpp_tally *tally;
  double now;
  uint32_t sent;      /* cookies given out */
  uint32_t came_back; /* cookies seen again */
  uint8_t seen[COOKIES];
  enum smpp_state told;
  bool closed, told_close;
  uint32_t last_id, last_sequence; /* of the latest request from the peer */
  uint32_t own_id, own_sequence;   /* of our latest */
  uint8_t *chunks[CHUNKS];         /* kept until their events are taken */
  size_t chunk_count;
  uint8_t partial[4]; /* of the output, between two takes */
  size_t output_left;
  size_t partial_length;
};

static void forget_chunks(struct run *r) {
  while (r->chunk_count > 0) free(r->chunks[--r->chunk_count]);
}

static void book(struct run *r, uint64_t cookie) {
  REQUIRE(cookie < r->sent && r->seen[cookie] == 0);
  r->seen[cookie] = 1;
  r->came_back++;
}

static void take_events(struct run *r) {
  struct smpp_event e;
  unsigned sum = 0;
  while (smpp_session_next(r->s, &e)) {
    REQUIRE(!r->closed);
    switch (e.kind) {
      case SMPP_EVENT_REQUEST:
        REQUIRE(e.pdu.command != NULL && (e.pdu.id & SMPP_RESPONSE_BIT) == 0 && e.pdu.refuse == 0);
        REQUIRE(!r->told_close);
        r->last_id = e.pdu.id;
        r->last_sequence = e.pdu.sequence;
        break;
      case SMPP_EVENT_RESPONSE:
        REQUIRE((e.pdu.id & SMPP_RESPONSE_BIT) != 0 && !r->told_close);
        book(r, e.cookie);
        break;
      case SMPP_EVENT_TIMEOUT:
        REQUIRE(!r->told_close);
        book(r, e.cookie);
        break;
      case SMPP_EVENT_LOST:
      case SMPP_EVENT_UNSENT:
        book(r, e.cookie);
        break;
      case SMPP_EVENT_STATE:
        REQUIRE(e.from == r->told && e.to != e.from && e.reason != NULL);
        r->told = e.to;
        r->closed = e.to == SMPP_STATE_CLOSED;
        break;
      case SMPP_EVENT_WINDOW:
        REQUIRE(!r->told_close);
        break;
      case SMPP_EVENT_STRAY:
        REQUIRE(e.reason != NULL && !r->told_close);
        break;
      case SMPP_EVENT_MALFORMED:
        for (size_t i = 0; i < e.length; i++) sum += e.octets[i];
        REQUIRE(e.reason != NULL && !r->told_close);
        break;
      case SMPP_EVENT_KINDS: break; /* their number */
      case SMPP_EVENT_CLOSE:
        REQUIRE(e.reason != NULL && !r->told_close);
        r->told_close = true;
        break;
    }
    if (e.kind == SMPP_EVENT_REQUEST || e.kind == SMPP_EVENT_RESPONSE || e.kind == SMPP_EVENT_STRAY)
      for (uint32_t i = 0; i < e.pdu.length; i++) sum += e.pdu.octets[i];
  }
  volatile unsigned sink = sum; /* all octets shown can be read */
  (void)sink;
  forget_chunks(r);
  REQUIRE(r->told == smpp_session_state(r->s));
  REQUIRE(smpp_session_in_flight(r->s) <= r->sent - r->came_back);
  double deadline = smpp_session_deadline(r->s);
  REQUIRE(deadline >= -1 && deadline < HUGE_VAL);
  REQUIRE(!r->closed || (deadline < 0 && r->came_back == r->sent && smpp_session_in_flight(r->s) == 0));
}

/* Follows the lengths of the PDUs in the output, however it is taken. */
static void take_output(struct run *r, size_t most) {
  size_t length = 0;
  const uint8_t *out = smpp_session_output(r->s, &length);
  if (length > most) length = most;
  for (size_t i = 0; i < length; i++) {
    if (r->output_left > 0) {
      r->output_left--;
      continue;
    }
    r->partial[r->partial_length++] = out[i];
    if (r->partial_length < 4) continue;
    uint32_t n = smpp_get_u32(r->partial);
    REQUIRE(n >= 16 && n <= SMPP_PDU_MAX_DEFAULT);
    r->output_left = n - 4;
    r->partial_length = 0;
  }
  smpp_session_sent(r->s, length);
}

static void feed(struct run *r, const uint8_t *octets, size_t length) {
  if (r->chunk_count == CHUNKS) take_events(r);
  uint8_t *block = malloc(length > 0 ? length : 1);
  REQUIRE(block != NULL);
  memcpy(block, octets, length);
  r->chunks[r->chunk_count++] = block;
  smpp_session_feed(r->s, block, length, r->now);
}

static void feed_command(struct run *r, const struct smpp_command *command, uint32_t sequence, uint32_t status) {
  uint8_t octets[256];
  feed(r, octets, pdu_of(command, sequence, status, octets, sizeof octets));
}

static void ask(struct run *r, const struct smpp_command *command, uint32_t wanted) {
  struct built b;
  struct smpp_fault fault;
  uint32_t sequence = 0;
  size_t before = 0, after = 0;
  if (r->sent == COOKIES || command == NULL) return;
  build(&b, command, wanted, 0);
  smpp_session_output(r->s, &before);
  int error = smpp_session_request(r->s, &b.message, r->sent, r->now, &sequence, &fault);
  smpp_session_output(r->s, &after);
  REQUIRE((error == 0) == (after > before));
  if (error != 0) return;
  r->own_id = command->id;
  r->own_sequence = sequence;
  if (command->response_id != 0) r->sent++;
}

static bool start(struct run *r, struct smpp_session_config *config) {
  memset(r, 0, sizeof *r);
  r->tally = config->tally = smpp_tally_new();
  r->s = r->tally != NULL ? smpp_session_new(config, 0) : NULL;
  if (r->s == NULL) smpp_tally_release(r->tally);
  return r->s != NULL;
}

/* Nothing is left in the gauges, and of our requests each was answered or is unknown.  What had no memory is not counted. */
static void check_tally(const struct smpp_tally *t) {
  uint64_t open = 0;
  for (int i = 0; i < SMPP_TALLY_STATES; i++) REQUIRE(t->sessions[i] == 0);
  REQUIRE(t->window_used == 0 && t->window_limit == 0);
  for (size_t i = 0; i < t->row_count; i++) {
    const struct smpp_tally_row *row = t->rows[i];
    uint64_t answered = 0, timed = 0;
    for (size_t j = 0; j < row->status_count; j++) answered += row->statuses[j].count;
    for (int j = 0; j <= SMPP_TALLY_BOUNDS; j++) timed += row->buckets[j].count;
    if (!has_failed) REQUIRE(answered == timed);
    if (row->direction != SMPP_OUT || row->command == SMPP_OUTBIND || row->command == SMPP_ALERT_NOTIFICATION) continue;
    open += row->requests - answered;
  }
  if (!has_failed) REQUIRE(open == t->unknown);
}

static void finish(struct run *r) {
  take_events(r);
  take_output(r, SIZE_MAX);
  REQUIRE(r->output_left == 0 && r->partial_length == 0);
  smpp_session_close(r->s, "closed");
  take_events(r);
  REQUIRE(r->closed && r->came_back == r->sent);
  smpp_session_free(r->s);
  check_tally(r->tally);
  smpp_tally_release(r->tally);
  REQUIRE(blocks_alive == 0);
}

/* Octets of a peer, to either role, bound and with requests out. */
static void run_raw(const uint8_t *data, size_t size, enum smpp_role role) {
  static struct run r;
  struct smpp_session_config config;
  size_t piece = size > 0 ? data[size - 1] + 1u : 1;
  smpp_session_defaults(&config, role);
  config.version = SMPP_50;
  if (!start(&r, &config)) return;
  if (role == SMPP_MC) {
    feed_command(&r, smpp_command_by_id(NULL, SMPP_BIND_TRANSCEIVER), 1, 0);
    take_events(&r);
    REQUIRE(smpp_session_answer(r.s, SMPP_BIND_TRANSCEIVER, 1, 0, "mc", 2, 0) == 0);
    ask(&r, smpp_command_by_id(NULL, SMPP_DELIVER_SM), 0);
  } else {
    ask(&r, smpp_command_by_id(NULL, SMPP_BIND_TRANSCEIVER), 0);
    feed_command(&r, smpp_command_by_id(NULL, SMPP_BIND_TRANSCEIVER | SMPP_RESPONSE_BIT), 1, 0);
    take_events(&r);
    ask(&r, smpp_command_by_id(NULL, SMPP_SUBMIT_SM), 0);
    ask(&r, smpp_command_by_id(NULL, SMPP_DATA_SM), 0);
  }
  take_events(&r);
  REQUIRE(smpp_session_state(r.s) == SMPP_STATE_BOUND_TRX);
  for (size_t at = 0; at < size; at += piece) {
    feed(&r, data + at, size - at < piece ? size - at : piece);
    take_events(&r);
  }
  finish(&r);
}

struct input {
  const uint8_t *at, *end;
};

static uint32_t octet(struct input *in) { return in->at < in->end ? *in->at++ : 0; }

static double seconds(struct input *in) {
  static const double odd[] = {0, 1e300, -1e300, HUGE_VAL, -HUGE_VAL, 1e-9, 3600, -1};
  uint32_t n = octet(in);
  return n < 0x80 ? n * 0.25 : n < 0xF8 ? (n - 0x80) * 10.0 : odd[n & 7];
}

static const struct smpp_command *any_command(struct input *in) {
  uint32_t n = octet(in);
  static size_t commands = 0;
  while (smpp_command_at(commands) != NULL) commands++;
  return n & 0x80 ? smpp_command_by_id(NULL, (n & 0x40) << 25 | (n & 0x1F)) : smpp_command_at(n % commands);
}

static void step(struct run *r, struct input *in) {
  uint32_t what = octet(in), n = 0;
  const struct smpp_command *command = NULL;
  double at = 0;
  int ignored = 0;
  switch (what & 15) {
    case 0: /* octets as they come */
      n = octet(in);
      if (n > (size_t)(in->end - in->at)) n = (uint32_t)(in->end - in->at);
      feed(r, in->at, n);
      in->at += n;
      break;
    case 1: /* a request */
    case 2:
      command = any_command(in);
      if (command != NULL) feed_command(r, command, octet(in), 0);
      break;
    case 3: /* the response to our latest request, or to one about there */
      command = smpp_command_by_id(NULL, r->own_id | SMPP_RESPONSE_BIT);
      if (command != NULL) feed_command(r, command, r->own_sequence - (what >> 4 & 3), what >> 6);
      break;
    case 4: /* any response to a number in use */
      command = any_command(in);
      if (command != NULL) feed_command(r, command, octet(in) & 31, what >> 6);
      break;
    case 5:
    case 6:
      ask(r, any_command(in), what & 0x80 ? octet(in) : 0);
      break;
    case 7:
      ignored = smpp_session_answer(r->s, r->last_id, r->last_sequence, what >> 7, "id", what >> 6 & 2, r->now);
      break;
    case 8:
      command = any_command(in);
      if (command != NULL) {
        struct built b;
        struct smpp_fault fault;
        build(&b, command, r->last_sequence, what >> 7);
        ignored = smpp_session_respond(r->s, &b.message, r->now, &fault);
      }
      break;
    case 9:
    case 10:
      at = seconds(in);
      r->now = what & 0x80 ? at : r->now + at;
      smpp_session_tick(r->s, r->now);
      break;
    case 11: /* what a loop does: sleeps until the deadline */
      at = smpp_session_deadline(r->s);
      if (at >= 0) {
        r->now = at;
        smpp_session_tick(r->s, at);
      }
      break;
    case 12:
      if (what & 0x80)
        smpp_session_set_window(r->s, 1 + (what >> 4 & 3));
      else
        ignored = smpp_session_unbind(r->s, seconds(in), r->now);
      break;
    case 13:
      take_output(r, octet(in));
      break;
    case 14: /* memory fails for a while */
      fail_at = allocations + 1 + (what >> 4 & 3);
      fail_until = fail_at + (what >> 6);
      break;
    default:
      if (what == 0xFF) smpp_session_lost(r->s, "connection lost");
      if (what == 0xEF) smpp_session_close(r->s, "closed");
      if (what == 0xFF) { /* its output went with it */
        r->output_left = 0;
        r->partial_length = 0;
      }
      break;
  }
  (void)ignored;
  if ((what & 0x10) == 0) take_events(r);
}

static void run_script(const uint8_t *data, size_t size) {
  static struct run r;
  struct input in = {data + 1, data + size};
  struct smpp_session_config config;
  smpp_session_defaults(&config, data[0] & 1 ? SMPP_MC : SMPP_ESME);
  uint32_t flags = octet(&in);
  config.unchecked = (data[0] & 2) != 0;
  config.require_sc_version = (data[0] & 4) != 0;
  config.version = data[0] & 8 ? SMPP_50 : data[0] & 16 ? SMPP_33 : SMPP_34;
  config.window = 1 + (flags & 15);
  config.max_unanswered = 1 + (flags >> 4 & 3);
  config.max_pdu = flags & 0x40 ? 64 : SMPP_PDU_MAX_DEFAULT;
  config.first_sequence = flags & 0x80 ? 0x7FFFFFFD : 1;
  config.response_s = seconds(&in);
  config.enquire_link_s = seconds(&in);
  config.enquire_link_response_s = seconds(&in);
  config.inactivity_s = seconds(&in);
  config.session_init_s = seconds(&in);
  if (!start(&r, &config)) return;
  while (in.at < in.end) step(&r, &in);
  fail_at = 0;
  finish(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  smpp_set_allocator(failing_realloc);
  allocations = fail_at = 0;
  has_failed = false;
  if (size > 0 && data[0] != 0) {
    run_script(data, size);
  } else {
    run_raw(data, size, SMPP_ESME);
    run_raw(data, size, SMPP_MC);
  }
  return 0;
}
