/* bind_exchange.c - a request and its answer, as Lua has them; answers in pieces.  The library asks for the octets of such an answer;
 * when there are none, its connection is suspended until Lua writes some. */
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "server.h"

#define EXCHANGE_T "smpp.http.exchange"

#define QUEUE_LEAST 512       /* octets of a queue that holds something; an empty one has none */
#define BLOCK_OCTETS 16384    /* octets per write to a client of HTTP/1.0, which has no chunks */

int http_protect(lua_State *L, lua_CFunction f, void *argument) {
  int top = lua_gettop(L), ok;
  if (!lua_checkstack(L, 8)) return 0;
  lua_pushcfunction(L, f);
  lua_pushlightuserdata(L, argument);
  ok = lua_pcall(L, 1, 0, 0) == 0; /* its functions are guarded, so an error here is memory */
  lua_settop(L, top);
  return ok;
}

void http_push_call(lua_State *L, struct exchange *x, const char *name) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, x->server->functions);
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
  lua_rawgeti(L, LUA_REGISTRYINDEX, x->self);
}

void http_push_exchange(lua_State *L, struct exchange *x) {
  struct exchange **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = x;
  luaL_setmetatable(L, EXCHANGE_T);
  lua_pushvalue(L, -1);
  x->self = luaL_ref(L, LUA_REGISTRYINDEX);
}

void http_suspend(struct exchange *x) {
  x->is_suspended = 1;
  MHD_suspend_connection(x->handle);
}

void http_resume(struct exchange *x) {
  if (!x->is_suspended) return;
  x->is_suspended = 0;
  MHD_resume_connection(x->handle);
}

void http_release(struct exchange *x) {
  struct server *s = x->server;
  if (x->previous != NULL) x->previous->next = x->next;
  else s->exchanges = x->next;
  if (x->next != NULL) x->next->previous = x->previous;
  if (x->response != NULL) MHD_destroy_response(x->response);
  free(x->body);
  free(x->queue);
  if (x->self != LUA_NOREF && s->L != NULL) {
    lua_rawgeti(s->L, LUA_REGISTRYINDEX, x->self);
    struct exchange **box = lua_touserdata(s->L, -1);
    if (box != NULL) *box = NULL;
    lua_pop(s->L, 1);
    luaL_unref(s->L, LUA_REGISTRYINDEX, x->self);
  }
  free(x);
}

/* ---- answers in pieces ---- */

void http_cut_stream(struct exchange *x) {
  x->is_failed = 1;
  (void)shutdown(x->connection->fd, SHUT_RDWR); /* for one that is sending; the other is asked for octets */
  http_resume(x);
}

/* The descriptor of a stream's connection is polled for its end, since the library looks at no suspended one. */
static void watch(struct exchange *x) {
  struct epoll_event event;
  memset(&event, 0, sizeof event);
  event.events = EPOLLRDHUP;
  event.data.ptr = x->connection;
  if (epoll_ctl(x->server->epoll, EPOLL_CTL_ADD, x->connection->fd, &event) == 0) x->server->streams++;
  x->connection->stream = x;
}

void http_unwatch(struct exchange *x) {
  struct connection *c = x->connection;
  if (c->stream != x) return;
  c->stream = NULL;
  if (x->is_early) x->server->early--;
  struct epoll_event none;
  memset(&none, 0, sizeof none);
  if (epoll_ctl(x->server->epoll, EPOLL_CTL_DEL, c->fd, &none) == 0) x->server->streams--;
}

/* room(exchange): half of a queue that was full is free */
static int call_room(lua_State *L) {
  http_push_call(L, lua_touserdata(L, 1), "room");
  lua_call(L, 1, 0);
  return 0;
}

void http_tell_room(struct exchange *x) {
  if (!x->wants_room || x->queued > x->most / 2 || x->server->L == NULL) return;
  x->wants_room = 0;
  (void)http_protect(x->server->L, call_room, x);
}

void http_dequeue(struct exchange *x, size_t n) {
  x->at += n;
  x->queued -= n;
  if (x->queued > 0) return;
  free(x->queue);
  x->queue = NULL;
  x->at = x->queue_size = 0;
}

/* The library has sent what it got before, and wants more. */
static ssize_t on_wanted(void *context, uint64_t position, char *octets, size_t most) {
  struct exchange *x = context;
  (void)position;
  x->progress_ms = http_now_ms();
  if (x->is_failed) return MHD_CONTENT_READER_END_WITH_ERROR;
  if (x->queued == 0) {
    if (x->is_ended) return MHD_CONTENT_READER_END_OF_STREAM;
    http_suspend(x);
    return 0;
  }
  size_t n = x->queued < most ? x->queued : most;
  memcpy(octets, x->queue + x->at, n);
  http_dequeue(x, n);
  http_tell_room(x);
  return (ssize_t)n;
}

/* Makes room for |n| more octets behind those in the queue; 0: no memory. */
static int reserve(struct exchange *x, size_t n) {
  if (x->at + x->queued + n <= x->queue_size) return 1;
  if (x->queued + n <= x->queue_size) {
    memmove(x->queue, x->queue + x->at, x->queued);
    x->at = 0;
    return 1;
  }
  size_t size = 2 * (x->queued + n);
  if (size < QUEUE_LEAST) size = QUEUE_LEAST;
  if (size > x->most && x->queued + n <= x->most) size = x->most;
  char *grown = malloc(size);
  if (grown == NULL) return 0;
  if (x->queued > 0) memcpy(grown, x->queue + x->at, x->queued);
  free(x->queue);
  x->queue = grown;
  x->queue_size = size;
  x->at = 0;
  return 1;
}

int http_enqueue(struct exchange *x, const char *octets, size_t n) {
  if (!reserve(x, n)) return 0;
  if (x->queued == 0) x->progress_ms = http_now_ms();
  memcpy(x->queue + x->at + x->queued, octets, n);
  x->queued += n;
  return 1;
}

/* ---- methods ---- */

static struct exchange *check_exchange(lua_State *L) {
  struct exchange **box = luaL_checkudata(L, 1, EXCHANGE_T);
  return *box;
}

static unsigned int check_status(lua_State *L) {
  lua_Integer status = luaL_checkinteger(L, 2);
  luaL_argcheck(L, status >= 200 && status <= 599, 2, "not a status of an answer");
  return (unsigned int)status;
}

int http_each_header(struct exchange *x, lua_State *L, int first, int (*put)(struct exchange *x, const char *name, const char *value)) {
  int ok = put(x, "X-Content-Type-Options", "nosniff"), top = lua_gettop(L);
  for (int list = first; ok && list <= top; list++) {
    if (!lua_istable(L, list)) continue;
    for (int i = 1; ok; i += 2) {
      lua_rawgeti(L, list, i);
      lua_rawgeti(L, list, i + 1);
      const char *name = lua_tostring(L, -2), *value = lua_tostring(L, -1);
      if (name == NULL || value == NULL) break;
      ok = put(x, name, value);
      lua_settop(L, top);
    }
    lua_settop(L, top);
  }
  return ok;
}

static int add_header(struct exchange *x, const char *name, const char *value) {
  (void)MHD_add_response_header(x->response, name, value);
  return 1;
}

/* Gives the request its answer, whose lists of headers are at |first| and behind it. */
static int begin_answer(lua_State *L, struct exchange *x, struct MHD_Response *response, unsigned int status, int first) {
  if (response == NULL) return luaL_error(L, "not enough memory");
  x->response = response;
  x->status = status;
  x->has_answer = 1;
  (void)http_each_header(x, L, first, add_header);
  http_resume(x);
  lua_pushboolean(L, 1);
  return 1;
}

/* exchange:answer(status, body, { name, value, ... }, ...) -> true; false: the peer is gone, or has an answer */
static int exchange_answer(lua_State *L) {
  struct exchange *x = check_exchange(L);
  unsigned int status = check_status(L);
  size_t length;
  const char *body = luaL_checklstring(L, 3, &length);
  if (x == NULL || x->has_answer) {
    lua_pushboolean(L, 0);
    return 1;
  }
  return begin_answer(L, x, MHD_create_response_from_buffer(length, http_loose(body), MHD_RESPMEM_MUST_COPY), status, 4);
}

/* exchange:start(status, most, stall_s, { name, value, ... }, ...) -> true: an answer whose body exchange:write() brings, of which at most
 * |most| octets are kept; false: the peer is gone, or has an answer.  A client that takes nothing for |stall_s|, though there is
 * something, is cut off.  When the body of the request has not been read yet, the answer begins all the same, and the connection is
 * closed behind it.  gone(exchange) is called at its end, whatever it is. */
static int exchange_start(lua_State *L) {
  struct exchange *x = check_exchange(L);
  unsigned int status = check_status(L);
  lua_Integer most = luaL_checkinteger(L, 3);
  lua_Number stall_s = luaL_checknumber(L, 4);
  luaL_argcheck(L, most > 0, 3, "a number of octets");
  luaL_argcheck(L, stall_s > 0 && stall_s < 1e9, 4, "a number of seconds");
  if (x == NULL || x->has_answer) {
    lua_pushboolean(L, 0);
    return 1;
  }
  int is_old = x->head.version != NULL && strcmp(x->head.version, "HTTP/1.0") == 0;
  x->most = (size_t)most;
  x->stall_ms = (int64_t)(stall_s * 1000);
  x->progress_ms = http_now_ms();
  x->is_streaming = 1;
  if (x->is_stream && !x->is_read) { /* its body has not been read */
    x->has_answer = 1;
    x->server->early++;
    if (!http_early_start(x, L, 5, status)) http_cut_stream(x);
    lua_pushboolean(L, 1);
    return 1;
  }
  watch(x);
  struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, is_old ? BLOCK_OCTETS : 1, on_wanted, x, NULL);
  /* To HEAD, libmicrohttpd 0.9.75 sends the last chunk of what has no body. */
  if (response != NULL && strcmp(x->head.method, "HEAD") == 0) (void)MHD_set_response_options(response, MHD_RF_HTTP_VERSION_1_0_ONLY, MHD_RO_END);
  return begin_answer(L, x, response, status, 5);
}

static size_t room_of(const struct exchange *x) {
  return x->queued < x->most ? x->most - x->queued : 0;
}

static struct exchange *check_stream(lua_State *L) {
  struct exchange *x = check_exchange(L);
  return x != NULL && x->is_streaming && !x->is_failed ? x : NULL;
}

/* exchange:write(octets, from) -> how many of those behind |from| were taken; nil: the peer is gone.  When it takes less than all,
 * room() is called as soon as half of the queue is free. */
static int exchange_write(lua_State *L) {
  struct exchange *x = check_stream(L);
  size_t length;
  const char *octets = luaL_checklstring(L, 2, &length);
  lua_Integer from = luaL_checkinteger(L, 3);
  luaL_argcheck(L, from >= 0 && (size_t)from <= length, 3, "outside of the octets");
  if (x == NULL || x->is_ended) {
    lua_pushnil(L);
    return 1;
  }
  size_t n = length - (size_t)from, room = room_of(x);
  if (n > room) {
    n = room;
    x->wants_room = 1;
  }
  if (n > 0) {
    if (!(x->is_early ? http_early_write : http_enqueue)(x, octets + from, n)) return luaL_error(L, "not enough memory");
    if (!x->is_early) http_resume(x);
  }
  lua_pushinteger(L, (lua_Integer)n);
  return 1;
}

/* exchange:room() -> octets that write() would take now; nil: the peer is gone.  With true, room() is called when there is more. */
static int exchange_room(lua_State *L) {
  struct exchange *x = check_stream(L);
  if (x == NULL || x->is_ended) {
    lua_pushnil(L);
    return 1;
  }
  if (lua_toboolean(L, 2)) x->wants_room = 1;
  lua_pushinteger(L, (lua_Integer)room_of(x));
  return 1;
}

/* exchange:finish(): the body ends behind what was written */
static int exchange_finish(lua_State *L) {
  struct exchange *x = check_stream(L);
  if (x == NULL || x->is_ended) return 0;
  x->is_ended = 1;
  if (x->is_early && !http_early_finish(x)) http_cut_stream(x);
  if (!x->is_early) http_resume(x);
  return 0;
}

/* exchange:cut(): the connection ends, so that the client sees that the body is not whole */
static int exchange_cut(lua_State *L) {
  struct exchange *x = check_stream(L);
  if (x != NULL) http_cut_stream(x);
  return 0;
}

/* exchange:in_pieces(): while the head is looked at: the body is not collected */
static int exchange_in_pieces(lua_State *L) {
  struct exchange *x = check_exchange(L);
  if (x != NULL && !x->has_body_begun && !x->is_read) x->is_stream = 1;
  return 0;
}

/* exchange:resume(): the next piece of a body */
static int exchange_resume(lua_State *L) {
  struct exchange *x = check_exchange(L);
  if (x != NULL && x->is_suspended && (!x->is_streaming || x->is_early)) {
    http_set_phase(x->server, x->connection, BODY);
    http_resume(x);
  }
  return 0;
}

/* exchange:peer() -> address of the client; nil: it is gone */
static int exchange_peer(lua_State *L) {
  struct exchange *x = check_exchange(L);
  const union MHD_ConnectionInfo *info = x != NULL ? MHD_get_connection_info(x->handle, MHD_CONNECTION_INFO_CLIENT_ADDRESS) : NULL;
  if (info == NULL || info->client_addr == NULL) {
    lua_pushnil(L);
    return 1;
  }
  char host[NI_MAXHOST] = "";
  socklen_t length = info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
  (void)getnameinfo(info->client_addr, length, host, sizeof host, NULL, 0, NI_NUMERICHOST);
  lua_pushstring(L, host);
  return 1;
}

/* exchange:is_open() -> does the peer still wait? */
static int exchange_is_open(lua_State *L) {
  lua_pushboolean(L, check_exchange(L) != NULL);
  return 1;
}

static int exchange_gc(lua_State *L) {
  (void)L; /* the library's end of the request frees it */
  return 0;
}

void http_open_exchange(lua_State *L) {
  static const luaL_Reg methods[] = {{"answer", exchange_answer}, {"start", exchange_start},   {"write", exchange_write},
                                     {"room", exchange_room},     {"finish", exchange_finish}, {"cut", exchange_cut},
                                     {"resume", exchange_resume}, {"is_open", exchange_is_open}, {"peer", exchange_peer},
                                     {"in_pieces", exchange_in_pieces},
                                     {NULL, NULL}};
  new_class(L, EXCHANGE_T, methods, exchange_gc);
}
