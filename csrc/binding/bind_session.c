/* bind_session.c - sessions in Lua: their options, answers, output and state. */
#include <string.h>

#include "bind_batch.h"
#include "bind_session.h"

#define MOST_EXACT 9007199254740992.0 /* 2^53 */

struct smpp_session *check_batch_session(lua_State *L, struct batch *b) {
  struct smpp_session *core = check_session(L);
  struct session *s = lua_touserdata(L, 1);
  if (s->batch == NULL) s->batch = batch_keep(b);
  luaL_argcheck(L, s->batch == b, 2, "the session has requests of another batch");
  return core;
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
void smpp_open_session(lua_State *L) {
  push_session_events(L);
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

struct smpp_session *check_idle_session(lua_State *L) {
  struct smpp_session *s = check_session(L);
  const struct session *own = lua_touserdata(L, 1);
  if (own->taking) smpp_session_close(s, "interrupted by an error");
  return s;
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
