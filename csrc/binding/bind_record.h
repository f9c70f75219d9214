/* bind_record.h - adds core.record. */
#ifndef SMPP_BIND_RECORD_H
#define SMPP_BIND_RECORD_H

#include "lua_compat.h"

/* Adds its function to the module, which is on top. */
void smpp_open_record(lua_State *L);

#endif
