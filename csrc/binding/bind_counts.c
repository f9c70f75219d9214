/* bind_counts.c - core.counts(): what the owner of sessions counts of its requests (smpp/counts.h), for smpp.base.stats. */
#include "smpp/counts.h"

#include "binding.h"

static char metatable_key; /* its address is the key */

static struct smpp_counts **test_counts(lua_State *L, int index) {
  struct smpp_counts **c = lua_touserdata(L, index);
  if (c == NULL || !lua_getmetatable(L, index)) return NULL;
  lua_pushlightuserdata(L, &metatable_key);
  lua_rawget(L, LUA_REGISTRYINDEX);
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same && *c != NULL ? c : NULL;
}

struct smpp_counts *opt_counts(lua_State *L, int index) {
  if (lua_isnoneornil(L, index)) return NULL;
  struct smpp_counts **c = test_counts(L, index);
  if (c == NULL) luaL_error(L, "counts: expected one of core.counts()");
  return c != NULL ? *c : NULL;
}

/* counts:take() -> { requests, responses, answered, unknown, seconds, slowest, buckets = { ... } } since the last call, or nil: nothing */
static int counts_take(lua_State *L) {
  struct smpp_counts **own = test_counts(L, 1);
  luaL_argcheck(L, own != NULL, 1, "expected counts");
  const struct smpp_counts taken = **own, *c = &taken;
  if (c->requests == 0 && c->responses == 0 && c->unknown == 0) return 0;
  smpp_counts_clear(*own); /* at once: a finalizer that runs below may count */
  lua_createtable(L, 0, 7);
  lua_createtable(L, SMPP_COUNTS_BOUNDS + 1, 0);
  for (int i = 0; i <= SMPP_COUNTS_BOUNDS; i++) {
    push_u64(L, c->buckets[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "buckets");
  push_u64(L, c->requests);
  lua_setfield(L, -2, "requests");
  push_u64(L, c->responses);
  lua_setfield(L, -2, "responses");
  push_u64(L, c->answered);
  lua_setfield(L, -2, "answered");
  push_u64(L, c->unknown);
  lua_setfield(L, -2, "unknown");
  lua_pushnumber(L, (lua_Number)c->seconds);
  lua_setfield(L, -2, "seconds");
  lua_pushnumber(L, (lua_Number)c->slowest);
  lua_setfield(L, -2, "slowest");
  return 1;
}

static int counts_gc(lua_State *L) {
  struct smpp_counts **c = lua_touserdata(L, 1);
  smpp_counts_release(*c);
  *c = NULL;
  return 0;
}

static int counts_new(lua_State *L) {
  struct smpp_counts **c = lua_newuserdatauv(L, sizeof *c, 0);
  *c = NULL; /* __gc may run before there is one */
  lua_pushlightuserdata(L, &metatable_key);
  lua_rawget(L, LUA_REGISTRYINDEX);
  lua_setmetatable(L, -2);
  *c = smpp_counts_new();
  return *c != NULL ? 1 : luaL_error(L, "out of memory");
}

void smpp_open_counts(lua_State *L) {
  static const luaL_Reg methods[] = {{"take", counts_take}, {NULL, NULL}};
  lua_pushlightuserdata(L, &metatable_key);
  lua_createtable(L, 0, 4);
  lua_pushcfunction(L, counts_gc);
  lua_setfield(L, -2, "__gc");
  lua_pushliteral(L, "smpp.counts");
  lua_setfield(L, -2, "__name");
  lua_pushliteral(L, "smpp.counts");
  lua_setfield(L, -2, "__metatable"); /* keeps __gc out of reach */
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_rawset(L, LUA_REGISTRYINDEX);
  lua_pushcfunction(L, counts_new);
  lua_setfield(L, -2, "counts");
  lua_createtable(L, SMPP_COUNTS_BOUNDS, 0);
  for (int i = 0; i < SMPP_COUNTS_BOUNDS; i++) {
    lua_pushnumber(L, (lua_Number)smpp_counts_bounds[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "counts_bounds");
}
