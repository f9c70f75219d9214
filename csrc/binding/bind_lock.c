/* bind_lock.c - core.lock: a file that one process has at a time. */
#define _POSIX_C_SOURCE 200809L /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binding.h"

#define LOCK_T "smpp.CoreLock"

struct lock {
  int fd; /* -1: closed */
};

static int lock_close(lua_State *L) {
  struct lock *lock = luaL_checkudata(L, 1, LOCK_T);
  if (lock->fd >= 0) (void)close(lock->fd); /* which gives the lock up */
  lock->fd = -1;
  return 0;
}

/* lock(path) -> lock | nil, message, "busy": another has it.  The file is made if it is missing, and stays.  The lock ends with
 * the object, or with the process, however that ends; programs that it starts do not inherit it. */
static int lock_new(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  struct lock *lock = lua_newuserdatauv(L, sizeof *lock, 0);
  lock->fd = -1;
  luaL_setmetatable(L, LOCK_T);
  lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
  if (lock->fd >= 0 && flock(lock->fd, LOCK_EX | LOCK_NB) == 0) return 1;
  int failed = errno;
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", path, strerror(failed));
  lua_pushstring(L, failed == EWOULDBLOCK ? "busy" : "failed");
  return 3;
}

void smpp_open_lock(lua_State *L) {
  static const luaL_Reg methods[] = {{"close", lock_close}, {NULL, NULL}};
  new_class(L, LOCK_T, methods, lock_close);
  lua_pushcfunction(L, lock_new);
  lua_setfield(L, -2, "lock");
}
