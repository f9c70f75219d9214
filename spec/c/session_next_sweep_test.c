/* Sessions swept over: every command in every state from either side, every
 * way to cut a stream.  From the checkout's root:
 *
 *   gcc -std=c99 -g -Icsrc -fsanitize=address,undefined csrc/smpp/[a-z]*.c spec/c/session_next_sweep_test.c -o sweep
 *   ./sweep
 */
#include "session_support.h"

static const char *trace(const char *what, enum smpp_role role, enum smpp_state state, const char *command) {
  static char text[160];
  snprintf(text, sizeof text, "%s: %s in %s, %s", what, role == SMPP_MC ? "MC" : "ESME", smpp_state_name(state), command);
  return text;
}

static uint8_t sent_in(const struct smpp_command *command, enum smpp_role role) {
  return role == SMPP_ESME ? command->esme_sends_in : command->mc_sends_in;
}

/* Only one event, or none, and STATE, CLOSE behind it; returns its kind, -1 for none. */
static int only_event(struct smpp_session *s, struct smpp_event *e) {
  int kind = -1;
  struct smpp_event next;
  while (smpp_session_next(s, &next)) {
    if (next.kind == SMPP_EVENT_STATE || next.kind == SMPP_EVENT_CLOSE || next.kind == SMPP_EVENT_LOST || next.kind == SMPP_EVENT_UNSENT)
      continue;
    if (kind >= 0) return 100;
    kind = (int)next.kind;
    *e = next;
  }
  return kind;
}

static void check_inbound(const struct smpp_command *command, enum smpp_role role, enum smpp_state state,
                          bool unchecked) {
  const char *what = trace(unchecked ? "inbound, unchecked" : "inbound", role, state, command->name);
  struct smpp_session *s = reach(role, state, SMPP_50, unchecked);
  enum smpp_role peer = role == SMPP_MC ? SMPP_ESME : SMPP_MC;
  uint8_t octets[256];
  struct smpp_event e = {.reason = NULL};
  size_t length = pdu_of(command, 0xFFFFFFF0, 0, octets, sizeof octets), out_length = 0;
  CHECK_FOR(smpp_session_state(s) == state && length > 0, what);
  smpp_session_feed(s, octets, length, 0);
  int kind = only_event(s, &e);
  const uint8_t *out = smpp_session_output(s, &out_length);
  bool is_response = (command->id & SMPP_RESPONSE_BIT) != 0;
  bool allowed = unchecked || (sent_in(command, peer) & 1u << state) != 0;
  bool is_bind = command->name[0] == 'b' && command->name[1] == 'i';
  bool bound = state >= SMPP_STATE_BOUND_TX && state <= SMPP_STATE_BOUND_TRX;
  bool own_answer = command->id == SMPP_ENQUIRE_LINK || command->id == SMPP_UNBIND;
  uint32_t status = allowed ? 0 : is_bind && peer == SMPP_ESME && bound ? SMPP_RALYBND : SMPP_RINVBNDSTS;
  if (state == SMPP_STATE_CLOSED) {
    CHECK_FOR(kind == -1 && out_length == 0, what);
  } else if (is_response) {
    CHECK_FOR(kind == SMPP_EVENT_STRAY && out_length == 0 && e.reason != NULL, what);
  } else if (allowed && !own_answer) {
    CHECK_FOR(kind == SMPP_EVENT_REQUEST && out_length == 0 && e.pdu.command == command, what);
    CHECK_FOR(smpp_session_unanswered(s) == (command->response_id != 0), what);
  } else {
    CHECK_FOR(kind == (allowed ? -1 : SMPP_EVENT_STRAY), what);
    CHECK_FOR(smpp_session_unanswered(s) == 0, what);
    if (command->response_id == 0) {
      CHECK_FOR(out_length == 0, what);
    } else if (CHECK_FOR(out_length >= 16, what)) { /* what stands behind the header: bind_session_refusals_spec.lua */
      CHECK_FOR(smpp_get_u32(out) == out_length && smpp_get_u32(out + 4) == command->response_id, what);
      CHECK_FOR(smpp_get_u32(out + 8) == status && smpp_get_u32(out + 12) == 0xFFFFFFF0, what);
    }
  }
  smpp_session_free(s);
}

static void check_outbound(const struct smpp_command *command, enum smpp_role role, enum smpp_state state,
                           uint8_t version, bool unchecked) {
  const char *what = trace(unchecked ? "outbound, unchecked" : "outbound", role, state, command->name);
  struct smpp_session *s = reach(role, state, version, unchecked);
  struct built b;
  struct smpp_fault fault;
  uint32_t sequence = 0;
  size_t before = 0, length = 0;
  build(&b, command, 0, 0);
  bool unbound = state == SMPP_STATE_UNBOUND && command->id != SMPP_ENQUIRE_LINK;
  bool is_request = (command->id & SMPP_RESPONSE_BIT) == 0;
  bool allowed = is_request && (unchecked || ((sent_in(command, role) & 1u << smpp_session_state(s)) != 0 && !unbound));
  if (strstr(command->name, "bind_") == command->name && is_request) b.message.params[3].number = version;
  int expected = state == SMPP_STATE_CLOSED                                              ? SMPP_ERR_CLOSED
                 : !allowed                                                              ? SMPP_ERR_NOT_SENT
                 : (command->versions & smpp_version_set(smpp_session_version(s))) == 0 ? SMPP_ERR_BAD_VALUE
                                                                                         : 0;
  smpp_session_output(s, &before);
  int error = smpp_session_request(s, &b.message, 77, 0, &sequence, &fault);
  const uint8_t *out = smpp_session_output(s, &length);
  if (!CHECK_FOR(error == expected, what)) fprintf(stderr, "  %s, version %x\n", smpp_error_name(error), version);
  if (error == 0) {
    CHECK_FOR(length >= 16 && smpp_get_u32(out + 4) == command->id && smpp_get_u32(out + 12) == sequence, what);
    bool in_window = command->response_id != 0 && command->id != SMPP_ENQUIRE_LINK && command->id != SMPP_UNBIND;
    CHECK_FOR(smpp_session_in_flight(s) == in_window, what);
  } else {
    CHECK_FOR(length == before && smpp_session_in_flight(s) == 0, what);
  }
  smpp_session_free(s);
}

static void sweep_commands(void) {
  static const uint8_t versions[] = {SMPP_33, SMPP_34, SMPP_50};
  const struct smpp_command *command;
  for (size_t i = 0; (command = smpp_command_at(i)) != NULL; i++)
    for (int role = SMPP_ESME; role <= SMPP_MC; role++)
      for (int state = SMPP_STATE_OPEN; state <= SMPP_STATE_CLOSED; state++)
        for (int unchecked = 0; unchecked <= 1; unchecked++) {
          check_inbound(command, (enum smpp_role)role, (enum smpp_state)state, unchecked);
          for (size_t v = 0; v < sizeof versions; v++)
            if (versions[v] != SMPP_33 || state != SMPP_STATE_OUTBOUND) /* 3.3 has no outbind */
              check_outbound(command, (enum smpp_role)role, (enum smpp_state)state, versions[v], unchecked);
        }
}

/* ---- streams ---- */

/* What a session made of a stream, as one number. */
static uint64_t digest_feed(struct smpp_session *s, uint64_t digest, const uint8_t *octets, size_t length, double now) {
  struct smpp_event e;
  smpp_session_feed(s, octets, length, now);
  while (smpp_session_next(s, &e)) {
    digest = digest * 1099511628211u ^ (uint64_t)e.kind;
    if (e.kind == SMPP_EVENT_REQUEST || e.kind == SMPP_EVENT_RESPONSE || e.kind == SMPP_EVENT_STRAY)
      for (uint32_t i = 0; i < e.pdu.length; i++) digest = digest * 1099511628211u ^ e.pdu.octets[i];
    if (e.kind == SMPP_EVENT_STATE) digest = digest * 1099511628211u ^ (uint64_t)e.to;
    if (e.kind == SMPP_EVENT_REQUEST && e.pdu.command->response_id != 0)
      CHECK(smpp_session_answer(s, e.pdu.id, e.pdu.sequence, 0, "", 0, now) == 0);
  }
  return digest;
}

static uint64_t digest_output(struct smpp_session *s, uint64_t digest) {
  size_t length = 0;
  const uint8_t *out = smpp_session_output(s, &length);
  for (size_t i = 0; i < length; i++) digest = digest * 1099511628211u ^ out[i];
  return digest;
}

static struct smpp_session *reader_of_stream(enum smpp_role role) {
  struct smpp_session_config config;
  uint32_t sequence = 0;
  smpp_session_defaults(&config, role);
  struct smpp_session *s = smpp_session_new(&config, 0);
  if (role == SMPP_ESME) CHECK(request(s, "bind_transceiver", 1, 0, &sequence) == 0);
  return s;
}

/* Gives the octets in blocks of their own, so that a reader past their end is caught. */
static uint64_t digest_of(enum smpp_role role, const uint8_t *octets, size_t length, size_t cut, size_t piece) {
  struct smpp_session *s = reader_of_stream(role);
  uint64_t digest = 0;
  for (size_t at = 0; at < length;) {
    size_t n = at < cut ? cut - at : piece;
    if (n > length - at) n = length - at;
    uint8_t *block = malloc(n);
    memcpy(block, octets + at, n);
    digest = digest_feed(s, digest, block, n, 0);
    free(block);
    at += n;
  }
  digest = digest_output(s, digest);
  smpp_session_free(s);
  return digest;
}

static size_t long_stream(enum smpp_role role, uint8_t *out, size_t capacity) {
  static const char *const commands[2][16] = {
      {"bind_transceiver_resp", "deliver_sm", "enquire_link", "alert_notification", "submit_sm", "outbind",
       "generic_nack", "data_sm", "unbind", "deliver_sm", "enquire_link", "unbind", "data_sm_resp"},
      {"enquire_link", "submit_sm", "bind_transceiver", "submit_sm", "query_sm", "data_sm", "submit_sm_resp",
       "deliver_sm", "enquire_link", "submit_multi", "broadcast_sm", "generic_nack", "unbind", "submit_sm"}};
  static const uint8_t unknown[] = {0, 0, 0, 40, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9};
  size_t length = 0;
  for (uint32_t i = 0; commands[role][i] != NULL; i++) {
    length += pdu_of(smpp_command_by_name(NULL, commands[role][i]), i + 1, 0, out + length, capacity - length);
    if (i != 4) continue;
    memcpy(out + length, unknown, sizeof unknown);
    memset(out + length + sizeof unknown, 0xEE, 24);
    length += 40;
  }
  return length;
}

static void sweep_cuts(enum smpp_role role) {
  uint8_t octets[2048] = {0};
  size_t length = long_stream(role, octets, sizeof octets);
  uint64_t whole = digest_of(role, octets, length, length, length);
  for (size_t cut = 1; cut < length; cut++) CHECK(digest_of(role, octets, length, cut, length) == whole);
  for (size_t piece = 1; piece < 80; piece++) CHECK(digest_of(role, octets, length, 0, piece) == whole);

  /* A chunk that was not taken to its end is kept when the next one comes. */
  struct smpp_session *s = reader_of_stream(role);
  for (size_t at = 0; at < length; at += 10)
    smpp_session_feed(s, octets + at, length - at < 10 ? length - at : 10, 0);
  CHECK(digest_output(s, digest_feed(s, 0, octets, 0, 0)) == whole);
  smpp_session_free(s);

  /* So is a PDU that is not whole yet, and its time runs from then on. */
  static const uint8_t two[] = {0, 0, 0, 16, 0, 0, 0, 0x15, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0};
  s = reader_of_stream(role);
  smpp_session_feed(s, two, 9, 9.5);
  smpp_session_feed(s, two + 9, sizeof two - 9, 9.5);
  smpp_session_feed(s, two, 0, 9.5);
  drain(s);
  CHECK(smpp_session_deadline(s) == (role == SMPP_MC ? 10 : 19.5));
  smpp_session_tick(s, 10);
  drain(s);
  CHECK(smpp_session_deadline(s) == (role == SMPP_MC ? -1 : 19.5));
  smpp_session_free(s);
}

/* The generic_nack carries the number of the PDU as far as it has come. */
static void sweep_bad_lengths(void) {
  static const uint8_t header[] = {0, 0, 0, 15, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0};
  for (size_t have = 4; have <= sizeof header; have++)
    for (size_t cut = 0; cut < 4; cut++) {
      struct smpp_session *s = reader_of_stream(SMPP_MC);
      struct smpp_event e;
      size_t length = 0;
      smpp_session_feed(s, header, cut, 0);
      CHECK(!smpp_session_next(s, &e));
      smpp_session_feed(s, header + cut, have - cut, 0);
      CHECK(smpp_session_next(s, &e) && e.kind == SMPP_EVENT_MALFORMED && e.length == have);
      CHECK(memcmp(e.octets, header, have) == 0);
      const uint8_t *out = smpp_session_output(s, &length);
      CHECK(length == 16 && smpp_get_u32(out + 4) == SMPP_GENERIC_NACK && smpp_get_u32(out + 8) == SMPP_RINVCMDLEN);
      CHECK(smpp_get_u32(out + 12) == (have >= 16 ? 7u : 0u));
      CHECK(smpp_session_next(s, &e) && e.kind == SMPP_EVENT_CLOSE);
      CHECK(smpp_session_next(s, &e) && e.kind == SMPP_EVENT_STATE && !smpp_session_next(s, &e));
      smpp_session_free(s);
    }
}

/* A long PDU takes as much memory as has arrived, and gives it back. */
static void sweep_stash(void) {
  struct smpp_session_config config;
  uint8_t octets[1000] = {0, 1, 0, 0, 0, 0, 0, 0x15};
  smpp_session_defaults(&config, SMPP_ESME);
  struct smpp_session *s = smpp_session_new(&config, 0);
  size_t idle = smpp_session_memory(s), received = 0;
  for (int i = 0; i < 65; i++) {
    smpp_session_feed(s, octets, sizeof octets, 0);
    drain(s);
    received += sizeof octets;
    CHECK(smpp_session_memory(s) <= idle + 2 * received + 128);
    memset(octets, 0, sizeof octets);
  }
  smpp_session_feed(s, octets, 536, 0);
  drain(s);
  CHECK(smpp_session_state(s) == SMPP_STATE_OPEN && smpp_session_memory(s) < idle + 1024);
  smpp_session_free(s);
}

int main(void) {
  smpp_set_allocator(failing_realloc);
  sweep_commands();
  sweep_cuts(SMPP_ESME);
  sweep_cuts(SMPP_MC);
  sweep_bad_lengths();
  sweep_stash();
  CHECK(blocks_alive == 0);
  return report();
}
