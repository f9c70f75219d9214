/* session_impl.h - what session.c (calls from above) and session_next.c
 * (octets, timers and events) share. */
#ifndef SMPP_SESSION_IMPL_H
#define SMPP_SESSION_IMPL_H

#include <math.h>

#include "buffer.h"
#include "inflight.h"
#include "session.h"

#define NEVER HUGE_VAL

/* OPEN, OUTBOUND, bound, UNBOUND: no path is longer. */
enum { MOVES_MAX = 4 };

struct smpp_move {
  enum smpp_state to;
  const char *reason;
};

struct smpp_session {
  struct smpp_session_config config;
  double now;
  enum smpp_state state;
  enum smpp_state told; /* state of the last STATE event */
  struct smpp_move moves[MOVES_MAX]; /* not told yet */
  uint8_t move_count;
  uint8_t version;

  /* the end, told in this order: CLOSE, LOST and UNSENT .., STATE */
  bool ended, tell_close, told_closed;
  const char *end_reason;

  /* a bind without its answer: ours (ESME) or the peer's (MC) */
  uint32_t bind_id; /* 0: none */
  uint32_t bind_sequence;
  uint8_t bind_version;
  bool odd_bind_sequence; /* our bind was answered under another number */

  /* unbind: asked for by us, sent by us, received */
  bool unbinding;         /* no new requests */
  bool draining;          /* ours waits for all answers until drain_until */
  bool unbind_out;        /* ours was sent, its answer is awaited */
  bool unbind_answered;   /* ... and came */
  bool peer_unbind;       /* theirs waits for our last answers until close_until */
  uint32_t unbind_sequence; /* of ours, 0: the caller's own or none */
  uint32_t peer_unbind_sequence;
  const char *unbind_reason;
  double drain_until, unbind_until, close_until;
  double unbind_sent, peer_unbind_received;

  /* requests: ours and theirs */
  struct smpp_inflight inflight;
  uint32_t window_used;
  bool window_full; /* a WINDOW event is due when there is room */
  bool is_output_cut; /* the output begins inside a PDU */
  uint32_t next_sequence;
  uint32_t unanswered;
  uint32_t asked_id; /* of the request that is answered next, 0: not told */
  double asked;      /* when it came */

  /* liveness */
  uint32_t link_sequence; /* of our own enquire_link on its way, 0: none */
  double link_sent, received, active, init_started, partial_since;

  const uint8_t *chunk; /* borrowed */
  size_t chunk_left;
  struct smpp_buffer stash; /* PDUs not yet whole */
  size_t held;              /* octets of it that the last event shows */
  struct smpp_buffer output;
};

static inline bool is_bound(enum smpp_state state) {
  return state >= SMPP_STATE_BOUND_TX && state <= SMPP_STATE_BOUND_TRX;
}

/* True if no response is pending on either side. */
static inline bool is_drained(const struct smpp_session *s) { return s->window_used == 0 && s->unanswered == 0; }

static inline bool is_bind(uint32_t id) {
  return id == SMPP_BIND_RECEIVER || id == SMPP_BIND_TRANSMITTER || id == SMPP_BIND_TRANSCEIVER;
}

static inline bool counts_in_window(uint32_t id) { return id != SMPP_ENQUIRE_LINK && id != SMPP_UNBIND; }

/* Where |role| may send |command|, as a set of SMPP_IN_... */
static inline uint8_t sends_in(const struct smpp_command *command, enum smpp_role role) {
  return role == SMPP_ESME ? command->esme_sends_in : command->mc_sends_in;
}

static inline double later(double now, double seconds) { return seconds > 0 ? now + seconds : NEVER; }

/* Time never goes back: deadlines only grow. */
static inline void smpp_session_set_now(struct smpp_session *s, double now) {
  if (now > s->now && now < NEVER) s->now = now;
}

/* 0x33, 0x34 or 0x50: what an interface_version octet is served as. */
uint8_t smpp_session_known_version(uint32_t interface_version);

/* Changes the state, or how much of the window is used, in the tally, too. */
void smpp_session_set_state(struct smpp_session *s, enum smpp_state to);

static inline void smpp_session_use_window(struct smpp_session *s) {
  s->window_used++;
  if (s->config.tally != NULL) s->config.tally->window_used++;
}

static inline void smpp_session_free_window(struct smpp_session *s) {
  s->window_used--;
  if (s->config.tally != NULL) s->config.tally->window_used--;
}

/* Counts a response to a request that came, or was sent, at |since|; |direction| is the request's. */
static inline void smpp_session_count_response(struct smpp_session *s, enum smpp_direction direction, uint32_t command,
                                               uint32_t status, double since) {
  smpp_tally_response(s->config.tally, direction, command, status, s->now - since, s->config.number);
}

/* Follows the state table's row for |command|, sent or received and accepted. */
void smpp_session_move(struct smpp_session *s, uint32_t command);

/* No more events but CLOSE (when |tell_close|), LOST, UNSENT and STATE.  The first reason counts. */
void smpp_session_end(struct smpp_session *s, const char *reason, bool tell_close);

/* A PDU without a body; without memory for it the session ends. */
bool smpp_session_send_header(struct smpp_session *s, uint32_t id, uint32_t status, uint32_t sequence);

/* Refuses a request that was not counted, with the body that the peer expects; without memory the session ends. */
void smpp_session_refuse(struct smpp_session *s, const struct smpp_pdu *request, uint32_t status);

/* A free sequence number; it is used up by smpp_session_use_sequence. */
uint32_t smpp_session_free_sequence(struct smpp_session *s);
void smpp_session_use_sequence(struct smpp_session *s, uint32_t sequence);

void smpp_session_send_unbind(struct smpp_session *s);

/* Until when a session that is unbound waits for the rest: our last answers, or the peer's end. */
double smpp_session_last_wait(const struct smpp_session *s);

/* Our unbind was answered. */
void smpp_session_unbound(struct smpp_session *s);

/* Answers the peer's unbind. */
void smpp_session_answer_unbind(struct smpp_session *s);

#endif
