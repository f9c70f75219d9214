/* core.c - luaopen_smpp_core: puts the module together. */
#include "bind_record.h"
#include "binding.h"
#include "smpp/error.h"

int push_error(lua_State *L, int error, const char *message) {
  lua_pushnil(L);
  lua_pushstring(L, message != NULL ? message : smpp_error_text(error));
  lua_pushstring(L, smpp_error_name(error));
  return 3;
}

int to_u32(lua_State *L, int index, uint32_t *out) {
  if (lua_type(L, index) != LUA_TNUMBER) return 0;
  lua_Number n = lua_tonumber(L, index);
  if (!(n >= 0 && n <= 4294967295.0)) return 0;
  uint32_t v = (uint32_t)n;
  if ((lua_Number)v != n) return 0;
  *out = v;
  return 1;
}

uint32_t check_u32(lua_State *L, int arg) {
  uint32_t v = 0;
  luaL_checktype(L, arg, LUA_TNUMBER);
  luaL_argcheck(L, to_u32(L, arg, &v), arg, "whole number from 0 to 0xFFFFFFFF expected");
  return v;
}

#if defined(__GNUC__)
#define SMPP_EXPORT __attribute__((visibility("default")))
#else
#define SMPP_EXPORT
#endif

SMPP_EXPORT int luaopen_smpp_core(lua_State *L);

int luaopen_smpp_core(lua_State *L) {
  lua_createtable(L, 0, 9);
  smpp_open_codec(L);
  smpp_open_protocol(L);
  smpp_open_text(L);
  smpp_open_receipt(L);
  smpp_open_record(L);
  smpp_open_session(L);
  return 1;
}
