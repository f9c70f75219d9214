/* bind_session.c - sessions in Lua: octets and tables in, one flat array of
 * events out.
 *
 * Events of one call stand one after the other in a table that Lua reuses, each
 * as its kind and what EVENTS below lists for it.  A missing reason is false,
 * and the command_status of a generic_nack is never 0: a nack without a reason
 * is ESME_RUNKNOWNERR. */
#include <string.h>

#include "bind_batch.h"
#include "binding.h"
#include "smpp/buffer.h"
#include "smpp/reply.h"
#include "smpp/session.h"
#include "smpp/text.h"

#define MOST_EXACT 9007199254740992.0 /* 2^53 */
#define INFLIGHT_MAX 0x1000000 /* places of requests in flight */

struct session {
  struct smpp_session *core; /* NULL once collected */
  double number;             /* never that of another: an address may be used again */
  bool keeps;                /* it has a table: waiter and fields of each request in flight, by its place */
  bool taking;               /* events or octets are being handed over */
  bool borrows;              /* octets that the core has not come to are in the string at CHUNK of that table */
  struct smpp_buffer sending; /* octets that are: a finalizer may add to the session's own meanwhile */
  struct batch *batch;        /* which gets the outcomes of its requests, or NULL */
};

static struct smpp_session *check_session(lua_State *L) {
  const struct session *s = lua_touserdata(L, 1);
  if (s == NULL || !lua_getmetatable(L, 1) || !lua_rawequal(L, -1, lua_upvalueindex(UP_SESSION)) || s->core == NULL) {
    luaL_argerror(L, 1, "expected a session");
    return NULL;
  }
  lua_pop(L, 1);
  return s->core;
}

struct smpp_session *check_batch_session(lua_State *L, struct batch *b) {
  struct smpp_session *core = check_session(L);
  struct session *s = lua_touserdata(L, 1);
  if (s->batch == NULL) s->batch = batch_keep(b);
  luaL_argcheck(L, s->batch == b, 2, "the session has requests of another batch");
  return core;
}

uint32_t event_status(const struct smpp_event *event) {
  return event->pdu.id == SMPP_GENERIC_NACK && event->pdu.status == 0 ? 0xFF : event->pdu.status;
}

/* The next number of this Lua state, from 1. */
static double next_number(lua_State *L) {
  static char key; /* its address is the key */
  lua_pushlightuserdata(L, &key);
  lua_rawget(L, LUA_REGISTRYINDEX);
  double number = (double)lua_tonumber(L, -1) + 1;
  lua_pushlightuserdata(L, &key);
  lua_pushnumber(L, (lua_Number)number);
  lua_rawset(L, LUA_REGISTRYINDEX);
  lua_pop(L, 1);
  return number;
}

static double opt_seconds(lua_State *L, const char *name, double otherwise) {
  lua_getfield(L, 1, name);
  if (!lua_isnil(L, -1)) {
    if (lua_type(L, -1) != LUA_TNUMBER || !(lua_tonumber(L, -1) >= 0))
      luaL_error(L, "%s: expected a number of seconds, 0 for never", name);
    otherwise = (double)lua_tonumber(L, -1);
  }
  lua_pop(L, 1);
  return otherwise;
}

static uint32_t opt_number(lua_State *L, const char *name, uint32_t otherwise, uint32_t min, uint32_t max) {
  lua_getfield(L, 1, name);
  if (!lua_isnil(L, -1) && (!to_u32(L, -1, &otherwise) || otherwise < min || otherwise > max))
    luaL_error(L, "%s: expected an integer from %s to %s", name, u32_text(L, min), u32_text(L, max));
  lua_pop(L, 1);
  return otherwise;
}

static bool opt_boolean(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  bool value = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return value;
}

static unsigned opt_tolerate(lua_State *L, unsigned otherwise) {
  static const struct {
    const char *name;
    unsigned bit;
  } names[] = {{"overlong", SMPP_TOLERATE_OVERLONG},
               {"unterminated", SMPP_TOLERATE_UNTERMINATED},
               {"stray_octets", SMPP_TOLERATE_STRAY},
               {"long_password", SMPP_TOLERATE_LONG_PASSWORD}};
  lua_getfield(L, 1, "tolerate");
  if (lua_istable(L, -1)) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
      lua_getfield(L, -1, names[i].name);
      if (!lua_isnil(L, -1)) otherwise = lua_toboolean(L, -1) ? otherwise | names[i].bit : otherwise & ~names[i].bit;
      lua_pop(L, 1);
    }
  }
  lua_pop(L, 1);
  return otherwise;
}

/* session{ role = "esme"|"mc", now, window, max_pdu_octets, max_unanswered, first_sequence, version, unchecked,
 * require_sc_version, tolerate, response_s, enquire_link_s, enquire_link_response_s, inactivity_s, session_init_s,
 * pdu_read_s, tally = core.tally(), number = of the session in the tally, counts = core.counts() } */
int session_new(lua_State *L) {
  static const char *const roles[] = {"esme", "mc", NULL};
  struct smpp_session_config config;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_getfield(L, 1, "role");
  enum smpp_role role = (enum smpp_role)luaL_checkoption(L, -1, NULL, roles);
  lua_pop(L, 1);
  smpp_session_defaults(&config, role);
  config.window = opt_number(L, "window", config.window, 1, 65535);
  config.max_pdu = opt_number(L, "max_pdu_octets", config.max_pdu, SMPP_HEADER_OCTETS, 0x7FFFFFFF);
  config.max_unanswered = opt_number(L, "max_unanswered", config.max_unanswered, 1, 0x7FFFFFFF);
  config.first_sequence = opt_number(L, "first_sequence", config.first_sequence, 1, 0x7FFFFFFF);
  config.version = (uint8_t)opt_number(L, "version", config.version, 0, 0xFF);
  config.unchecked = opt_boolean(L, "unchecked");
  config.require_sc_version = opt_boolean(L, "require_sc_version");
  config.tolerate = opt_tolerate(L, config.tolerate);
  config.response_s = opt_seconds(L, "response_s", config.response_s);
  config.enquire_link_s = opt_seconds(L, "enquire_link_s", config.enquire_link_s);
  config.enquire_link_response_s = opt_seconds(L, "enquire_link_response_s", config.enquire_link_response_s);
  config.inactivity_s = opt_seconds(L, "inactivity_s", config.inactivity_s);
  config.session_init_s = opt_seconds(L, "session_init_s", config.session_init_s);
  config.pdu_read_s = opt_seconds(L, "pdu_read_s", config.pdu_read_s);
  config.number = opt_number(L, "number", 0, 0, UINT32_MAX);
  double now = opt_seconds(L, "now", 0);
  if (now > MOST_EXACT) return luaL_error(L, "now: expected a time"); /* at infinity every timer would be due for ever */
  config.declared = declared_commands(L);
  lua_getfield(L, 1, "tally"); /* stays on the stack, which keeps it */
  config.tally = opt_tally(L, -1);
  lua_getfield(L, 1, "counts"); /* likewise */
  config.counts = opt_counts(L, -1);
  double number = next_number(L);
  struct session *s = lua_newuserdatauv(L, sizeof *s, 1);
  memset(s, 0, sizeof *s); /* __gc may run before there is a core */
  s->number = number;
  lua_pushvalue(L, lua_upvalueindex(UP_SESSION));
  lua_setmetatable(L, -2);
  s->core = smpp_session_new(&config, now);
  return s->core != NULL ? 1 : luaL_error(L, "out of memory");
}

int session_gc(lua_State *L) {
  struct session *s = lua_touserdata(L, 1);
  smpp_session_free(s->core);
  smpp_buffer_free(&s->sending);
  batch_release(s->batch);
  s->batch = NULL;
  s->core = NULL;
  return 0;
}

/* Requests handed over at once.  Lua answers them before it takes more, so that a peer which sends many in one go is not
 * taken for one that leaves many unanswered; and what follows a bind finds the session bound. */
#define REQUESTS_MAX 64

static bool is_bind(uint32_t id) {
  return id == SMPP_BIND_TRANSCEIVER || id == SMPP_BIND_TRANSMITTER || id == SMPP_BIND_RECEIVER;
}

static bool changes_state(uint32_t id) { return is_bind(id) || id == SMPP_UNBIND; }

#define SLOTS(S)            \
  S(PDU, "pdu")             \
  S(COMMAND_ID, "command_id") \
  S(WAITER, "waiter")       \
  S(SENT, "sent")           \
  S(ASKED, "request_id")    \
  S(FIELDS, "fields")       \
  S(STATUS, "command_status") \
  S(FROM, "from")           \
  S(TO, "to")               \
  S(OCTETS, "octets")       \
  S(REASON, "reason")         \
  S(REFUSED, "refused_with")

#define SLOT_ENUM(name, text) SLOT_##name,
#define SLOT_NAME(name, text) text,
#define EVENT_NAME(name, text) text,
enum slot { SLOT_END, SLOTS(SLOT_ENUM) };
static const char *const slot_names[] = {NULL, SLOTS(SLOT_NAME)};
static const char *const event_names[] = {SMPP_EVENTS(EVENT_NAME) "accepted"};

/* A response with status 0 is an event of a kind of its own, but for those that change the state: it needs less. */
enum { KIND_ACCEPTED = SMPP_EVENT_KINDS, KINDS };

#define SLOTS_MAX 8

/* What follows the kind of an event: this list fills the array, and core.session_events is made of it. */
static const uint8_t EVENTS[KINDS][SLOTS_MAX] = {
    [SMPP_EVENT_REQUEST] = {SLOT_PDU, SLOT_COMMAND_ID},
    [SMPP_EVENT_RESPONSE] = {SLOT_PDU, SLOT_WAITER, SLOT_STATUS, SLOT_REASON, SLOT_SENT, SLOT_ASKED, SLOT_FIELDS},
    [SMPP_EVENT_TIMEOUT] = {SLOT_WAITER, SLOT_SENT, SLOT_ASKED, SLOT_FIELDS},
    [SMPP_EVENT_LOST] = {SLOT_WAITER, SLOT_SENT, SLOT_ASKED, SLOT_FIELDS},
    [SMPP_EVENT_UNSENT] = {SLOT_WAITER, SLOT_FIELDS},
    [SMPP_EVENT_STATE] = {SLOT_FROM, SLOT_TO, SLOT_REASON},
    [SMPP_EVENT_WINDOW] = {SLOT_END},
    [SMPP_EVENT_STRAY] = {SLOT_PDU, SLOT_REASON, SLOT_REFUSED},
    [SMPP_EVENT_MALFORMED] = {SLOT_OCTETS, SLOT_REASON},
    [SMPP_EVENT_CLOSE] = {SLOT_REASON},
    [KIND_ACCEPTED] = {SLOT_PDU, SLOT_WAITER, SLOT_SENT},
};

/* ---- what the caller keeps with a request, and the chunk ---- */

enum { CHUNK = 0 }; /* below the first place */

/* Pushes the table of the session at 1. */
static void push_own_table(lua_State *L, struct session *own) {
  if (!own->keeps) {
    lua_createtable(L, 2, 0);
    set_kept_table(L, 1);
    own->keeps = true;
  }
  push_kept_table(L, 1);
}

/* Keeps the chunk at |index| as long as the core borrows it. */
static void borrow_chunk(lua_State *L, struct session *own, int index) {
  push_own_table(L, own);
  lua_pushvalue(L, index);
  lua_rawseti(L, -2, CHUNK);
  lua_pop(L, 1);
  own->borrows = true;
}

/* The core has copied what was left of the chunk. */
static void release_chunk(lua_State *L, struct session *own) {
  own->borrows = false;
  push_kept_table(L, 1);
  lua_pushboolean(L, 0);
  lua_rawseti(L, -2, CHUNK);
  lua_pop(L, 1);
}

/* The request sent last by the session at 1 is in flight: keeps the values at |waiter| and |fields| for its event. */
static uint32_t keep_request(lua_State *L, struct session *own, int waiter, int fields) {
  int place = (int)smpp_session_newest_place(own->core);
  push_own_table(L, own);
  lua_pushvalue(L, waiter);
  lua_rawseti(L, -2, 2 * place + 1);
  lua_pushvalue(L, fields);
  lua_rawseti(L, -2, 2 * place + 2);
  lua_pop(L, 1);
  return (uint32_t)place;
}

/* Moves what is kept at |index| of the table |kept| onto the stack. */
static void push_kept(lua_State *L, int kept, int index) {
  if (lua_rawgeti(L, kept, index) == LUA_TNIL) { /* memory ran out before it was kept */
    lua_pop(L, 1);
    lua_pushboolean(L, 0);
    return;
  }
  lua_pushboolean(L, 0);
  lua_rawseti(L, kept, index);
}

/* |kept|: the table of what is kept, if the event is about a request of ours. */
static void push_slot(lua_State *L, const struct session *own, const struct smpp_event *event, enum slot slot, int kept) {
  switch (slot) {
    case SLOT_PDU:
      push_view(L, &event->pdu, own->number)->received = smpp_session_now(own->core);
      if (event->kind == SMPP_EVENT_STRAY) ((struct view *)lua_touserdata(L, -1))->answered = true; /* by the session */
      break;
    case SLOT_COMMAND_ID: push_u32(L, event->pdu.id); break;
    case SLOT_WAITER: push_kept(L, kept, 2 * (int)event->place + 1); break;
    case SLOT_FIELDS: push_kept(L, kept, 2 * (int)event->place + 2); break;
    case SLOT_ASKED: push_u32(L, event->asked_id); break;
    case SLOT_SENT:
      if (event->sent >= 0)
        lua_pushnumber(L, (lua_Number)event->sent);
      else
        lua_pushboolean(L, 0);
      break;
    case SLOT_STATUS: push_u32(L, event_status(event)); break;
    case SLOT_REFUSED: push_u32(L, event->status); break;
    case SLOT_FROM: lua_pushstring(L, smpp_state_name(event->from)); break;
    case SLOT_TO: lua_pushstring(L, smpp_state_name(event->to)); break;
    case SLOT_OCTETS: lua_pushlstring(L, (const char *)event->octets, event->length); break;
    case SLOT_REASON:
      if (event->reason != NULL)
        lua_pushstring(L, event->reason);
      else
        lua_pushboolean(L, 0);
      break;
    case SLOT_END: lua_pushnil(L); break;
  }
}

/* core.session_events: name -> { kind = its number, the names of what follows ... } */
void smpp_open_session(lua_State *L) {
  lua_createtable(L, 0, KINDS);
  for (int kind = 0; kind < KINDS; kind++) {
    lua_createtable(L, SLOTS_MAX, 1);
    lua_pushinteger(L, kind + 1);
    lua_setfield(L, -2, "kind");
    for (int i = 0; EVENTS[kind][i] != SLOT_END; i++) {
      lua_pushstring(L, slot_names[EVENTS[kind][i]]);
      lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, event_names[kind]);
  }
  lua_setfield(L, -2, "session_events");

  struct smpp_session_config config;
  smpp_session_defaults(&config, SMPP_MC);
  const struct {
    const char *name;
    lua_Number value;
  } defaults[] = {
      {"window", config.window},
      {"max_unanswered", config.max_unanswered},
      {"max_pdu_octets", config.max_pdu},
      {"response_timeout_s", config.response_s},
      {"enquire_link_s", config.enquire_link_s},
      {"enquire_link_response_s", config.enquire_link_response_s},
      {"inactivity_s", config.inactivity_s},
      {"bind_timeout_s", config.session_init_s},
      {"pdu_read_s", config.pdu_read_s},
  };
  size_t count = sizeof defaults / sizeof defaults[0];
  lua_createtable(L, 0, (int)count);
  for (size_t i = 0; i < count; i++) {
    lua_pushinteger(L, (lua_Integer)defaults[i].value);
    lua_setfield(L, -2, defaults[i].name);
  }
  lua_setfield(L, -2, "defaults");
}

static int kind_of(const struct smpp_event *event) {
  if (event->kind != SMPP_EVENT_RESPONSE || event->reason != NULL || event->pdu.status != 0 || event->pdu.id == SMPP_GENERIC_NACK)
    return (int)event->kind;
  return changes_state(event->asked_id) ? (int)event->kind : KIND_ACCEPTED;
}

/* Fills the array at |events|; pushes how many slots are taken, and whether poll has more of the same octets.  |chunk|: those, if the core
 * was fed with them just now, or 0. */
static int push_events(lua_State *L, struct smpp_session *s, int events, int chunk) {
  struct session *own = lua_touserdata(L, 1);
  struct smpp_event event;
  int n = 0, requests = 0, kept = 0;
  bool more = false;
  own->taking = true;
  while (!more && smpp_session_next(s, &event)) {
    if ((event.cookie & BATCH_COOKIE) != 0) {
      if (own->batch != NULL) batch_end(own->batch, &event);
      continue;
    }
    int kind = kind_of(&event);
    lua_pushinteger(L, kind + 1);
    lua_rawseti(L, events, ++n);
    if (kept == 0 && own->keeps) { /* before the first event about a request: those are kept before they can end */
      push_kept_table(L, 1);
      kept = lua_gettop(L);
    }
    for (const uint8_t *slot = EVENTS[kind]; *slot != SLOT_END; slot++) {
      push_slot(L, own, &event, (enum slot)*slot, kept);
      lua_rawseti(L, events, ++n);
    }
    if (kind == KIND_ACCEPTED) { /* nobody asks for the fields */
      lua_pushboolean(L, 0);
      lua_rawseti(L, kept, 2 * (int)event.place + 2);
    }
    if (event.kind == SMPP_EVENT_REQUEST) more = ++requests == REQUESTS_MAX || is_bind(event.pdu.id);
  }
  if (more && chunk != 0) borrow_chunk(L, own, chunk);
  if (!more) smpp_session_keep(s);
  if (!more && own->borrows) release_chunk(L, own);
  own->taking = false;
  lua_pushinteger(L, n);
  lua_pushboolean(L, more);
  return 2;
}

/* The session at 1, about to take events.  When an error (no memory, or on some Luas a finalizer that raises) has cut off
 * the call before, what that was given may be gone; or this call comes from a finalizer inside it.  So the session ends. */
static struct smpp_session *check_idle_session(lua_State *L) {
  struct smpp_session *s = check_session(L);
  const struct session *own = lua_touserdata(L, 1);
  if (own->taking) smpp_session_close(s, "interrupted by an error");
  return s;
}

static double check_now(lua_State *L, int arg) { return (double)luaL_checknumber(L, arg); }

/* session:receive(octets, now, events) -> slots filled, more: poll has the rest */
static int session_receive(lua_State *L) {
  struct smpp_session *s = check_idle_session(L);
  size_t length = 0;
  const char *octets = luaL_checklstring(L, 2, &length);
  luaL_checktype(L, 4, LUA_TTABLE);
  smpp_session_feed(s, (const uint8_t *)octets, length, check_now(L, 3));
  return push_events(L, s, 4, 2);
}

/* session:tick(now, events) -> slots filled, more */
static int session_tick(lua_State *L) {
  struct smpp_session *s = check_idle_session(L);
  luaL_checktype(L, 3, LUA_TTABLE);
  smpp_session_tick(s, check_now(L, 2));
  return push_events(L, s, 3, 0);
}

/* session:poll(events) -> slots filled, more: the rest of what receive got, or what other calls caused */
static int session_poll(lua_State *L) {
  struct smpp_session *s = check_idle_session(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  return push_events(L, s, 2, 0);
}

/* session:lost(reason), session:close(reason): reason must be one of a few words of ours */
static const char *static_reason(lua_State *L, int arg, const char *otherwise) {
  static const char *const reasons[] = {"connection lost", "closed by the peer", "closed", "shutting down", NULL};
  if (lua_isnoneornil(L, arg)) return otherwise;
  return reasons[luaL_checkoption(L, arg, NULL, reasons)];
}

static int session_lost(lua_State *L) {
  smpp_session_lost(check_session(L), static_reason(L, 2, "connection lost"));
  return 0;
}

static int session_close(lua_State *L) {
  smpp_session_close(check_session(L), static_reason(L, 2, "closed"));
  return 0;
}

static int push_refused(lua_State *L, const struct smpp_session *s, int error, const char *command) {
  if (error == SMPP_ERR_NOT_SENT) {
    lua_pushfstring(L, "%s not allowed in state %s%s", command, smpp_state_name(smpp_session_state(s)),
                    smpp_session_is_unbinding(s) ? " (unbinding)" : "");
    return push_error(L, error, lua_tostring(L, -1));
  }
  return push_error(L, error, NULL);
}

/* A request was sent: keeps waiter and fields, unless it has no response.  -> sequence_number, cookie */
static int push_sent(lua_State *L, const struct smpp_command *command, uint32_t sequence, int waiter, int fields) {
  uint32_t cookie = 0;
  if (command->response_id != 0) cookie = keep_request(L, lua_touserdata(L, 1), waiter, fields) + 1;
  push_u32(L, sequence);
  push_u32(L, cookie);
  return 2;
}

/* The octets of the PDU at |index|: a view, or a string; NULL: neither. */
static const uint8_t *request_octets(lua_State *L, int index, size_t *length) {
  if (lua_type(L, index) == LUA_TSTRING) return (const uint8_t *)lua_tolstring(L, index, length);
  const struct view *v = test_view(L, index);
  if (v == NULL) return NULL;
  *length = v->pdu.length;
  return v->pdu.octets;
}

/* session:request(command_id, fields or PDU, waiter, now) -> sequence_number, cookie | nil, message, code.  PDU: a view, or octets.  The
 * waiter, any value (nil: false), and the fields come with the event that ends the request; the cookie names it until then */
static int session_request(lua_State *L) {
  struct smpp_session *s = check_session(L);
  uint32_t sequence = 0;
  const struct smpp_command *command = smpp_command_by_id(declared_commands(L), check_u32(L, 2));
  luaL_argcheck(L, command != NULL, 2, "unknown command");
  luaL_checkany(L, 4);
  double now = check_now(L, 5);
  size_t length = 0;
  const uint8_t *octets = request_octets(L, 3, &length);
  int error = 0;
  if (octets != NULL && (length < SMPP_HEADER_OCTETS || smpp_get_u32(octets + 4) != command->id)) {
    lua_pushfstring(L, "command: expected %s, got a PDU of another", command->name);
    return push_error(L, SMPP_ERR_BAD_VALUE, lua_tostring(L, -1));
  } else if (octets != NULL) {
    error = smpp_session_request_octets(s, octets, length, 0, now, &sequence);
  } else {
    struct draft d;
    struct smpp_fault fault = {0};
    luaL_checktype(L, 3, LUA_TTABLE);
    int results = read_draft(L, 3, command, NULL, smpp_session_version(s), &d);
    if (results != 0) return results;
    error = smpp_session_request(s, &d.message, 0, now, &sequence, &fault);
    if (error != 0 && fault.text != NULL) return push_pdu_fault(L, error, &fault, &d);
  }
  if (error != 0) return push_refused(L, s, error, command->name);
  return push_sent(L, command, sequence, 4, 3);
}

/* session:ask(command_id, fields, task, now): what `request` does for a task that waits at once: sends, and yields; what the task is resumed
 * with are the results.  false, and nothing was done: the task is not the coroutine that calls this, the fields are not the usual
 * ones (read_usual) nor a PDU, or this cannot be sent, and `request` tells why. */
static int session_ask(lua_State *L) {
  struct smpp_session *s = check_session(L);
  double now = check_now(L, 5);
  uint32_t sequence = 0;
  int error = SMPP_ERR_BAD_VALUE;
  const struct smpp_command *command = smpp_command_by_id(declared_commands(L), check_u32(L, 2));
  if (command != NULL && command->response_id != 0 && lua_tothread(L, 4) == L) {
    if (lua_istable(L, 3)) {
      struct smpp_message message;
      struct smpp_fault fault;
      if (read_usual(L, 3, command, &message)) error = smpp_session_request(s, &message, 0, now, &sequence, &fault);
    } else {
      size_t length = 0;
      const uint8_t *octets = request_octets(L, 3, &length);
      if (octets != NULL && length >= SMPP_HEADER_OCTETS && smpp_get_u32(octets + 4) == command->id)
        error = smpp_session_request_octets(s, octets, length, 0, now, &sequence);
    }
  }
  if (error != 0) {
    lua_pushboolean(L, 0);
    return 1;
  }
  (void)keep_request(L, lua_touserdata(L, 1), 4, 3);
  return lua_yield(L, 0);
}

/* The octets of a text in one part, of GSM 7-bit, else UCS-2, as smpp.text.plan chooses without options; 0: it has more, or cannot be sent. */
static size_t encode_part(const char *text, size_t length, struct smpp_coding *coding, uint8_t *out) {
  struct smpp_text_fault fault = {0, 0, 0};
  size_t octets = 0, units = 0;
  int err = smpp_text_encode(coding, (const uint8_t *)text, length, 0, out, &octets, &units, &fault);
  if (err == SMPP_ERR_UNMAPPABLE) {
    coding->encoding = SMPP_UCS2;
    err = smpp_text_encode(coding, (const uint8_t *)text, length, 0, out, &octets, &units, &fault);
  }
  return err == 0 && units <= smpp_text_capacity(coding->encoding, 0) ? octets : 0;
}

enum { REPLY_TEXT_MAX = 3 * SMPP_REPLY_OCTETS_MAX }; /* octets of UTF-8 that one part can hold */

/* session:reply(view, text, waiter, now) -> as request: a submit_sm with this text, from where the deliver_sm was sent to, to its sender; the
 * fields of its event are the octets of that submit_sm.  Nothing: the text does not fit one part, or is empty */
static int session_reply(lua_State *L) {
  struct smpp_session *s = check_session(L);
  const struct view *v = check_view(L, 2);
  uint8_t out[2 * REPLY_TEXT_MAX + 4]; /* smpp_text_encode_bound */
  struct smpp_coding coding = {SMPP_GSM7, 0, 0};
  struct smpp_message message;
  struct smpp_fault fault = {0};
  size_t length = 0, before = 0, after = 0;
  uint32_t sequence = 0;
  const char *text = luaL_checklstring(L, 3, &length);
  luaL_checkany(L, 4);
  double now = check_now(L, 5);
  size_t octets = length <= REPLY_TEXT_MAX ? encode_part(text, length, &coding, out) : 0;
  if (octets == 0 || !smpp_reply_to(&v->pdu, out, (uint32_t)octets, (uint32_t)smpp_encoding_data_coding(coding.encoding), &message)) return 0;
  (void)smpp_session_output(s, &before);
  int error = smpp_session_request(s, &message, 0, now, &sequence, &fault);
  if (error != 0 && fault.text != NULL) return push_pdu_fault(L, error, &fault, NULL);
  if (error != 0) return push_refused(L, s, error, message.command->name);
  const uint8_t *output = smpp_session_output(s, &after);
  if (output != NULL && after > before) lua_pushlstring(L, (const char *)output + before, after - before);
  else lua_pushboolean(L, 0);
  return push_sent(L, message.command, sequence, 4, lua_gettop(L));
}

/* session:forward(view, changes or nil, waiter, now) -> as request; the fields of its event are the view */
static int session_forward(lua_State *L) {
  struct smpp_session *s = check_session(L);
  struct view *v = check_view(L, 2);
  luaL_checkany(L, 4);
  double now = check_now(L, 5);
  uint32_t sequence = 0;
  int error = 0;
  luaL_argcheck(L, v->pdu.command != NULL, 2, "unknown command");
  if (lua_isnoneornil(L, 3)) {
    error = smpp_session_request_octets(s, v->pdu.octets, v->pdu.length, 0, now, &sequence);
  } else {
    struct draft d;
    struct smpp_fault fault = {0};
    luaL_checktype(L, 3, LUA_TTABLE);
    int results = read_draft(L, 3, NULL, &v->pdu, smpp_session_version(s), &d);
    if (results != 0) return results;
    error = smpp_session_request(s, &d.message, 0, now, &sequence, &fault);
    if (error != 0 && fault.text != NULL) return push_pdu_fault(L, error, &fault, &d);
  }
  if (error != 0) return push_refused(L, s, error, v->pdu.command->name);
  return push_sent(L, v->pdu.command, sequence, 4, 2);
}

/* session:stop_waiting(cookie, waiter) -> true: the event of that request has no waiter any more; false: it is not its waiter */
static int session_stop_waiting(lua_State *L) {
  (void)check_session(L);
  const struct session *own = lua_touserdata(L, 1);
  uint32_t cookie = check_u32(L, 2);
  luaL_checkany(L, 3);
  bool same = false;
  if (own->keeps && cookie >= 1 && cookie <= INFLIGHT_MAX) {
    int index = 2 * ((int)cookie - 1) + 1;
    push_kept_table(L, 1);
    lua_rawgeti(L, -1, index);
    same = lua_toboolean(L, -1) && lua_rawequal(L, -1, 3);
    if (same) {
      lua_pushboolean(L, 0);
      lua_rawseti(L, -3, index);
    }
  }
  lua_pushboolean(L, same);
  return 1;
}

/* session:waiting() -> requests in flight that have a waiter */
static int session_waiting(lua_State *L) {
  const struct smpp_session *s = check_session(L);
  const struct session *own = lua_touserdata(L, 1);
  uint32_t count = 0, place = 0;
  if (own->keeps) {
    push_kept_table(L, 1);
    for (bool more = smpp_session_next_place(s, true, &place); more; more = smpp_session_next_place(s, false, &place)) {
      lua_rawgeti(L, -1, 2 * (int)place + 1);
      if (lua_toboolean(L, -1)) count++;
      lua_pop(L, 1);
    }
  }
  push_u32(L, count);
  return 1;
}

/* Has the session received this request, which has a response, and none was given yet? */
static bool awaits_answer(const struct session *own, const struct view *v) {
  return v->session == own->number && !v->answered && v->pdu.command != NULL && v->pdu.command->response_id != 0;
}

static void answered(lua_State *L, int index, struct view *v) {
  v->answered = true;
  if (v->spent) spare_view(L, index, v);
}

/* session:accept(pdu, result, now) -> true: answered with status 0, and the message_id if the result is a string; none: true, nil.  false: the
 * result is another, or this cannot be sent; nothing was done, and `answer` or `respond` tells why */
static int session_accept(lua_State *L) {
  struct smpp_session *s = check_session(L);
  const struct session *own = lua_touserdata(L, 1);
  struct view *v = check_view(L, 2);
  size_t length = 0;
  const char *message_id = "";
  double now = check_now(L, 4);
  int type = lua_type(L, 3);
  bool is_plain = type == LUA_TSTRING || type == LUA_TNIL || (type == LUA_TBOOLEAN && lua_toboolean(L, 3));
  if (type == LUA_TSTRING) message_id = lua_tolstring(L, 3, &length);
  bool sent = false;
  if (is_plain && awaits_answer(own, v)) {
    smpp_session_asked(s, v->pdu.id, v->received);
    sent = smpp_session_answer(s, v->pdu.id, v->pdu.sequence, 0, message_id, length, now) == 0;
  }
  if (sent) answered(L, 2, v);
  lua_pushboolean(L, sent);
  return 1;
}

/* A request that the session at 1 received. */
static struct view *check_request(lua_State *L, int arg) {
  struct view *v = check_view(L, arg);
  const struct session *own = lua_touserdata(L, 1);
  luaL_argcheck(L, v->session == own->number, arg, "this PDU was not received by this session");
  luaL_argcheck(L, v->pdu.command != NULL && v->pdu.command->response_id != 0, arg, "this PDU has no response");
  return v;
}

static int already_answered(lua_State *L, const struct view *v) {
  lua_pushfstring(L, "%s %s is already answered", v->pdu.command->name, u32_text(L, v->pdu.sequence));
  return push_error(L, SMPP_ERR_NOT_SENT, lua_tostring(L, -1));
}

/* session:answer(pdu, status or nil, message_id or nil, now) -> true | nil, message, code: each request once */
static int session_answer(lua_State *L) {
  struct smpp_session *s = check_session(L);
  struct view *v = check_request(L, 2);
  uint32_t status = 0;
  size_t length = 0;
  if (!lua_isnoneornil(L, 3) && !to_status(L, 3, &status)) {
    lua_pushfstring(L, "unknown command_status: %s", lua_isstring(L, 3) ? lua_tostring(L, 3) : luaL_typename(L, 3));
    return luaL_argerror(L, 3, lua_tostring(L, -1));
  }
  const char *message_id = luaL_optlstring(L, 4, "", &length);
  if (v->answered) return already_answered(L, v);
  if (status != 0 && length == 0 && v->pdu.id == SMPP_QUERY_SM && v->pdu.param_count > 0) { /* the id that was asked about */
    message_id = (const char *)v->pdu.octets + v->pdu.params[0].offset;
    length = v->pdu.params[0].length;
  }
  smpp_session_asked(s, v->pdu.id, v->received);
  int error = smpp_session_answer(s, v->pdu.id, v->pdu.sequence, status, message_id, length, check_now(L, 5));
  if (error != 0) {
    if (error == SMPP_ERR_TOO_LONG) {
      lua_pushfstring(L, "message_id too long: %d octets", (int)length);
      return push_error(L, error, lua_tostring(L, -1));
    }
    return push_error(L, error, NULL);
  }
  answered(L, 2, v);
  lua_pushboolean(L, 1);
  return 1;
}

/* session:respond(pdu, fields, now) -> true | nil, message, code: each request once */
static int session_respond(lua_State *L) {
  struct smpp_session *s = check_session(L);
  struct view *v = check_request(L, 2);
  struct draft d;
  struct smpp_fault fault = {0};
  luaL_checktype(L, 3, LUA_TTABLE);
  double now = check_now(L, 4);
  if (v->answered) return already_answered(L, v);
  const struct smpp_command *response = smpp_command_by_id(declared_commands(L), v->pdu.command->response_id);
  luaL_argcheck(L, response != NULL, 2, "unknown command in this session");
  int results = read_draft(L, 3, response, NULL, 0, &d);
  if (results != 0) return results;
  d.message.sequence = v->pdu.sequence;
  smpp_session_asked(s, v->pdu.id, v->received);
  int error = smpp_session_respond(s, &d.message, now, &fault);
  if (error != 0 && fault.text != NULL) {
    d.message.version = smpp_session_version(s);
    return push_pdu_fault(L, error, &fault, &d);
  }
  if (error != 0) return push_error(L, error, NULL);
  answered(L, 2, v);
  lua_pushboolean(L, 1);
  return 1;
}

/* session:is_answerable(pdu): this session received it, it has a response, and none was given yet */
static int session_is_answerable(lua_State *L) {
  (void)check_session(L);
  const struct session *own = lua_touserdata(L, 1);
  const struct view *v = check_view(L, 2);
  lua_pushboolean(L, awaits_answer(own, v));
  return 1;
}

/* session:unbind(drain_s, now) -> true | nil, message, code */
static int session_unbind(lua_State *L) {
  struct smpp_session *s = check_session(L);
  double drain_s = (double)luaL_checknumber(L, 2);
  int error = smpp_session_unbind(s, drain_s, check_now(L, 3));
  if (error != 0) return push_error(L, error, NULL);
  lua_pushboolean(L, 1);
  return 1;
}

/* session:output() -> octets to send, which the session forgets, or nil */
static int session_output(lua_State *L) {
  struct smpp_session *s = check_idle_session(L);
  struct session *own = lua_touserdata(L, 1);
  size_t length = 0;
  if (own->taking || smpp_session_output(s, &length) == NULL) return 0;
  smpp_buffer_take(&own->sending, smpp_buffer_length(&own->sending)); /* an error cut it off */
  own->taking = true;
  smpp_session_swap_output(s, &own->sending);
  lua_pushlstring(L, (const char *)own->sending.data + own->sending.start, length);
  smpp_buffer_take(&own->sending, length);
  own->taking = false;
  return 1;
}

/* session:unwritten(octets): those that it has given away last did not go out, and the connection is lost */
static int session_unwritten(lua_State *L) {
  struct smpp_session *s = check_session(L);
  size_t length = 0;
  const char *octets = luaL_checklstring(L, 2, &length);
  smpp_session_unwritten(s, (const uint8_t *)octets, length);
  return 0;
}

/* session:deadline() -> when to tick, or nil */
static int session_deadline(lua_State *L) {
  double deadline = smpp_session_deadline(check_session(L));
  if (deadline < 0) return 0;
  lua_pushnumber(L, (lua_Number)deadline);
  return 1;
}

static int session_state(lua_State *L) {
  lua_pushstring(L, smpp_state_name(smpp_session_state(check_session(L))));
  return 1;
}

/* session:info() -> { state, version, unbinding, in_flight, unanswered, memory_octets, bind_version, odd_bind_sequence, inside_pdu } */
static int session_info(lua_State *L) {
  const struct smpp_session *s = check_session(L);
  const struct session *own = lua_touserdata(L, 1);
  lua_createtable(L, 0, 9);
  lua_pushstring(L, smpp_state_name(smpp_session_state(s)));
  lua_setfield(L, -2, "state");
  lua_pushinteger(L, smpp_session_version(s));
  lua_setfield(L, -2, "version");
  lua_pushboolean(L, smpp_session_is_unbinding(s));
  lua_setfield(L, -2, "unbinding");
  push_u32(L, smpp_session_in_flight(s));
  lua_setfield(L, -2, "in_flight");
  push_u32(L, smpp_session_unanswered(s));
  lua_setfield(L, -2, "unanswered");
  lua_pushnumber(L, (lua_Number)(smpp_session_memory(s) + own->sending.capacity));
  lua_setfield(L, -2, "memory_octets");
  lua_pushinteger(L, smpp_session_bind_version(s));
  lua_setfield(L, -2, "bind_version");
  lua_pushboolean(L, smpp_session_has_odd_bind_sequence(s));
  lua_setfield(L, -2, "odd_bind_sequence");
  lua_pushboolean(L, smpp_session_is_inside_pdu(s));
  lua_setfield(L, -2, "inside_pdu");
  return 1;
}

/* session:in_flight() -> requests in the window */
static int session_in_flight(lua_State *L) {
  push_u32(L, smpp_session_in_flight(check_session(L)));
  return 1;
}

/* session:unanswered() -> requests of the peer without an answer of ours */
static int session_unanswered(lua_State *L) {
  push_u32(L, smpp_session_unanswered(check_session(L)));
  return 1;
}

/* session:set_window(n) */
static int session_set_window(lua_State *L) {
  uint32_t window = check_u32(L, 2);
  luaL_argcheck(L, window >= 1 && window <= 65535, 2, "window out of range: expected 1 to 65535");
  smpp_session_set_window(check_session(L), window);
  return 0;
}

/* session:set_tally(tally or nil): counts there from now on */
static int session_set_tally(lua_State *L) {
  struct smpp_session *s = check_session(L);
  smpp_session_set_tally(s, opt_tally(L, 2));
  return 0;
}

/* session:set_counts(counts or nil): counts there from now on */
static int session_set_counts(lua_State *L) {
  struct smpp_session *s = check_session(L);
  smpp_session_set_counts(s, opt_counts(L, 2));
  return 0;
}

/* session:set_max_unanswered(n): requests of the peer, an account's window */
static int session_set_max_unanswered(lua_State *L) {
  uint32_t count = check_u32(L, 2);
  luaL_argcheck(L, count >= 1, 2, "out of range: expected at least 1");
  smpp_session_set_max_unanswered(check_session(L), count);
  return 0;
}

const luaL_Reg session_methods[] = {
    {"receive", session_receive},   {"tick", session_tick},           {"poll", session_poll},
    {"lost", session_lost},         {"close", session_close},         {"request", session_request},
    {"forward", session_forward},   {"answer", session_answer},       {"respond", session_respond},
    {"accept", session_accept},     {"ask", session_ask},
    {"is_answerable", session_is_answerable}, {"unbind", session_unbind}, {"output", session_output},
    {"deadline", session_deadline}, {"state", session_state},         {"info", session_info},
    {"in_flight", session_in_flight}, {"unanswered", session_unanswered}, {"set_window", session_set_window},
    {"set_max_unanswered", session_set_max_unanswered}, {"set_tally", session_set_tally},
    {"set_counts", session_set_counts}, {"stop_waiting", session_stop_waiting}, {"waiting", session_waiting},
    {"send_batch", session_send_batch}, {"reply", session_reply}, {"unwritten", session_unwritten}, {NULL, NULL},
};
