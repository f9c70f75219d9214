/* bind_session.h - a session in Lua, shared by bind_session.c, bind_session_events.c and bind_session_request.c. */
#ifndef SMPP_BIND_SESSION_H
#define SMPP_BIND_SESSION_H

#include "binding.h"
#include "smpp/buffer.h"
#include "smpp/session.h"

struct session {
  struct smpp_session *core; /* NULL once collected */
  double number;             /* never that of another: an address may be used again */
  bool keeps;                /* it has a table: waiter and fields of each request in flight, by its place */
  bool taking;               /* events or octets are being handed over */
  bool borrows;              /* octets that the core has not come to are in the string at 0 of that table */
  struct smpp_buffer sending; /* octets that are: a finalizer may add to the session's own meanwhile */
  struct batch *batch;        /* which gets the outcomes of its requests, or NULL */
};

/* The session at argument 1; raises on anything else. */
static inline struct smpp_session *check_session(lua_State *L) {
  const struct session *s = lua_touserdata(L, 1);
  if (s == NULL || !lua_getmetatable(L, 1) || !lua_rawequal(L, -1, lua_upvalueindex(UP_SESSION)) || s->core == NULL) {
    luaL_argerror(L, 1, "expected a session");
    return NULL;
  }
  lua_pop(L, 1);
  return s->core;
}

/* The session at 1, about to take events.  When an error (no memory, or on some Luas a finalizer that raises) has cut off
 * the call before, what that was given may be gone; or this call comes from a finalizer inside it.  So the session ends. */
struct smpp_session *check_idle_session(lua_State *L);

static inline double check_now(lua_State *L, int arg) { return (double)luaL_checknumber(L, arg); }

/* Pushes the table of the session at 1: waiter and fields of the request in flight at place p at 2p + 1 and 2p + 2, from place 0, and at 0 a
 * chunk. */
void push_own_table(lua_State *L, struct session *own);

/* Pushes core.session_events: name -> { kind = its number, the names of what follows ... } */
void push_session_events(lua_State *L);

/* Methods (bind_session_events.c). */
int session_receive(lua_State *L);
int session_tick(lua_State *L);
int session_poll(lua_State *L);

/* Methods (bind_session_request.c). */
int session_request(lua_State *L);
int session_ask(lua_State *L);
int session_reply(lua_State *L);
int session_forward(lua_State *L);
int session_stop_waiting(lua_State *L);
int session_waiting(lua_State *L);

#endif
