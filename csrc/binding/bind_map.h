/* bind_map.h - adds core.map. */
#ifndef SMPP_BIND_MAP_H
#define SMPP_BIND_MAP_H

#include "lua_compat.h"

/* Adds its table to the module, which is on top. */
void smpp_open_map(lua_State *L);

#endif
