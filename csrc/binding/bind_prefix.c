/* bind_prefix.c - core.prefixes: a trie of prefixes, each with a number of the caller's. */
#include "bind_prefix.h"

#include "binding.h"
#include "smpp/prefix.h"

#define PREFIXES_T "smpp.prefixes"

static struct smpp_prefixes *check_prefixes(lua_State *L) { return luaL_checkudata(L, 1, PREFIXES_T); }

/* new() -> an empty set of prefixes */
static int prefixes_new(lua_State *L) {
  struct smpp_prefixes *p = lua_newuserdatauv(L, sizeof *p, 0);
  smpp_prefixes_init(p);
  luaL_setmetatable(L, PREFIXES_T);
  return 1;
}

static int prefixes_gc(lua_State *L) {
  smpp_prefixes_clear(check_prefixes(L));
  return 0;
}

/* prefixes:add(prefix, value) -> true; nil, message, code */
static int prefixes_add(lua_State *L) {
  struct smpp_prefixes *p = check_prefixes(L);
  size_t length;
  const char *prefix = luaL_checklstring(L, 2, &length);
  int err = smpp_prefixes_add(p, (const uint8_t *)prefix, length, check_u32(L, 3));
  if (err != 0) return push_error(L, err, err == SMPP_ERR_TOO_LONG ? "prefix longer than 21 octets" : NULL);
  lua_pushboolean(L, 1);
  return 1;
}

/* Freezes what was added since the last search.  0, or the count of values pushed. */
static int freeze(lua_State *L, struct smpp_prefixes *p) {
  int err = smpp_prefixes_freeze(p);
  return err == 0 ? 0 : push_error(L, err, NULL);
}

/* prefixes:find(number, list) -> count: the values of all prefixes that |number| begins with, the shortest first, into |list| */
static int prefixes_find(lua_State *L) {
  struct smpp_prefixes *p = check_prefixes(L);
  size_t length, octets;
  const char *number = luaL_checklstring(L, 2, &length);
  luaL_checktype(L, 3, LUA_TTABLE);
  int failed = freeze(L, p), count = 0;
  if (failed != 0) return failed;
  struct smpp_prefix_search search;
  uint32_t value;
  smpp_prefix_search(&search, p, (const uint8_t *)number, length);
  while (smpp_prefix_next(&search, &value, &octets)) {
    push_u32(L, value);
    lua_rawseti(L, 3, ++count);
  }
  lua_pushinteger(L, count);
  return 1;
}

/* prefixes:longest(number) -> value, octets of the longest prefix that |number| begins with; nil: none */
static int prefixes_longest(lua_State *L) {
  struct smpp_prefixes *p = check_prefixes(L);
  size_t length, octets = 0;
  const char *number = luaL_checklstring(L, 2, &length);
  int failed = freeze(L, p);
  if (failed != 0) return failed;
  struct smpp_prefix_search search;
  uint32_t value = 0;
  bool found = false;
  smpp_prefix_search(&search, p, (const uint8_t *)number, length);
  while (smpp_prefix_next(&search, &value, &octets)) found = true;
  if (!found) return 0;
  push_u32(L, value);
  lua_pushinteger(L, (lua_Integer)octets);
  return 2;
}

static int prefixes_count(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_prefixes(L)->key_count);
  return 1;
}

/* prefixes:memory() -> octets */
static int prefixes_memory(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)smpp_prefixes_memory(check_prefixes(L)));
  return 1;
}

void smpp_open_prefix(lua_State *L) {
  static const luaL_Reg methods[] = {{"add", prefixes_add},         {"find", prefixes_find},
                                     {"longest", prefixes_longest}, {"count", prefixes_count},
                                     {"memory", prefixes_memory},   {NULL, NULL}};
  new_class(L, PREFIXES_T, methods, prefixes_gc);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, prefixes_new);
  lua_setfield(L, -2, "new");
  lua_setfield(L, -2, "prefixes");
}
