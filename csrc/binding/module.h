/* module.h - what each C module begins with: the mark of its exported function, and the classes of its objects. */
#ifndef SMPP_MODULE_H
#define SMPP_MODULE_H

#include "lua_compat.h"

#if defined(__GNUC__)
#define SMPP_EXPORT __attribute__((visibility("default")))
#else
#define SMPP_EXPORT
#endif

/* Makes the metatable `name` for userdata: their methods, gc at their end (NULL: nothing to free), and the metatable itself
 * out of reach of scripts.  Pushes nothing. */
static inline void new_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction gc) {
  (void)luaL_newmetatable(L, name);
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_setfield(L, -2, "__index");
  if (gc != NULL) {
    lua_pushcfunction(L, gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

#endif
