/* sqlite.c - luaopen_smpp_sqlite: puts the module together. */
#include "sqlite.h"

#include <sqlite3.h>

/* version() -> the version of the SQLite that runs, "3.40.1" */
static int version(lua_State *L) {
  lua_pushstring(L, sqlite3_libversion());
  return 1;
}

SMPP_EXPORT int luaopen_smpp_sqlite(lua_State *L);

int luaopen_smpp_sqlite(lua_State *L) {
  static const luaL_Reg functions[] = {{"version", version}, {NULL, NULL}};
  luaL_newlib(L, functions);
  sqlite_open_database(L);
  sqlite_open_worker(L);
  return 1;
}
