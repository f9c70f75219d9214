#include "session_impl.h"

/* ---- timers ---- */

enum timer {
  ON_DRAIN,
  ON_UNBIND,
  ON_CLOSE,
  ON_RESPONSE,
  ON_PDU_READ,
  ON_SESSION_INIT,
  ON_ENQUIRE_LINK,
  ON_INACTIVITY,
  TIMERS
};

/* When a timer runs out; NEVER: it does not run. */
static double due(const struct smpp_session *s, enum timer timer) {
  const struct smpp_session_config *c = &s->config;
  switch (timer) {
    case ON_DRAIN:
      return !s->draining ? NEVER : is_drained(s) ? s->now : s->drain_until;
    case ON_UNBIND:
      return s->unbind_until;
    case ON_CLOSE:
      return s->close_until;
    case ON_RESPONSE:
      return s->inflight.count > 0 ? smpp_inflight_oldest(&s->inflight)->deadline : NEVER;
    case ON_PDU_READ:
      return smpp_session_is_inside_pdu(s) ? later(s->partial_since, c->pdu_read_s) : NEVER;
    case ON_SESSION_INIT: /* a bind that came in time may be answered later */
      return s->state <= SMPP_STATE_OUTBOUND && s->bind_id == 0 ? later(s->init_started, c->session_init_s) : NEVER;
    case ON_ENQUIRE_LINK:
      /* Whatever arrives after the enquire_link shows that the peer is alive, too. */
      if (s->link_sequence != 0)
        return later(s->received > s->link_sent ? s->received : s->link_sent, c->enquire_link_response_s);
      if (c->role == SMPP_ESME && s->state <= SMPP_STATE_OUTBOUND) return NEVER;
      return later(s->received, c->enquire_link_s);
    case ON_INACTIVITY:
      return is_bound(s->state) && !s->unbinding ? later(s->active, c->inactivity_s) : NEVER;
    case TIMERS:
      break;
  }
  return NEVER;
}

double smpp_session_deadline(const struct smpp_session *s) {
  double first = NEVER;
  if (s->move_count > 0 || (s->ended && !s->told_closed)) return s->now; /* events wait */
  if (s->ended) return -1;
  for (int timer = 0; timer < TIMERS; timer++) {
    double at = due(s, (enum timer)timer);
    if (at < first) first = at;
  }
  return first < NEVER ? first : -1;
}

static void send_enquire_link(struct smpp_session *s) {
  uint32_t sequence = smpp_session_free_sequence(s);
  /* Idle: free the memory that a busy time has left. */
  if (s->inflight.count == 0) smpp_inflight_free(&s->inflight);
  if (smpp_buffer_length(&s->stash) == 0) smpp_buffer_free(&s->stash);
  if (!smpp_session_send_header(s, SMPP_ENQUIRE_LINK, 0, sequence)) return;
  smpp_session_use_sequence(s, sequence);
  s->link_sequence = sequence;
  s->link_sent = s->now;
  smpp_tally_request(s->config.tally, SMPP_OUT, SMPP_ENQUIRE_LINK);
}

/* Removes a request of ours from the window.  Returns its command id. */
static uint32_t settle(struct smpp_session *s, struct smpp_pending *pending, struct smpp_event *e) {
  uint32_t id = pending->id;
  e->cookie = pending->cookie;
  e->place = smpp_inflight_place(&s->inflight, pending);
  e->asked_id = id;
  e->sent = pending->is_counted ? pending->sent : -1;
  smpp_inflight_remove(&s->inflight, pending);
  if (counts_in_window(id)) smpp_session_free_window(s);
  if (s->config.role == SMPP_ESME && id == s->bind_id) s->bind_id = 0;
  return id;
}

/* The request that |e| is about has ended without a valid response. */
static void count_unknown(struct smpp_session *s, const struct smpp_event *e) {
  if (e->sent >= 0) smpp_counts_unknown(s->config.counts);
}

/* True: |e| is an event. */
static bool expire(struct smpp_session *s, enum timer timer, struct smpp_event *e) {
  switch (timer) {
    case ON_DRAIN:
      smpp_session_send_unbind(s);
      break;
    case ON_UNBIND:
      smpp_session_end(s, "no unbind_resp in time", true);
      break;
    case ON_CLOSE:
      if (s->peer_unbind)
        smpp_session_answer_unbind(s);
      else
        smpp_session_end(s, s->unbind_reason, true);
      break;
    case ON_RESPONSE:
      e->kind = SMPP_EVENT_TIMEOUT;
      smpp_tally_unknown(s->config.tally);
      uint32_t id = settle(s, smpp_inflight_oldest(&s->inflight), e);
      count_unknown(s, e);
      if (id == SMPP_UNBIND)
        smpp_session_end(s, "no unbind_resp in time", true);
      return true;
    case ON_PDU_READ:
      smpp_session_end(s, "incomplete PDU: no more octets in time", true);
      break;
    case ON_SESSION_INIT:
      smpp_session_end(s, "no bind in time", true);
      break;
    case ON_ENQUIRE_LINK:
      if (s->link_sequence != 0)
        smpp_session_end(s, "no enquire_link_resp in time", true);
      else
        send_enquire_link(s);
      break;
    case ON_INACTIVITY:
      s->unbind_reason = "inactivity";
      smpp_session_send_unbind(s);
      break;
    case TIMERS:
      break;
  }
  return false;
}

/* ---- PDUs ---- */

static bool stray(struct smpp_event *e, const char *reason) {
  e->kind = SMPP_EVENT_STRAY;
  e->reason = reason;
  return true;
}

/* The first fault of a PDU with pdu->refuse; NULL: none. */
static const char *fault_of(const struct smpp_pdu *pdu) {
  struct smpp_problem problems[16];
  if (pdu->refuse == 0) return NULL;
  size_t count = smpp_pdu_problems(pdu, problems, sizeof problems / sizeof *problems);
  for (size_t i = 0; i < count && i < sizeof problems / sizeof *problems; i++)
    if (problems[i].severity == SMPP_FAULT && problems[i].status == pdu->refuse) return problems[i].text;
  return "malformed PDU";
}

/* A request gets its own response with |status|, if it has one, and is logged. */
static bool refuse(struct smpp_session *s, struct smpp_event *e, uint32_t status, const char *reason) {
  if (e->pdu.command->response_id != 0) smpp_session_refuse(s, &e->pdu, status);
  e->status = status;
  return stray(e, reason);
}

/* The reason why the peer may not send this command now, NULL: it may. */
static const char *forbidden(const struct smpp_session *s, const struct smpp_command *command, uint32_t *status) {
  enum smpp_role peer = s->config.role == SMPP_ESME ? SMPP_MC : SMPP_ESME;
  *status = SMPP_RINVBNDSTS;
  if (s->config.unchecked) return NULL;
  if (peer == SMPP_ESME && is_bind(command->id) && (s->bind_id != 0 || is_bound(s->state))) {
    *status = SMPP_RALYBND;
    return s->bind_id != 0 ? "the bind before it is not answered yet" : "already bound";
  }
  if ((sends_in(command, peer) & 1u << s->state) == 0) return "command not allowed in this bind state or from this side";
  if (command->id == SMPP_ENQUIRE_LINK) return NULL;
  if (s->bind_id != 0) return "the bind is not answered yet";
  return s->peer_unbind ? "received after unbind" : NULL;
}

static bool receive_unbind(struct smpp_session *s, uint32_t sequence) {
  if (s->peer_unbind) { /* only when unchecked */
    smpp_session_count_response(s, SMPP_IN, SMPP_UNBIND, 0, s->now);
    (void)smpp_session_send_header(s, SMPP_UNBIND | SMPP_RESPONSE_BIT, 0, sequence);
    return false;
  }
  s->unbinding = s->peer_unbind = true;
  s->draining = false;
  s->peer_unbind_sequence = sequence;
  s->peer_unbind_received = s->now;
  s->close_until = smpp_session_last_wait(s);
  if (s->unanswered == 0) smpp_session_answer_unbind(s);
  return false;
}

/* Order of the checks: session.md, "PDU framing". */
static bool receive_request(struct smpp_session *s, struct smpp_event *e) {
  const struct smpp_pdu *pdu = &e->pdu;
  const struct smpp_command *command = pdu->command;
  uint32_t status = 0;
  smpp_tally_request(s->config.tally, SMPP_IN, command != NULL ? command->id : SMPP_TALLY_COMMAND_OTHER);
  if (command == NULL) {
    smpp_tally_problem(s->config.tally, SMPP_PROBLEM_UNKNOWN_COMMAND);
    smpp_session_count_response(s, SMPP_IN, SMPP_TALLY_COMMAND_OTHER, SMPP_RINVCMDID, s->now);
    (void)smpp_session_send_header(s, SMPP_GENERIC_NACK, SMPP_RINVCMDID, pdu->sequence);
    e->status = SMPP_RINVCMDID;
    return stray(e, "unknown command");
  }
  const char *reason = forbidden(s, command, &status);
  if (reason != NULL) {
    smpp_tally_problem(s->config.tally, SMPP_PROBLEM_WRONG_STATE);
    return refuse(s, e, status, reason);
  }
  if (pdu->refuse != 0) smpp_tally_problem(s->config.tally, SMPP_PROBLEM_MALFORMED_REQUEST);
  if (command->id == SMPP_ENQUIRE_LINK || command->id == SMPP_UNBIND) {
    /* Neither can be refused for what stands behind its header. */
    if (command->id == SMPP_UNBIND) {
      receive_unbind(s, pdu->sequence);
    } else {
      smpp_session_count_response(s, SMPP_IN, SMPP_ENQUIRE_LINK, 0, s->now);
      (void)smpp_session_send_header(s, command->response_id, 0, pdu->sequence);
    }
    return pdu->refuse != 0 && stray(e, fault_of(pdu));
  }
  s->active = s->now;
  if (pdu->refuse != 0) return refuse(s, e, pdu->refuse, fault_of(pdu));
  e->kind = SMPP_EVENT_REQUEST;
  if (command->response_id != 0) {
    if (s->unanswered >= s->config.max_unanswered)
      return refuse(s, e, s->config.role == SMPP_MC ? SMPP_RTHROTTLED : SMPP_RX_T_APPN, "too many unanswered requests");
    s->unanswered++;
    if (is_bind(command->id) && s->config.role == SMPP_MC) {
      unsigned at = (unsigned)smpp_param_position(command, SMPP_F_INTERFACE_VERSION);
      s->bind_id = command->id;
      s->bind_sequence = pdu->sequence;
      s->bind_version = (uint8_t)(at < pdu->param_count ? smpp_pdu_number(pdu, at) : 0);
    }
  } else if (command->id == SMPP_OUTBIND) {
    s->init_started = s->now;
    smpp_session_move(s, command->id);
  }
  return true;
}

/* Our bind was accepted: session.md, "Bind". */
static void bound(struct smpp_session *s, const struct smpp_pdu *pdu, uint32_t id) {
  struct smpp_tlv tlv;
  uint8_t asked = smpp_session_known_version(s->bind_version);
  uint8_t other = s->config.require_sc_version ? SMPP_33 : asked;
  if (smpp_pdu_find_tlv(pdu, SMPP_TLV_SC_INTERFACE_VERSION, &tlv) && tlv.length == 1) other = smpp_session_known_version(tlv.octets[0]);
  s->version = other < asked ? other : asked;
  smpp_session_move(s, id);
}

/* A generic_nack is a refusal, whatever its status says. */
static uint32_t response_status(const struct smpp_pdu *pdu) {
  return pdu->id == SMPP_GENERIC_NACK && pdu->status == 0 ? SMPP_TALLY_NACK_UNNAMED : pdu->status;
}

static bool complete(struct smpp_session *s, struct smpp_pending *pending, struct smpp_event *e) {
  const struct smpp_pdu *pdu = &e->pdu;
  bool own = pdu->id == (pending->id | SMPP_RESPONSE_BIT);
  double sent = pending->sent;
  uint32_t id = settle(s, pending, e);
  if (id != SMPP_ENQUIRE_LINK) s->active = s->now;
  e->kind = SMPP_EVENT_RESPONSE;
  e->reason = own || pdu->id == SMPP_GENERIC_NACK ? fault_of(pdu) : "response id does not match the request";
  if (e->reason != NULL) { /* its outcome is unknown, then */
    smpp_tally_problem(s->config.tally, SMPP_PROBLEM_MALFORMED_RESPONSE);
    smpp_tally_unknown(s->config.tally);
    count_unknown(s, e);
  } else {
    /* Only an unchecked session sends others. */
    bool is_known = !s->config.unchecked || smpp_command_by_id(s->config.declared, id) != NULL;
    smpp_session_count_response(s, SMPP_OUT, is_known ? id : SMPP_TALLY_COMMAND_OTHER, response_status(pdu), sent);
    if (e->sent >= 0) smpp_counts_response(s->config.counts, response_status(pdu), s->now - sent);
  }
  if (is_bind(id) && own && pdu->status == 0) bound(s, pdu, id);
  if (id == SMPP_UNBIND) smpp_session_unbound(s);
  return true;
}

/* An answer to the enquire_link or unbind that the session sent by itself. */
static bool complete_own(struct smpp_session *s, uint32_t id, struct smpp_event *e) {
  smpp_session_count_response(s, SMPP_OUT, id, response_status(&e->pdu), id == SMPP_UNBIND ? s->unbind_sent : s->link_sent);
  if (id == SMPP_UNBIND) {
    s->unbind_sequence = 0;
    smpp_session_unbound(s);
  } else {
    s->link_sequence = 0;
  }
  if (e->pdu.id == (id | SMPP_RESPONSE_BIT)) return false;
  return stray(e, e->pdu.id == SMPP_GENERIC_NACK ? "generic_nack to an enquire_link or unbind of the session"
                                                 : "response id does not match the request");
}

static bool receive_response(struct smpp_session *s, struct smpp_event *e) {
  const struct smpp_pdu *pdu = &e->pdu;
  bool is_nack = pdu->id == SMPP_GENERIC_NACK;
  struct smpp_pending *pending = NULL;
  if (!is_nack) pending = smpp_inflight_find(&s->inflight, pdu->sequence, pdu->id & ~SMPP_RESPONSE_BIT);
  if (pending != NULL) return complete(s, pending, e);
  if (pdu->sequence != 0 && pdu->command != NULL) {
    if (pdu->sequence == s->link_sequence) return complete_own(s, SMPP_ENQUIRE_LINK, e);
    if (pdu->sequence == s->unbind_sequence) return complete_own(s, SMPP_UNBIND, e);
    pending = smpp_inflight_find_any(&s->inflight, pdu->sequence);
    if (pending != NULL) return complete(s, pending, e);
  }
  /* Some peers number their bind_resp as they like; while nothing but the bind is open it can only be for that. */
  if (s->config.role == SMPP_ESME && s->bind_id != 0 && s->inflight.count == 1 && pdu->id == (s->bind_id | SMPP_RESPONSE_BIT)) {
    s->odd_bind_sequence = true;
    return complete(s, smpp_inflight_oldest(&s->inflight), e);
  }
  smpp_tally_problem(s->config.tally, SMPP_PROBLEM_UNMATCHED_RESPONSE);
  return stray(e, pdu->command == NULL ? "unknown response"
                  : is_nack            ? "unmatched generic_nack: no pending request"
                                       : "unmatched response: no pending request");
}

static bool receive(struct smpp_session *s, const uint8_t *octets, uint32_t length, struct smpp_event *e) {
  smpp_pdu_decode(octets, length, s->config.tolerate, s->config.declared, &e->pdu);
  s->received = s->now;
  return e->pdu.id & SMPP_RESPONSE_BIT ? receive_response(s, e) : receive_request(s, e);
}

/* ---- the stream ---- */

/* Before a bind an MC accepts only short PDUs, because it buffers incomplete ones of unauthenticated peers. */
enum { BIND_OCTETS_MAX = 4096 };

static uint32_t longest(const struct smpp_session *s) {
  bool is_unauthenticated = s->config.role == SMPP_MC && s->state <= SMPP_STATE_OUTBOUND;
  return is_unauthenticated && s->config.max_pdu > BIND_OCTETS_MAX ? BIND_OCTETS_MAX : s->config.max_pdu;
}

static const char looks_like_tls[] = "looks like TLS";

/* |*is_smpp|: false if the octets are of another protocol. */
static const char *malformed_reason(const uint8_t *octets, size_t length, bool *is_smpp) {
  *is_smpp = false;
  static const char http[][5] = {"GET ", "POST", "HEAD", "PUT ", "DELE", "OPTI", "CONN", "PATC", "TRAC", "PRI ", "HTTP"};
  for (size_t i = 0; i < sizeof http / sizeof *http; i++)
    if (length >= 4 && memcmp(octets, http[i], 4) == 0) return "looks like HTTP";
  if (length >= 2 && (octets[0] == 0x15 || octets[0] == 0x16) && octets[1] == 3) return looks_like_tls;
  *is_smpp = true;
  if (length >= 4 && smpp_get_u32(octets) < SMPP_HEADER_OCTETS) return "invalid command_length: below 16";
  return "invalid command_length: above the limit";
}

/* After an invalid command_length the stream cannot be resynchronised. */
static bool receive_malformed(struct smpp_session *s, const uint8_t *octets, size_t length, struct smpp_event *e) {
  uint32_t sequence = length >= SMPP_HEADER_OCTETS ? smpp_get_u32(octets + 12) : 0;
  e->kind = SMPP_EVENT_MALFORMED;
  e->octets = octets;
  e->length = length;
  bool is_smpp = false;
  e->reason = malformed_reason(octets, length, &is_smpp);
  smpp_tally_problem(s->config.tally, is_smpp ? SMPP_PROBLEM_BAD_LENGTH : SMPP_PROBLEM_NOT_SMPP);
  /* A TLS peer cannot read a PDU, and an alert of one wants no answer. */
  if (e->reason != looks_like_tls) (void)smpp_session_send_header(s, SMPP_GENERIC_NACK, SMPP_RINVCMDLEN, sequence);
  smpp_session_end(s, e->reason, true);
  return true;
}

/* Moves octets of the chunk to the stash. */
static bool stash(struct smpp_session *s, size_t length) {
  if (!smpp_buffer_append(&s->stash, s->chunk, length)) {
    smpp_session_end(s, "out of memory", true);
    return false;
  }
  s->chunk += length;
  s->chunk_left -= length;
  return true;
}

/* After the end no more PDUs are taken from the stash, and the octets of the last event stay valid. */
static void drop_held(struct smpp_session *s) {
  if (s->ended) return;
  if (s->held > 0) smpp_buffer_take(&s->stash, s->held);
  s->held = 0;
}

/* Takes whole PDUs where they lie, in the chunk, until one is an event. */
static bool next_in_chunk(struct smpp_session *s, struct smpp_event *e) {
  while (s->chunk_left > 0 && s->move_count == 0) {
    const uint8_t *octets = s->chunk;
    uint32_t length = 0;
    int error = smpp_pdu_frame(octets, s->chunk_left, longest(s), &length);
    if (error == SMPP_ERR_BAD_LENGTH) return receive_malformed(s, octets, s->chunk_left, e);
    if (error != 0) {
      s->partial_since = s->now;
      (void)stash(s, s->chunk_left);
      return false;
    }
    s->chunk += length;
    s->chunk_left -= length;
    if (receive(s, octets, length, e)) return true;
  }
  return false;
}

/* Completes the PDU in the stash with what the chunk has of it. */
static bool next_in_stash(struct smpp_session *s, struct smpp_event *e) {
  for (;;) {
    const uint8_t *octets = s->stash.data + s->stash.start;
    size_t have = smpp_buffer_length(&s->stash);
    uint32_t length = 0;
    int error = smpp_pdu_frame(octets, have, longest(s), &length);
    if (error == 0) {
      s->held = length;
      s->partial_since = s->now;
      return receive(s, octets, length, e);
    }
    size_t need = error == SMPP_ERR_BAD_LENGTH ? 64 : length == 0 ? 4 : length;
    size_t more = need > have ? need - have : 0;
    if (more > s->chunk_left) more = s->chunk_left;
    if (more > 0) {
      if (!stash(s, more)) return false;
    } else if (error == SMPP_ERR_BAD_LENGTH) {
      s->held = have;
      return receive_malformed(s, octets, have, e);
    } else {
      return false;
    }
  }
}

void smpp_session_keep(struct smpp_session *s) {
  if (s->chunk_left == 0) return;
  s->partial_since = s->now;
  (void)stash(s, s->chunk_left);
}

void smpp_session_feed(struct smpp_session *s, const uint8_t *octets, size_t length, double now) {
  smpp_session_set_now(s, now);
  smpp_tally_octets(s->config.tally, SMPP_IN, length);
  drop_held(s);
  smpp_session_keep(s);
  if (s->ended) return;
  s->chunk = octets;
  s->chunk_left = length;
}

void smpp_session_tick(struct smpp_session *s, double now) { smpp_session_set_now(s, now); }

/* ---- events ---- */

static bool state_event(struct smpp_session *s, enum smpp_state to, const char *reason, struct smpp_event *e) {
  e->kind = SMPP_EVENT_STATE;
  e->from = s->told;
  e->to = to;
  e->reason = reason;
  s->told = to;
  return true;
}

static bool next_move(struct smpp_session *s, struct smpp_event *e) {
  struct smpp_move move = s->moves[0];
  s->move_count--;
  memmove(s->moves, s->moves + 1, s->move_count * sizeof *s->moves);
  return state_event(s, move.to, move.reason, e);
}

/* The last events: CLOSE, LOST or UNSENT for each request, STATE. */
static bool next_of_end(struct smpp_session *s, struct smpp_event *e) {
  if (s->tell_close) {
    s->tell_close = false;
    e->kind = SMPP_EVENT_CLOSE;
    e->reason = s->end_reason;
    return true;
  }
  if (s->inflight.count > 0) {
    struct smpp_pending *oldest = smpp_inflight_oldest(&s->inflight);
    e->kind = oldest->is_unsent ? SMPP_EVENT_UNSENT : SMPP_EVENT_LOST;
    smpp_tally_unknown(s->config.tally);
    e->reason = s->end_reason;
    (void)settle(s, oldest, e);
    count_unknown(s, e);
    return true;
  }
  if (s->told_closed) return false;
  s->told_closed = true;
  smpp_inflight_free(&s->inflight);
  if (s->held == 0) smpp_buffer_free(&s->stash);
  return state_event(s, SMPP_STATE_CLOSED, s->end_reason, e);
}

bool smpp_session_next(struct smpp_session *s, struct smpp_event *e) {
  drop_held(s);
  e->cookie = 0;
  e->sent = -1;
  e->status = 0;
  e->reason = NULL;
  for (;;) {
    if (s->move_count > 0) return next_move(s, e);
    if (s->ended) return next_of_end(s, e);
    if (smpp_buffer_length(&s->stash) > 0) {
      if (next_in_stash(s, e)) return true;
      if (s->held > 0) { /* a PDU that was no event */
        drop_held(s);
        continue;
      }
    } else if (s->chunk_left > 0) {
      if (next_in_chunk(s, e)) return true;
    }
    if (s->ended || s->move_count > 0) continue;
    int timer = 0;
    while (timer < TIMERS && due(s, (enum timer)timer) > s->now) timer++;
    if (timer < TIMERS) {
      if (expire(s, (enum timer)timer, e)) return true;
      continue;
    }
    if (!s->window_full || s->window_used >= s->config.window || s->unbinding) return false;
    s->window_full = false;
    e->kind = SMPP_EVENT_WINDOW;
    return true;
  }
}
