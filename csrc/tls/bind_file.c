/* bind_file.c - file operations that Lua lacks: permissions of key files, and a key log
 * that only its owner can read. */
#define _POSIX_C_SOURCE 200809L /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tls.h"

/* is_readable_by_others(path) -> boolean */
static int is_readable_by_others(lua_State *L) {
  struct stat status;
  const char *path = luaL_checkstring(L, 1);
  lua_pushboolean(L, stat(path, &status) == 0 && (status.st_mode & (S_IRGRP | S_IROTH)) != 0);
  return 1;
}

/* append(path, octets) -> true | nil, message: creates with mode 0600, refuses symbolic links */
static int append(lua_State *L) {
  size_t length;
  const char *path = luaL_checkstring(L, 1), *octets = luaL_checklstring(L, 2, &length);
  int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
  int failed = fd < 0 || write(fd, octets, length) != (ssize_t)length ? errno : 0;
  if (fd >= 0) (void)close(fd);
  if (failed == 0) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", path, strerror(failed));
  return 2;
}

/* host_name() -> the name of this machine | nil */
static int host_name(lua_State *L) {
  char name[256];
  if (gethostname(name, sizeof name) != 0 || memchr(name, 0, sizeof name) == NULL || name[0] == 0) return 0;
  lua_pushstring(L, name);
  return 1;
}

void tls_open_file(lua_State *L) {
  static const luaL_Reg functions[] = {{"is_readable_by_others", is_readable_by_others}, {"append", append}, {"host_name", host_name}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
