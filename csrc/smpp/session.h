/* session.h - the rules of one SMPP session, either side, without I/O or clock.
 *
 * Octets and "now" (seconds, any origin, never going back) go in; events,
 * octets to send and the next deadline come out:
 *
 *   smpp_session_feed(s, octets, length, now);
 *   while (smpp_session_next(s, &event)) ...
 *   write(smpp_session_output(s, &length)); smpp_session_sent(s, length);
 *   arm a timer for smpp_session_deadline(s) that calls smpp_session_tick(s, now)
 *   and takes events and output again.
 *
 * The session answers by itself: enquire_link, unbind, unknown commands
 * (generic_nack), requests in the wrong state, PDUs that cannot be read.  Binds
 * and all other requests are events; their answers come through
 * smpp_session_respond.
 *
 * The peer's unbind is answered at once, or, when requests of the peer's await
 * an answer of ours, after the last of these, within five seconds or response_s.
 * An MC closes then; an ESME waits as long for the MC to close. */
#ifndef SMPP_SESSION_H
#define SMPP_SESSION_H

#include "counts.h"
#include "pdu.h"
#include "tally.h"

enum smpp_role { SMPP_ESME, SMPP_MC };

/* order of the bits of SMPP_IN_.. */
#define SMPP_STATES(S)     \
  S(OPEN, "OPEN")          \
  S(OUTBOUND, "OUTBOUND")  \
  S(BOUND_TX, "BOUND_TX")  \
  S(BOUND_RX, "BOUND_RX")  \
  S(BOUND_TRX, "BOUND_TRX") \
  S(UNBOUND, "UNBOUND")    \
  S(CLOSED, "CLOSED")

#define SMPP_STATE_ENUM(name, text) SMPP_STATE_##name,
enum smpp_state { SMPP_STATES(SMPP_STATE_ENUM) };
#undef SMPP_STATE_ENUM

const char *smpp_state_name(enum smpp_state state);

/* Seconds; 0 switches a timer off (session.md, "Timers"). */
struct smpp_session_config {
  enum smpp_role role;
  uint32_t window;         /* requests that may await a response, 1 to 65535 */
  uint32_t max_pdu;        /* octets, both directions; an MC takes 4096 at most before a bind */
  uint32_t max_unanswered; /* inbound requests; beyond: ESME_RTHROTTLED (MC), ESME_RX_T_APPN (ESME) */
  uint32_t first_sequence; /* 1 to 0x7FFFFFFF */
  uint8_t version;         /* ESME: asked for; MC: highest offered */
  bool unchecked;          /* send what state and role forbid, answer nothing on state */
  bool require_sc_version; /* ESME: no sc_interface_version in the answer means 3.3 */
  const struct smpp_declared *declared; /* commands outside the tables, or NULL; must outlive the session */
  unsigned tolerate;       /* SMPP_TOLERATE_..; LONG_PASSWORD also allows to send one */
  uint32_t number;          /* of the session, in the tally */
  struct smpp_tally *tally; /* what counts, kept as long as the session; or NULL */
  struct smpp_counts *counts; /* of its requests while it is bound, kept as the tally is; or NULL */
  double response_s, enquire_link_s, enquire_link_response_s, inactivity_s, session_init_s, pdu_read_s;
};

/* window 10, version 3.4, 60 s responses, 30 s enquire_link, 10 s its answer ... as session.md suggests. */
void smpp_session_defaults(struct smpp_session_config *config, enum smpp_role role);

/* kind, name */
#define SMPP_EVENTS(E)                                                                                           \
  E(REQUEST, "request")   /* pdu: answer it (alert_notification, outbind: nothing to answer) */                  \
  E(RESPONSE, "response") /* pdu, request: to it; a generic_nack too, or a wrong response id (then |reason|) */   \
  E(TIMEOUT, "timeout")   /* request: no response in time, outcome unknown */                                    \
  E(LOST, "lost")         /* request: session ended first, outcome unknown */                                    \
  E(STATE, "state")       /* from, to, reason */                                                                 \
  E(WINDOW, "window")     /* there is room in the window again */                                                \
  E(STRAY, "stray")       /* pdu, reason, status: no pending request, or it was refused with |status|: for logs */ \
  E(MALFORMED, "malformed") /* octets, length, reason: the stream is lost */                            \
  E(CLOSE, "close")       /* reason: write the output, then close the connection; the last event but LOST, UNSENT and STATE */ \
  E(UNSENT, "unsent")     /* request: session ended first, and none of its octets were written */

#define SMPP_EVENT_ENUM(name, text) SMPP_EVENT_##name,
enum smpp_event_kind { SMPP_EVENTS(SMPP_EVENT_ENUM) SMPP_EVENT_KINDS };
#undef SMPP_EVENT_ENUM

struct smpp_event {
  enum smpp_event_kind kind;
  struct smpp_pdu pdu; /* octets are valid until the next call of feed or next */
  uint64_t cookie;   /* of the request of ours that ended */
  uint32_t place;    /* its place among those in flight, free again */
  uint32_t asked_id; /* its command */
  double sent;       /* when it was sent; negative: not in the counts */
  uint32_t status;   /* 0: it was not refused */
  enum smpp_state from, to;
  const char *reason; /* static text */
  const uint8_t *octets;
  size_t length;
};

struct smpp_session; /* ask for it with smpp_session_new */

/* NULL: out of memory.  |config| is copied. */
struct smpp_session *smpp_session_new(const struct smpp_session_config *config, double now);
void smpp_session_free(struct smpp_session *s);

enum smpp_state smpp_session_state(const struct smpp_session *s);
/* True between unbind asked for or received and the end. */
bool smpp_session_is_unbinding(const struct smpp_session *s);
uint8_t smpp_session_version(const struct smpp_session *s); /* negotiated, or asked for before the bind */
bool smpp_session_is_inside_pdu(const struct smpp_session *s); /* the beginning of a PDU has come, not all of it */
bool smpp_session_has_odd_bind_sequence(const struct smpp_session *s); /* our bind was answered under another sequence number */
uint32_t smpp_session_in_flight(const struct smpp_session *s); /* requests in the window */
uint32_t smpp_session_unanswered(const struct smpp_session *s); /* inbound ones */
size_t smpp_session_memory(const struct smpp_session *s); /* octets held, this struct included */
void smpp_session_set_window(struct smpp_session *s, uint32_t window);
void smpp_session_set_max_unanswered(struct smpp_session *s, uint32_t count);
void smpp_session_set_tally(struct smpp_session *s, struct smpp_tally *tally); /* what it holds moves there, too */
void smpp_session_set_counts(struct smpp_session *s, struct smpp_counts *counts); /* for what happens from now on */
/* The requests in flight in the order of sending: the place of the one after |*place|, or of the first (|is_first|); false: none. */
bool smpp_session_next_place(const struct smpp_session *s, bool is_first, uint32_t *place);
uint32_t smpp_session_newest_place(const struct smpp_session *s); /* of the request sent last; it must be in flight */
double smpp_session_now(const struct smpp_session *s); /* the latest it was told */

/* Octets from the peer: borrowed until smpp_session_next returned false, which keeps the rest. */
void smpp_session_feed(struct smpp_session *s, const uint8_t *octets, size_t length, double now);
/* Ends the borrowing early: what smpp_session_next has not come to is copied. */
void smpp_session_keep(struct smpp_session *s);
void smpp_session_tick(struct smpp_session *s, double now);
/* The peer closed the connection, or it broke: pending requests become LOST events, or UNSENT ones where all of their
 * octets are still in the output, which is dropped. */
void smpp_session_lost(struct smpp_session *s, const char *reason);
/* Whole PDUs that were output, and of which nothing was written: before smpp_session_lost, in the turn in which they were taken. */
void smpp_session_unwritten(struct smpp_session *s, const uint8_t *octets, size_t length);
/* The next event, in the order of what was fed; false: none until feed, tick or a call makes one. */
bool smpp_session_next(struct smpp_session *s, struct smpp_event *event);
/* When to call tick at the latest: now while events wait that a call caused; negative: no timer runs. */
double smpp_session_deadline(const struct smpp_session *s);

/* Sends a request; |cookie| comes back with its response, timeout or loss.
 * |*sequence| gets the number used (message->sequence is ignored unless the
 * session is unchecked and it is not 0).  Binds change the state when answered.
 * SMPP_ERR_WINDOW_FULL, SMPP_ERR_NOT_SENT (state, role, unbinding), SMPP_ERR_CLOSED,
 * SMPP_ERR_NO_MEMORY, or what encoding refuses: nothing was sent. */
SMPP_MUST_CHECK int smpp_session_request(struct smpp_session *s, struct smpp_message *message,
                                         uint64_t cookie, double now, uint32_t *sequence,
                                         struct smpp_fault *fault);

/* Forwards whole octets of a request under a new sequence number. */
SMPP_MUST_CHECK int smpp_session_request_octets(struct smpp_session *s, const uint8_t *octets,
                                                size_t length, uint64_t cookie, double now,
                                                uint32_t *sequence);

/* Names the request that the next answer is for, for the tally: a generic_nack does not, and only the caller knows when
 * the request came. */
void smpp_session_asked(struct smpp_session *s, uint32_t request_id, double received);

/* Answers a request; message->command is the response, message->sequence the request's.
 * A bind answered with status 0 changes the state.  Never refused for state: only
 * SMPP_ERR_CLOSED, SMPP_ERR_NO_MEMORY or what encoding refuses. */
SMPP_MUST_CHECK int smpp_session_respond(struct smpp_session *s, const struct smpp_message *message,
                                         double now, struct smpp_fault *fault);

/* The common answers without a table: status not 0 (the message_id of a query then, or none), or a message_id (may be
 * empty).  Refusals to peers below 5.0 have empty parameters, but for those of binds and submit_sm. */
SMPP_MUST_CHECK int smpp_session_answer(struct smpp_session *s, uint32_t request_id, uint32_t sequence,
                                        uint32_t status, const char *message_id, size_t length,
                                        double now);

/* Drains: no new requests; unbind is sent when no response is pending on either side or
 * |drain_s| passed; then CLOSE.  In OPEN, OUTBOUND: CLOSE at once. */
SMPP_MUST_CHECK int smpp_session_unbind(struct smpp_session *s, double drain_s, double now);

/* Ends it without unbind: LOST for pending requests, state CLOSED; the output is still to be written. */
void smpp_session_close(struct smpp_session *s, const char *reason);

/* MC side: what a bind asks for, kept from the REQUEST event until it is answered. */
uint8_t smpp_session_bind_version(const struct smpp_session *s);

/* Octets to send, until smpp_session_sent removes them.  NULL and 0: none. */
const uint8_t *smpp_session_output(const struct smpp_session *s, size_t *length);
void smpp_session_sent(struct smpp_session *s, size_t length);

/* Gives the octets to send away in exchange for an empty buffer: no call of the session moves them then. */
struct smpp_buffer;
void smpp_session_swap_output(struct smpp_session *s, struct smpp_buffer *empty);

#endif
