/* bind_prefix.h - core.prefixes: which prefixes does a number begin with? */
#ifndef SMPP_BIND_PREFIX_H
#define SMPP_BIND_PREFIX_H

#include "lua_compat.h"

/* Adds the table to the module, which is on top. */
void smpp_open_prefix(lua_State *L);

#endif
