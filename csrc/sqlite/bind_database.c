/* bind_database.c - a database of SQLite and its statements: what the store needs of them. */
#include <math.h>
#include <sqlite3.h>
#include <string.h>

#include "sqlite.h"

#define DATABASE_T "smpp.sqlite.database"
#define STATEMENT_T "smpp.sqlite.statement"

struct database {
  sqlite3 *handle;
};

struct statement {
  sqlite3_stmt *handle;
};

static int push_failure(lua_State *L, sqlite3 *handle, int code) {
  lua_pushnil(L);
  lua_pushstring(L, handle != NULL ? sqlite3_errmsg(handle) : sqlite3_errstr(code));
  lua_pushinteger(L, code);
  return 3;
}

/* open(path) -> database; nil, message, code */
static int database_open(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  struct database *db = lua_newuserdatauv(L, sizeof *db, 0);
  db->handle = NULL;
  luaL_setmetatable(L, DATABASE_T);
  int code = sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
  if (code == SQLITE_OK) return 1;
  int results = push_failure(L, db->handle, code);
  (void)sqlite3_close_v2(db->handle);
  db->handle = NULL;
  return results;
}

static struct database *check_database(lua_State *L) {
  struct database *db = luaL_checkudata(L, 1, DATABASE_T);
  if (db->handle == NULL) luaL_error(L, "the database is closed");
  return db;
}

/* sqlite3_close_v2: the connection stays open until its last prepared statement is finalized. */
static int database_close(lua_State *L) {
  struct database *db = luaL_checkudata(L, 1, DATABASE_T);
  (void)sqlite3_close_v2(db->handle);
  db->handle = NULL;
  return 0;
}

/* db:exec(sql) -> true; nil, message, code */
static int database_exec(lua_State *L) {
  struct database *db = check_database(L);
  int code = sqlite3_exec(db->handle, luaL_checkstring(L, 2), NULL, NULL, NULL);
  if (code != SQLITE_OK) return push_failure(L, db->handle, code);
  lua_pushboolean(L, 1);
  return 1;
}

/* db:busy(ms): the busy timeout, how long a statement waits for a lock of another connection or process (SQLITE_BUSY) */
static int database_busy(lua_State *L) {
  struct database *db = check_database(L);
  (void)sqlite3_busy_timeout(db->handle, (int)luaL_checkinteger(L, 2));
  return 0;
}

/* db:prepare(sql) -> statement; nil, message, code */
static int database_prepare(lua_State *L) {
  struct database *db = check_database(L);
  size_t length;
  const char *sql = luaL_checklstring(L, 2, &length);
  struct statement *s = lua_newuserdatauv(L, sizeof *s, 0);
  s->handle = NULL;
  luaL_setmetatable(L, STATEMENT_T);
  int code = sqlite3_prepare_v2(db->handle, sql, (int)length, &s->handle, NULL);
  return code == SQLITE_OK ? 1 : push_failure(L, db->handle, code);
}

static struct statement *check_statement(lua_State *L) {
  struct statement *s = luaL_checkudata(L, 1, STATEMENT_T);
  if (s->handle == NULL) luaL_error(L, "the statement is closed");
  return s;
}

static int statement_gc(lua_State *L) {
  struct statement *s = luaL_checkudata(L, 1, STATEMENT_T);
  (void)sqlite3_finalize(s->handle);
  s->handle = NULL;
  return 0;
}

/* Binds the arguments from the second on; strings stay the caller's until the statement is reset. */
static void bind_arguments(lua_State *L, sqlite3_stmt *s) {
  int count = lua_gettop(L) - 1;
  for (int i = 1; i <= count; i++) {
    size_t length;
    const char *text;
    lua_Number number;
    switch (lua_type(L, i + 1)) {
    case LUA_TNUMBER:
      number = lua_tonumber(L, i + 1);
      if ((double)number == floor((double)number) && fabs((double)number) <= 9007199254740992.0)
        (void)sqlite3_bind_int64(s, i, (sqlite3_int64)number);
      else
        (void)sqlite3_bind_double(s, i, (double)number);
      break;
    case LUA_TSTRING:
      text = lua_tolstring(L, i + 1, &length);
      (void)sqlite3_bind_text(s, i, text, (int)length, SQLITE_STATIC);
      break;
    default: (void)sqlite3_bind_null(s, i);
    }
  }
}

static void push_column(lua_State *L, sqlite3_stmt *s, int i) {
  sqlite3_int64 whole;
  switch (sqlite3_column_type(s, i)) {
  case SQLITE_INTEGER:
    whole = sqlite3_column_int64(s, i);
#if LUA_VERSION_NUM >= 503
    lua_pushinteger(L, (lua_Integer)whole);
#else
    lua_pushnumber(L, (lua_Number)whole);
#endif
    break;
  case SQLITE_FLOAT: lua_pushnumber(L, (lua_Number)sqlite3_column_double(s, i)); break;
  case SQLITE_NULL: lua_pushnil(L); break;
  default: {
    const void *octets = sqlite3_column_blob(s, i);
    lua_pushlstring(L, octets != NULL ? octets : "", (size_t)sqlite3_column_bytes(s, i));
  }
  }
}

/* Resets the statement and clears its bindings; pushes the error, if there was one. */
static int finish(lua_State *L, sqlite3_stmt *s, int code) {
  sqlite3 *db = sqlite3_db_handle(s);
  int results = code == SQLITE_DONE || code == SQLITE_ROW ? 0 : push_failure(L, db, code);
  (void)sqlite3_reset(s);
  (void)sqlite3_clear_bindings(s);
  return results;
}

/* stmt:run(...) -> count of rows changed, rowid of the last insertion; nil, message, code */
static int statement_run(lua_State *L) {
  struct statement *s = check_statement(L);
  bind_arguments(L, s->handle);
  int code = sqlite3_step(s->handle);
  sqlite3 *db = sqlite3_db_handle(s->handle);
  int failed = finish(L, s->handle, code);
  if (failed != 0) return failed;
  lua_pushnumber(L, (lua_Number)sqlite3_changes(db));
  lua_pushnumber(L, (lua_Number)sqlite3_last_insert_rowid(db));
  return 2;
}

/* stmt:row(...) -> the columns of the first row; nothing: no row matches; nil, message, code: it failed */
static int statement_row(lua_State *L) {
  struct statement *s = check_statement(L);
  bind_arguments(L, s->handle);
  int code = sqlite3_step(s->handle), columns = 0;
  if (code == SQLITE_ROW) {
    columns = sqlite3_column_count(s->handle);
    luaL_checkstack(L, columns, "too many columns");
    for (int i = 0; i < columns; i++) push_column(L, s->handle, i);
  }
  int failed = finish(L, s->handle, code);
  return failed != 0 ? failed : columns;
}

/* stmt:all(...) -> list of all columns of all rows, one after the other; nil, message, code */
static int statement_all(lua_State *L) {
  struct statement *s = check_statement(L);
  int code, n = 0;
  bind_arguments(L, s->handle);
  lua_newtable(L);
  while ((code = sqlite3_step(s->handle)) == SQLITE_ROW) {
    int columns = sqlite3_column_count(s->handle);
    for (int i = 0; i < columns; i++) {
      push_column(L, s->handle, i);
      lua_rawseti(L, -2, ++n);
    }
  }
  int failed = finish(L, s->handle, code);
  return failed != 0 ? failed : 1;
}

void sqlite_open_database(lua_State *L) {
  static const luaL_Reg database[] = {{"exec", database_exec},
                                      {"busy", database_busy},
                                      {"prepare", database_prepare},
                                      {"close", database_close},
                                      {NULL, NULL}};
  static const luaL_Reg statement[] = {{"run", statement_run},
                                       {"row", statement_row},
                                       {"all", statement_all},
                                       {"close", statement_gc},
                                       {NULL, NULL}};
  new_class(L, DATABASE_T, database, database_close);
  new_class(L, STATEMENT_T, statement, statement_gc);
  lua_pushcfunction(L, database_open);
  lua_setfield(L, -2, "open");
}
