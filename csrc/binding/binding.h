/* binding.h - what the files of the binding share.  Lua C API only: protocol
 * knowledge stays in csrc/smpp. */
#ifndef SMPP_BINDING_H
#define SMPP_BINDING_H

#include <stdint.h>

#include "lua_compat.h"

/* Each group of functions adds its table to the module, which is on top. */
void smpp_open_pdu(lua_State *L);
void smpp_open_protocol(lua_State *L);
void smpp_open_session(lua_State *L);
void smpp_open_text(lua_State *L);
void smpp_open_receipt(lua_State *L);

/* Pushes nil, message, code name; returns 3.  |message| NULL: the error's own text. */
int push_error(lua_State *L, int error, const char *message);

/* 32-bit wire numbers: a lua_Integer may be 32 bits before 5.3. */
static inline void push_u32(lua_State *L, uint32_t v) {
#if LUA_VERSION_NUM >= 503
  lua_pushinteger(L, (lua_Integer)v);
#else
  lua_pushnumber(L, (lua_Number)v);
#endif
}

/* Raises unless argument |arg| is a whole number from 0 to 0xFFFFFFFF. */
uint32_t check_u32(lua_State *L, int arg);

/* A whole number from 0 to 0xFFFFFFFF at |index|?  Never raises. */
int to_u32(lua_State *L, int index, uint32_t *out);

#endif
