#include "session.h"

#include "alloc.h"
#include "session_impl.h"

const char *smpp_state_name(enum smpp_state state) {
#define STATE_NAME(name, text) text,
  static const char *const names[] = {SMPP_STATES(STATE_NAME)};
#undef STATE_NAME
  return names[state];
}

/* ---- the state machine ---- */

#define IN_BOUND (SMPP_IN_BOUND_TX | SMPP_IN_BOUND_RX | SMPP_IN_BOUND_TRX)

/* What moves a session on, the same on both sides: outbind when it is sent or
 * received, a bind and an unbind when they are answered.  Which side may send a
 * command in which state stands in the command's own row. */
static const struct {
  uint32_t command;
  uint8_t from; /* set of SMPP_IN_.. */
  enum smpp_state to;
  const char *reason;
} transitions[] = {
    {SMPP_OUTBIND, SMPP_IN_OPEN, SMPP_STATE_OUTBOUND, "outbind"},
    {SMPP_BIND_TRANSMITTER, SMPP_IN_OPEN | SMPP_IN_OUTBOUND, SMPP_STATE_BOUND_TX, "bound"},
    {SMPP_BIND_RECEIVER, SMPP_IN_OPEN | SMPP_IN_OUTBOUND, SMPP_STATE_BOUND_RX, "bound"},
    {SMPP_BIND_TRANSCEIVER, SMPP_IN_OPEN | SMPP_IN_OUTBOUND, SMPP_STATE_BOUND_TRX, "bound"},
    {SMPP_UNBIND, IN_BOUND, SMPP_STATE_UNBOUND, "unbound"},
};

/* What a session adds to the gauges of its tally; |sign| 1 or -1. */
static void hold(struct smpp_session *s, int sign) {
  struct smpp_tally *t = s->config.tally;
  if (t == NULL) return;
  t->sessions[s->state] += (uint64_t)sign;
  t->window_used += (uint64_t)sign * s->window_used;
  if (is_bound(s->state)) t->window_limit += (uint64_t)sign * s->config.window;
}

void smpp_session_set_state(struct smpp_session *s, enum smpp_state to) {
  hold(s, -1);
  s->state = to;
  hold(s, 1);
}

void smpp_session_set_tally(struct smpp_session *s, struct smpp_tally *tally) {
  hold(s, -1);
  smpp_tally_release(s->config.tally);
  s->config.tally = smpp_tally_keep(tally);
  hold(s, 1);
}

void smpp_session_set_counts(struct smpp_session *s, struct smpp_counts *counts) {
  struct smpp_counts *before = s->config.counts;
  s->config.counts = smpp_counts_keep(counts);
  smpp_counts_release(before);
}

void smpp_session_move(struct smpp_session *s, uint32_t command) {
  for (size_t i = 0; i < sizeof transitions / sizeof *transitions; i++) {
    if (transitions[i].command != command) continue;
    if (s->ended || transitions[i].to == s->state) return;
    if (!s->config.unchecked && (transitions[i].from & 1u << s->state) == 0) return;
    smpp_session_set_state(s, transitions[i].to);
    /* Only an unchecked session can fill the list: it tells the last state then. */
    if (s->move_count == MOVES_MAX) s->move_count--;
    s->moves[s->move_count++] = (struct smpp_move){transitions[i].to, transitions[i].reason};
    return;
  }
}

void smpp_session_end(struct smpp_session *s, const char *reason, bool tell_close) {
  if (s->ended) return;
  s->ended = true;
  s->tell_close = tell_close;
  s->end_reason = reason;
  smpp_session_set_state(s, SMPP_STATE_CLOSED);
  smpp_tally_ended(s->config.tally, reason);
  if (s->link_sequence != 0) smpp_tally_unknown(s->config.tally);
  if (s->unbind_sequence != 0) smpp_tally_unknown(s->config.tally);
  s->chunk = NULL;
  s->chunk_left = 0;
}

/* ---- life ---- */

void smpp_session_defaults(struct smpp_session_config *config, enum smpp_role role) {
  *config = (struct smpp_session_config){
      .role = role,
      .window = 10,
      .max_pdu = SMPP_PDU_MAX_DEFAULT,
      .max_unanswered = 1000,
      .first_sequence = 1,
      .version = SMPP_34,
      /* A deliver_sm that an ESME refuses is lost, or retried for ever. */
      .tolerate = SMPP_TOLERATE_LONG_PASSWORD | (role == SMPP_ESME ? SMPP_TOLERATE_OVERLONG : 0u),
      .response_s = 60,
      .enquire_link_s = 30,
      .enquire_link_response_s = 10,
      .inactivity_s = 0, /* a receiver may get nothing but enquire_links for hours */
      .session_init_s = role == SMPP_MC ? 10 : 0,
      .pdu_read_s = 10,
  };
}

uint8_t smpp_session_known_version(uint32_t interface_version) {
  return interface_version <= SMPP_33 ? SMPP_33 : interface_version < SMPP_50 ? SMPP_34 : SMPP_50;
}

struct smpp_session *smpp_session_new(const struct smpp_session_config *config, double now) {
  struct smpp_session *s = smpp_realloc(NULL, sizeof *s);
  if (s == NULL) return NULL;
  *s = (struct smpp_session){.config = *config, .now = now};
  s->state = s->told = SMPP_STATE_OPEN;
  s->version = smpp_session_known_version(config->version);
  s->next_sequence = config->first_sequence >= 1 && config->first_sequence <= 0x7FFFFFFF ? config->first_sequence : 1;
  s->unbind_reason = "unbound";
  s->drain_until = s->unbind_until = s->close_until = NEVER;
  s->received = s->active = s->init_started = now;
  (void)smpp_tally_keep(s->config.tally);
  (void)smpp_counts_keep(s->config.counts);
  hold(s, 1);
  return s;
}

void smpp_session_free(struct smpp_session *s) {
  if (s == NULL) return;
  hold(s, -1);
  smpp_tally_release(s->config.tally);
  smpp_counts_release(s->config.counts);
  smpp_inflight_free(&s->inflight);
  smpp_buffer_free(&s->stash);
  smpp_buffer_free(&s->output);
  smpp_free(s);
}

enum smpp_state smpp_session_state(const struct smpp_session *s) { return s->state; }
bool smpp_session_is_unbinding(const struct smpp_session *s) { return s->unbinding && !s->ended; }
uint8_t smpp_session_version(const struct smpp_session *s) { return s->version; }
uint32_t smpp_session_in_flight(const struct smpp_session *s) { return s->window_used; }
bool smpp_session_is_inside_pdu(const struct smpp_session *s) { return smpp_buffer_length(&s->stash) > s->held; }
bool smpp_session_has_odd_bind_sequence(const struct smpp_session *s) { return s->odd_bind_sequence; }

uint32_t smpp_session_unanswered(const struct smpp_session *s) { return s->unanswered; }
uint8_t smpp_session_bind_version(const struct smpp_session *s) { return s->bind_version; }

size_t smpp_session_memory(const struct smpp_session *s) {
  return sizeof *s + s->stash.capacity + s->output.capacity + smpp_inflight_memory(&s->inflight);
}

double smpp_session_now(const struct smpp_session *s) { return s->now; }

bool smpp_session_next_place(const struct smpp_session *s, bool is_first, uint32_t *place) {
  if (s->inflight.count == 0 || (!is_first && *place == s->inflight.newest)) return false;
  *place = is_first ? s->inflight.oldest : s->inflight.slots[*place].newer;
  return true;
}

uint32_t smpp_session_newest_place(const struct smpp_session *s) { return s->inflight.newest; }

void smpp_session_set_window(struct smpp_session *s, uint32_t window) {
  hold(s, -1);
  s->config.window = window;
  hold(s, 1);
  if (s->window_used >= window) s->window_full = true;
}

void smpp_session_set_max_unanswered(struct smpp_session *s, uint32_t count) { s->config.max_unanswered = count; }

/* Where numbers are the caller's, two requests may have the same. */
void smpp_session_unwritten(struct smpp_session *s, const uint8_t *octets, size_t length) {
  size_t at = 0;
  uint32_t pdu = 0;
  while (!s->config.unchecked && smpp_pdu_frame(octets + at, length - at, UINT32_MAX, &pdu) == 0) {
    uint32_t id = smpp_get_u32(octets + at + 4);
    struct smpp_pending *p = id & SMPP_RESPONSE_BIT ? NULL : smpp_inflight_find(&s->inflight, smpp_get_u32(octets + at + 12), id);
    if (p != NULL) p->is_unsent = true;
    at += pdu;
  }
}

void smpp_session_lost(struct smpp_session *s, const char *reason) {
  size_t length = 0;
  const uint8_t *octets = smpp_session_output(s, &length);
  smpp_session_end(s, reason, false);
  if (octets != NULL && !s->is_output_cut) smpp_session_unwritten(s, octets, length);
  smpp_buffer_free(&s->output);
}

void smpp_session_close(struct smpp_session *s, const char *reason) { smpp_session_end(s, reason, false); }

const uint8_t *smpp_session_output(const struct smpp_session *s, size_t *length) {
  *length = smpp_buffer_length(&s->output);
  return *length > 0 ? s->output.data + s->output.start : NULL;
}

void smpp_session_sent(struct smpp_session *s, size_t length) {
  smpp_tally_octets(s->config.tally, SMPP_OUT, length);
  smpp_buffer_take(&s->output, length);
  s->is_output_cut = smpp_buffer_length(&s->output) > 0;
}

void smpp_session_swap_output(struct smpp_session *s, struct smpp_buffer *empty) {
  struct smpp_buffer output = s->output;
  smpp_tally_octets(s->config.tally, SMPP_OUT, smpp_buffer_length(&output));
  s->output = *empty;
  s->is_output_cut = false;
  *empty = output;
}

/* ---- sending ---- */

bool smpp_session_send_header(struct smpp_session *s, uint32_t id, uint32_t status, uint32_t sequence) {
  uint8_t *out = smpp_buffer_tail(&s->output, SMPP_HEADER_OCTETS);
  if (out == NULL) {
    smpp_session_end(s, "out of memory", true);
    return false;
  }
  smpp_write_header(out, SMPP_HEADER_OCTETS, id, status, sequence);
  s->output.end += SMPP_HEADER_OCTETS;
  return true;
}

static int send_message(struct smpp_session *s, const struct smpp_message *message, struct smpp_fault *fault) {
  struct smpp_buffer *out = &s->output;
  struct smpp_fault ignored;
  if (fault == NULL) fault = &ignored;
  struct smpp_writer w = {NULL, out->capacity - out->end, 0};
  if (out->data != NULL) w.out = out->data + out->end;
  int error = smpp_pdu_encode(message, &w, fault);
  if (error != 0) return error;
  if (w.length > s->config.max_pdu) {
    *fault = (struct smpp_fault){"command_length", 0, (uint32_t)w.length, s->config.max_pdu, "octets"};
    return SMPP_ERR_TOO_LONG;
  }
  if (!smpp_write_fits(&w)) {
    uint8_t *tail = smpp_buffer_tail(out, w.length);
    if (tail == NULL) return SMPP_ERR_NO_MEMORY;
    w = (struct smpp_writer){tail, w.length, 0};
    error = smpp_pdu_encode(message, &w, fault);
    if (error != 0) return error;
  }
  out->end += w.length;
  return 0;
}

uint32_t smpp_session_free_sequence(struct smpp_session *s) {
  uint32_t n = s->next_sequence;
  while (n == s->link_sequence || n == s->unbind_sequence || smpp_inflight_find_any(&s->inflight, n) != NULL)
    n = n == 0x7FFFFFFF ? 1 : n + 1;
  return n;
}

void smpp_session_use_sequence(struct smpp_session *s, uint32_t sequence) {
  s->next_sequence = sequence == 0x7FFFFFFF ? 1 : sequence + 1;
}

/* ---- requests ---- */

/* 0 when a request may go out now; there is room for it in the table then. */
static int check_request(struct smpp_session *s, uint32_t id, const struct smpp_command *command) {
  if (s->ended) return SMPP_ERR_CLOSED;
  if (id & SMPP_RESPONSE_BIT) return SMPP_ERR_NOT_SENT;
  if (!s->config.unchecked) {
    if (command == NULL || (sends_in(command, s->config.role) & 1u << s->state) == 0) return SMPP_ERR_NOT_SENT;
    if (id != SMPP_ENQUIRE_LINK && (s->unbinding || s->bind_id != 0)) return SMPP_ERR_NOT_SENT;
  }
  if (command != NULL && command->response_id == 0) return 0;
  if (counts_in_window(id) && s->window_used >= s->config.window) return SMPP_ERR_WINDOW_FULL;
  return smpp_inflight_reserve(&s->inflight) ? 0 : SMPP_ERR_NO_MEMORY;
}

/* Adds a request in the output to the window. */
static void request_sent(struct smpp_session *s, uint32_t id, const struct smpp_command *command, uint32_t sequence,
                         uint64_t cookie) {
  if (command == NULL || command->response_id != 0) {
    struct smpp_pending *p = smpp_inflight_add(&s->inflight, sequence, id, cookie, s->now, later(s->now, s->config.response_s));
    p->is_counted = s->config.counts != NULL && is_bound(s->state);
    if (p->is_counted) smpp_counts_request(s->config.counts);
    if (counts_in_window(id)) {
      smpp_session_use_window(s);
      if (s->window_used >= s->config.window) s->window_full = true;
    }
  }
  smpp_tally_request(s->config.tally, SMPP_OUT, command != NULL ? id : SMPP_TALLY_COMMAND_OTHER);
  if (id != SMPP_ENQUIRE_LINK) s->active = s->now;
  if (is_bind(id) && s->config.role == SMPP_ESME) {
    s->bind_id = id;
  } else if (id == SMPP_OUTBIND) {
    s->init_started = s->now;
    smpp_session_move(s, id);
  } else if (id == SMPP_UNBIND) {
    s->unbinding = s->unbind_out = true;
    s->draining = false;
  }
}

/* The interface_version of a bind, which is ours where it says none. */
static uint8_t bind_asks_for(const struct smpp_session *s, struct smpp_message *bind) {
  struct smpp_value *version = &bind->params[smpp_param_position(bind->command, SMPP_F_INTERFACE_VERSION)];
  if (version->is == SMPP_WIRE && version->length == 1) return version->octets[0];
  if (version->is != SMPP_NUMBER) *version = (struct smpp_value){.is = SMPP_NUMBER, .number = s->config.version};
  return (uint8_t)version->number;
}

int smpp_session_request(struct smpp_session *s, struct smpp_message *message, uint64_t cookie, double now,
                         uint32_t *sequence, struct smpp_fault *fault) {
  const struct smpp_command *command = message->command;
  uint32_t wanted = s->config.unchecked ? message->sequence : 0;
  uint8_t asked = 0;
  smpp_session_set_now(s, now);
  int error = check_request(s, command->id, command);
  if (error != 0) return error;
  uint32_t number = wanted != 0 ? wanted : smpp_session_free_sequence(s);
  message->version = s->version;
  message->tolerate = s->config.tolerate;
  if (is_bind(command->id)) {
    asked = bind_asks_for(s, message);
    message->version = smpp_session_known_version(asked);
  }
  message->sequence = number;
  error = send_message(s, message, fault);
  message->sequence = wanted;
  if (error != 0) return error;
  if (is_bind(command->id)) s->bind_version = asked;
  if (wanted == 0) smpp_session_use_sequence(s, number);
  *sequence = number;
  request_sent(s, command->id, command, number, cookie);
  return 0;
}

int smpp_session_request_octets(struct smpp_session *s, const uint8_t *octets, size_t length, uint64_t cookie,
                                double now, uint32_t *sequence) {
  uint32_t framed = 0;
  smpp_session_set_now(s, now);
  if (smpp_pdu_frame(octets, length, s->config.max_pdu, &framed) != 0 || framed != length) return SMPP_ERR_BAD_LENGTH;
  uint32_t id = smpp_get_u32(octets + 4);
  const struct smpp_command *command = smpp_command_by_id(s->config.declared, id);
  int error = check_request(s, id, command);
  if (error != 0) return error;
  uint8_t *out = smpp_buffer_tail(&s->output, length);
  if (out == NULL) return SMPP_ERR_NO_MEMORY;
  *sequence = smpp_session_free_sequence(s);
  memcpy(out, octets, length);
  smpp_set_u32(out + 12, *sequence);
  s->output.end += length;
  smpp_session_use_sequence(s, *sequence);
  if (is_bind(id)) {
    struct smpp_pdu pdu;
    unsigned at = (unsigned)smpp_param_position(command, SMPP_F_INTERFACE_VERSION);
    smpp_pdu_decode(octets, framed, 0, NULL, &pdu);
    s->bind_version = (uint8_t)(at < pdu.param_count ? smpp_pdu_number(&pdu, at) : 0);
  }
  request_sent(s, id, command, *sequence, cookie);
  return 0;
}

/* ---- answers ---- */

enum { STATE_UNKNOWN = 7 }; /* of message_state */

/* The version whose limits an answer keeps: that of the peer's bind when it answers one. */
static uint8_t answer_version(const struct smpp_session *s) {
  if (s->bind_id == 0 || s->config.role != SMPP_MC) return s->version;
  uint8_t offered = smpp_session_known_version(s->config.version);
  uint8_t asked = smpp_session_known_version(s->bind_version);
  return asked < offered ? asked : offered;
}

/* The version that bounds |response|; 0, the widest, where it lacks the command: the peer began it, whatever it agreed on. */
static uint8_t bounding_version(const struct smpp_session *s, const struct smpp_command *response) {
  uint8_t version = answer_version(s);
  return (response->versions & smpp_version_set(version)) != 0 ? version : 0;
}

/* Counts an answer in the output. */
static void answer_sent(struct smpp_session *s, uint32_t response_id, uint32_t sequence, uint32_t status) {
  uint32_t id = response_id & ~SMPP_RESPONSE_BIT;
  bool told = s->asked_id != 0;
  smpp_session_count_response(s, SMPP_IN, told ? s->asked_id : id, status, told ? s->asked : s->now);
  s->asked_id = 0;
  if (id == SMPP_ENQUIRE_LINK || id == SMPP_UNBIND) return;
  s->active = s->now;
  if (s->unanswered > 0) s->unanswered--;
  if (s->bind_id != 0 && s->config.role == SMPP_MC && sequence == s->bind_sequence &&
      (id == s->bind_id || response_id == SMPP_GENERIC_NACK)) {
    if (id == s->bind_id && status == 0) {
      s->version = answer_version(s);
      smpp_session_move(s, id);
    }
    s->bind_id = 0;
  }
  if (s->unanswered > 0) return;
  if (s->peer_unbind)
    smpp_session_answer_unbind(s);
  else if (s->unbind_answered)
    smpp_session_end(s, s->unbind_reason, true);
}

/* A refusal to a peer below 5.0 has its mandatory parameters, empty, but for the responses to binds and submit_sm (3.4,
 * 4.1 and 4.4.2).  Many implementations cannot read the others without. */
static bool refusal_has_body(const struct smpp_session *s, const struct smpp_command *response) {
  uint32_t id = response->id & ~SMPP_RESPONSE_BIT;
  return response->param_count > 0 && !is_bind(id) && id != SMPP_SUBMIT_SM && answer_version(s) < SMPP_50;
}

/* Completes a refusal that says nothing but its status. */
static void complete_refusal(const struct smpp_session *s, struct smpp_message *m) {
  int at = smpp_param_position(m->command, SMPP_F_MESSAGE_STATE);
  if (m->status == 0 || !refusal_has_body(s, m->command)) return;
  m->has_body = true;
  if (at >= 0 && m->params[at].is == SMPP_ABSENT) m->params[at] = (struct smpp_value){.is = SMPP_NUMBER, .number = STATE_UNKNOWN};
}

void smpp_session_asked(struct smpp_session *s, uint32_t request_id, double received) {
  s->asked_id = request_id;
  s->asked = received;
}

int smpp_session_respond(struct smpp_session *s, const struct smpp_message *message, double now,
                         struct smpp_fault *fault) {
  if (s->ended) return SMPP_ERR_CLOSED;
  if ((message->command->id & SMPP_RESPONSE_BIT) == 0) return SMPP_ERR_BAD_VALUE;
  struct smpp_message own = *message;
  smpp_session_set_now(s, now);
  own.version = bounding_version(s, own.command);
  complete_refusal(s, &own);
  int error = send_message(s, &own, fault);
  if (error == 0) answer_sent(s, message->command->id, message->sequence, message->status);
  return error;
}

/* A response of a status and a message_id. */
static struct smpp_message simple(const struct smpp_session *s, const struct smpp_command *response, uint32_t status,
                                  uint32_t sequence, const char *message_id, size_t length) {
  struct smpp_message message = {.command = response, .status = status, .sequence = sequence};
  int at = smpp_param_position(response, SMPP_F_MESSAGE_ID);
  message.version = bounding_version(s, response);
  if (status != 0 && at >= 0 && length >= smpp_param_limit(&response->params[at], message.version)) length = 0;
  if (at >= 0 && length > 0)
    message.params[at] =
        (struct smpp_value){.is = SMPP_STRING, .octets = (const uint8_t *)message_id, .length = (uint32_t)length};
  return message;
}

void smpp_session_refuse(struct smpp_session *s, const struct smpp_pdu *request, uint32_t status) {
  const struct smpp_command *response = smpp_command_by_id(s->config.declared, request->command->response_id);
  int at = smpp_param_position(request->command, SMPP_F_MESSAGE_ID);
  struct smpp_fault fault;
  smpp_session_count_response(s, SMPP_IN, request->command->id, status, s->now);
  if (response == NULL || !refusal_has_body(s, response)) {
    (void)smpp_session_send_header(s, request->command->response_id, status, request->sequence);
    return;
  }
  struct smpp_message message = simple(s, response, status, request->sequence, NULL, 0);
  if (request->command->id == SMPP_QUERY_SM && at >= 0 && at < request->param_count)
    message = simple(s, response, status, request->sequence, (const char *)request->octets + request->params[at].offset,
                     request->params[at].length);
  complete_refusal(s, &message);
  if (send_message(s, &message, &fault) == SMPP_ERR_NO_MEMORY) smpp_session_end(s, "out of memory", true);
}

int smpp_session_answer(struct smpp_session *s, uint32_t request_id, uint32_t sequence, uint32_t status,
                        const char *message_id, size_t length, double now) {
  const struct smpp_command *response = smpp_command_by_id(s->config.declared, request_id | SMPP_RESPONSE_BIT);
  size_t body = 0;
  if (s->ended) return SMPP_ERR_CLOSED;
  if (response == NULL || request_id == 0) return SMPP_ERR_BAD_VALUE;
  const struct smpp_param *param = response->params;
  bool has_body = status == 0 || refusal_has_body(s, response);
  if (has_body && (response->param_count > 1 || (response->param_count == 1 && param->kind != SMPP_CSTRING))) {
    if (length > 0 && smpp_param_position(response, SMPP_F_MESSAGE_ID) < 0) return SMPP_ERR_BAD_VALUE;
    struct smpp_message message = simple(s, response, status, sequence, message_id, length);
    return smpp_session_respond(s, &message, now, NULL);
  }
  if (has_body) {
    unsigned limit = response->param_count == 0 ? 0 : smpp_param_limit(param, bounding_version(s, response));
    if (length > 0 && length >= limit) return SMPP_ERR_TOO_LONG;
    if (length > 0 && memchr(message_id, 0, length) != NULL) return SMPP_ERR_BAD_VALUE;
    if (response->param_count == 1) body = length + 1;
  }
  uint8_t *out = smpp_buffer_tail(&s->output, SMPP_HEADER_OCTETS + body);
  if (out == NULL) return SMPP_ERR_NO_MEMORY;
  smpp_session_set_now(s, now);
  smpp_write_header(out, (uint32_t)(SMPP_HEADER_OCTETS + body), response->id, status, sequence);
  if (body > 0) {
    if (length > 0) memcpy(out + SMPP_HEADER_OCTETS, message_id, length);
    out[SMPP_HEADER_OCTETS + length] = 0;
  }
  s->output.end += SMPP_HEADER_OCTETS + body;
  answer_sent(s, response->id, sequence, status);
  return 0;
}

/* ---- unbind ---- */

double smpp_session_last_wait(const struct smpp_session *s) {
  return s->now + (s->config.response_s > 0 && s->config.response_s < 5 ? s->config.response_s : 5);
}

void smpp_session_send_unbind(struct smpp_session *s) {
  uint32_t sequence = smpp_session_free_sequence(s);
  s->draining = false;
  if (!smpp_session_send_header(s, SMPP_UNBIND, 0, sequence)) return;
  smpp_session_use_sequence(s, sequence);
  if (s->unbind_sequence != 0) smpp_tally_unknown(s->config.tally);
  s->unbind_sequence = sequence;
  s->unbind_sent = s->now;
  smpp_tally_request(s->config.tally, SMPP_OUT, SMPP_UNBIND);
  s->unbinding = s->unbind_out = true;
  s->unbind_until = later(s->now, s->config.response_s < 30 ? s->config.response_s : 30);
}

void smpp_session_unbound(struct smpp_session *s) {
  s->unbind_out = false;
  s->unbind_answered = true;
  if (s->unbind_sequence != 0) smpp_tally_unknown(s->config.tally); /* the caller's own was answered, not the session's */
  s->unbind_sequence = 0;
  s->unbind_until = NEVER;
  if (s->peer_unbind) return; /* they crossed, and theirs waits for our last answers */
  smpp_session_move(s, SMPP_UNBIND);
  if (s->unanswered > 0) /* so do requests that came before the answer */
    s->close_until = smpp_session_last_wait(s);
  else
    smpp_session_end(s, s->unbind_reason, true);
}

void smpp_session_answer_unbind(struct smpp_session *s) {
  s->peer_unbind = false;
  s->close_until = NEVER;
  if (!smpp_session_send_header(s, SMPP_UNBIND | SMPP_RESPONSE_BIT, 0, s->peer_unbind_sequence)) return;
  smpp_session_count_response(s, SMPP_IN, SMPP_UNBIND, 0, s->peer_unbind_received);
  smpp_session_move(s, SMPP_UNBIND);
  if (s->unbind_out) return; /* they crossed: ours awaits its answer */
  if (s->config.role == SMPP_MC || s->unbind_answered)
    smpp_session_end(s, s->unbind_reason, true);
  else
    s->close_until = smpp_session_last_wait(s);
}

int smpp_session_unbind(struct smpp_session *s, double drain_s, double now) {
  smpp_session_set_now(s, now);
  if (s->ended) return SMPP_ERR_CLOSED;
  if (!is_bound(s->state)) {
    smpp_session_end(s, "closed", true);
    return 0;
  }
  if (s->unbind_out || s->peer_unbind) return 0;
  if (is_drained(s) || !(drain_s > 0)) {
    if (smpp_buffer_tail(&s->output, SMPP_HEADER_OCTETS) == NULL) return SMPP_ERR_NO_MEMORY;
    smpp_session_send_unbind(s);
    return 0;
  }
  double until = s->now + drain_s;
  if (!s->draining || until < s->drain_until) s->drain_until = until;
  s->unbinding = s->draining = true;
  return 0;
}
