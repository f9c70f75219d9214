/* lua_compat.h - the one file that looks at LUA_VERSION_NUM.  The binding is
 * written against Lua 5.4; what 5.1, 5.2, 5.3 and LuaJIT lack is made up here. */
#ifndef SMPP_LUA_COMPAT_H
#define SMPP_LUA_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

#if LUA_VERSION_NUM < 502
#define lua_rawlen lua_objlen

static inline int lua_absindex(lua_State *L, int index) {
  return index > 0 || index <= LUA_REGISTRYINDEX ? index : lua_gettop(L) + index + 1;
}

static inline void smpp_setfuncs(lua_State *L, const luaL_Reg *l, int nup) {
  luaL_checkstack(L, nup + 1, "too many upvalues");
  for (; l->name != NULL; l++) {
    for (int i = 0; i < nup; i++) lua_pushvalue(L, -nup);
    lua_pushcclosure(L, l->func, nup);
    lua_setfield(L, -(nup + 2), l->name);
  }
  lua_pop(L, nup);
}
#define luaL_setfuncs smpp_setfuncs

static inline void smpp_setmetatable(lua_State *L, const char *name) {
  luaL_getmetatable(L, name);
  lua_setmetatable(L, -2);
}
#define luaL_setmetatable smpp_setmetatable

#undef luaL_newlib
#define luaL_newlib(L, l)                                     \
  (lua_createtable(L, 0, (int)(sizeof(l) / sizeof(*(l))) - 1), \
   luaL_setfuncs(L, l, 0))
#endif

#if LUA_VERSION_NUM < 503
/* Before 5.3 these return nothing. */
static inline int smpp_getfield(lua_State *L, int index, const char *key) {
  lua_getfield(L, index, key);
  return lua_type(L, -1);
}
#define lua_getfield(L, i, k) smpp_getfield(L, i, k)
static inline int smpp_rawget(lua_State *L, int index) {
  lua_rawget(L, index);
  return lua_type(L, -1);
}
#define lua_rawget(L, i) smpp_rawget(L, i)
static inline int smpp_rawgeti(lua_State *L, int index, int n) {
  lua_rawgeti(L, index, n);
  return lua_type(L, -1);
}
#define lua_rawgeti(L, i, n) smpp_rawgeti(L, i, (int)(n))
#endif

#if LUA_VERSION_NUM < 504
#define lua_newuserdatauv(L, size, n) lua_newuserdata(L, size)
#endif

/* The table that a userdata keeps: pushes it, or sets it from the top of the stack.  Before the first set there is none. */
#if LUA_VERSION_NUM >= 504
#define push_kept_table(L, index) ((void)lua_getiuservalue(L, index, 1))
#define set_kept_table(L, index) ((void)lua_setiuservalue(L, index, 1))
#elif LUA_VERSION_NUM >= 502
#define push_kept_table(L, index) lua_getuservalue(L, index)
#define set_kept_table(L, index) lua_setuservalue(L, index)
#else
#define push_kept_table(L, index) lua_getfenv(L, index)
#define set_kept_table(L, index) ((void)lua_setfenv(L, index))
#endif

#endif
