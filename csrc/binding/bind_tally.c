/* bind_tally.c - core.tally(): what sessions count together (smpp/tally.h), for smpp.metrics. */
#include <string.h>

#include "binding.h"
#include "smpp/session.h"

static char metatable_key; /* its address is the key */

static struct smpp_tally **test_tally(lua_State *L, int index) {
  struct smpp_tally **t = lua_touserdata(L, index);
  if (t == NULL || !lua_getmetatable(L, index)) return NULL;
  lua_pushlightuserdata(L, &metatable_key);
  lua_rawget(L, LUA_REGISTRYINDEX);
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same && *t != NULL ? t : NULL;
}

struct smpp_tally *opt_tally(lua_State *L, int index) {
  if (lua_isnoneornil(L, index)) return NULL;
  struct smpp_tally **t = test_tally(L, index);
  if (t == NULL) luaL_error(L, "tally: expected one of core.tally()");
  return t != NULL ? *t : NULL;
}

static void set_count(lua_State *L, const char *name, uint64_t count) {
  push_u64(L, count);
  lua_setfield(L, -2, name);
}

static void push_row(lua_State *L, const struct smpp_tally_row *row) {
  lua_createtable(L, 0, 8);
  push_u32(L, row->command);
  lua_setfield(L, -2, "command_id");
  lua_pushstring(L, row->direction == SMPP_IN ? "in" : "out");
  lua_setfield(L, -2, "direction");
  set_count(L, "requests", row->requests);
  lua_pushnumber(L, (lua_Number)row->seconds);
  lua_setfield(L, -2, "seconds");
  lua_createtable(L, 0, (int)row->status_count);
  for (size_t i = 0; i < row->status_count; i++) {
    if (row->statuses[i].status == SMPP_TALLY_STATUS_OTHER)
      lua_pushliteral(L, "other");
    else
      push_u32(L, row->statuses[i].status);
    push_u64(L, row->statuses[i].count);
    lua_rawset(L, -3);
  }
  lua_setfield(L, -2, "statuses");
  lua_createtable(L, SMPP_TALLY_BOUNDS + 1, 0); /* buckets */
  lua_createtable(L, SMPP_TALLY_BOUNDS + 1, 0); /* latest */
  lua_createtable(L, SMPP_TALLY_BOUNDS + 1, 0); /* session */
  for (int i = 0; i <= SMPP_TALLY_BOUNDS; i++) {
    push_u64(L, row->buckets[i].count);
    lua_rawseti(L, -4, i + 1);
    lua_pushnumber(L, (lua_Number)row->buckets[i].latest);
    lua_rawseti(L, -3, i + 1);
    push_u32(L, row->buckets[i].session);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -4, "session");
  lua_setfield(L, -3, "latest");
  lua_setfield(L, -2, "buckets");
}

/* tally:read() -> { rows = { { command_id, direction, requests, seconds, statuses, buckets, latest, session } ... },
 * sessions = { OPEN = n ... }, ends = { reason = n }, problems = { name = n }, octets_in, octets_out, unknown, window_used,
 * window_limit } */
static int tally_read(lua_State *L) {
#define PROBLEM_NAME(name, text) text,
  static const char *const problems[] = {SMPP_PROBLEMS(PROBLEM_NAME)};
#undef PROBLEM_NAME
  struct smpp_tally **own = test_tally(L, 1);
  luaL_argcheck(L, own != NULL, 1, "expected a tally");
  const struct smpp_tally *t = *own;
  lua_createtable(L, 0, 9);
  set_count(L, "octets_in", t->octets[SMPP_IN]);
  set_count(L, "octets_out", t->octets[SMPP_OUT]);
  set_count(L, "unknown", t->unknown);
  set_count(L, "window_used", t->window_used);
  set_count(L, "window_limit", t->window_limit);
  lua_createtable(L, 0, SMPP_TALLY_STATES);
  for (int i = 0; i < SMPP_TALLY_STATES; i++) set_count(L, smpp_state_name((enum smpp_state)i), t->sessions[i]);
  lua_setfield(L, -2, "sessions");
  lua_createtable(L, 0, SMPP_PROBLEM_KINDS);
  for (int i = 0; i < SMPP_PROBLEM_KINDS; i++) set_count(L, problems[i], t->problems[i]);
  lua_setfield(L, -2, "problems");
  lua_createtable(L, 0, (int)t->end_count);
  for (size_t i = 0; i < t->end_count; i++) set_count(L, t->ends[i].reason, t->ends[i].count);
  lua_setfield(L, -2, "ends");
  lua_createtable(L, (int)t->row_count, 0);
  for (size_t i = 0; i < t->row_count; i++) {
    push_row(L, t->rows[i]);
    lua_rawseti(L, -2, (int)i + 1);
  }
  lua_setfield(L, -2, "rows");
  return 1;
}

static int tally_gc(lua_State *L) {
  struct smpp_tally **t = lua_touserdata(L, 1);
  smpp_tally_release(*t);
  *t = NULL;
  return 0;
}

static int tally_new(lua_State *L) {
  struct smpp_tally **t = lua_newuserdatauv(L, sizeof *t, 0);
  *t = NULL; /* __gc may run before there is one */
  lua_pushlightuserdata(L, &metatable_key);
  lua_rawget(L, LUA_REGISTRYINDEX);
  lua_setmetatable(L, -2);
  *t = smpp_tally_new();
  return *t != NULL ? 1 : luaL_error(L, "out of memory");
}

void smpp_open_tally(lua_State *L) {
  static const luaL_Reg methods[] = {{"read", tally_read}, {NULL, NULL}};
  lua_pushlightuserdata(L, &metatable_key);
  lua_createtable(L, 0, 4);
  lua_pushcfunction(L, tally_gc);
  lua_setfield(L, -2, "__gc");
  lua_pushliteral(L, "smpp.tally");
  lua_setfield(L, -2, "__name");
  lua_pushliteral(L, "smpp.tally");
  lua_setfield(L, -2, "__metatable"); /* keeps __gc out of reach */
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_rawset(L, LUA_REGISTRYINDEX);
  lua_pushcfunction(L, tally_new);
  lua_setfield(L, -2, "tally");
  lua_createtable(L, SMPP_TALLY_BOUNDS, 0);
  for (int i = 0; i < SMPP_TALLY_BOUNDS; i++) {
    lua_pushnumber(L, (lua_Number)smpp_tally_bounds[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "tally_bounds");
}
