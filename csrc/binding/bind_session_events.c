/* bind_session_events.c - what a session reports to Lua: one flat array of events.
 *
 * Events of one call stand one after the other in a table that Lua reuses, each
 * as its kind and what EVENTS below lists for it.  A missing reason is false,
 * and the command_status of a generic_nack is never 0: a nack without a reason
 * is ESME_RUNKNOWNERR. */
#include "bind_batch.h"
#include "bind_session.h"

uint32_t event_status(const struct smpp_event *event) {
  return event->pdu.id == SMPP_GENERIC_NACK && event->pdu.status == 0 ? 0xFF : event->pdu.status;
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

void push_own_table(lua_State *L, struct session *own) {
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
void push_session_events(lua_State *L) {
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
/* session:receive(octets, now, events) -> slots filled, more: poll has the rest */
int session_receive(lua_State *L) {
  struct smpp_session *s = check_idle_session(L);
  size_t length = 0;
  const char *octets = luaL_checklstring(L, 2, &length);
  luaL_checktype(L, 4, LUA_TTABLE);
  smpp_session_feed(s, (const uint8_t *)octets, length, check_now(L, 3));
  return push_events(L, s, 4, 2);
}

/* session:tick(now, events) -> slots filled, more */
int session_tick(lua_State *L) {
  struct smpp_session *s = check_idle_session(L);
  luaL_checktype(L, 3, LUA_TTABLE);
  smpp_session_tick(s, check_now(L, 2));
  return push_events(L, s, 3, 0);
}

/* session:poll(events) -> slots filled, more: the rest of what receive got, or what other calls caused */
int session_poll(lua_State *L) {
  struct smpp_session *s = check_idle_session(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  return push_events(L, s, 2, 0);
}
