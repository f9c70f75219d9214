/* sqlite.h - shared by the files of smpp.sqlite. */
#ifndef SMPP_SQLITE_H
#define SMPP_SQLITE_H

#include "binding/module.h"

/* Each adds its functions to the module, which is on top. */
void sqlite_open_database(lua_State *L);
void sqlite_open_worker(lua_State *L);

#endif
