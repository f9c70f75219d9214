/* bind_notify.c - one datagram to a service manager: sd_notify(3) without its library.  Lua's libuv has no sockets of
 * this kind. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): SOCK_CLOEXEC, MSG_NOSIGNAL */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "binding.h"

#ifndef SOCK_CLOEXEC
#define SOCK_CLOEXEC 0
#endif
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

/* notify(address, text) -> true | nil, message: address is a path, or @ and a name in Linux's abstract namespace */
static int notify(lua_State *L) {
  size_t length, octets;
  const char *address = luaL_checklstring(L, 1, &length), *text = luaL_checklstring(L, 2, &octets);
  struct sockaddr_un to;
  memset(&to, 0, sizeof to);
  to.sun_family = AF_UNIX;
  luaL_argcheck(L, length > 1 && (address[0] == '/' || address[0] == '@'), 1, "expected a path, or @ and a name");
  luaL_argcheck(L, length < sizeof to.sun_path, 1, "too long for a socket");
  memcpy(to.sun_path, address, length);
  if (address[0] == '@') to.sun_path[0] = 0;

  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ssize_t sent = -1;
  if (fd >= 0) {
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (address[0] == '/'));
    do sent = sendto(fd, text, octets, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&to, size);
    while (sent < 0 && errno == EINTR);
  }
  int failed = sent < 0 ? errno : 0;
  if (fd >= 0) (void)close(fd);
  if (failed == 0) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", address, strerror(failed));
  return 2;
}

/* process_id() -> integer */
static int process_id(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)getpid());
  return 1;
}

void smpp_open_notify(lua_State *L) {
  lua_pushcfunction(L, notify);
  lua_setfield(L, -2, "notify");
  lua_pushcfunction(L, process_id);
  lua_setfield(L, -2, "process_id");
}
