/* bind_server.c - a server over libmicrohttpd.  The library has no thread: it works in server:run(), which the loop calls when its
 * epoll descriptor is readable; only then are Lua's functions called.  A request whose answer is not there yet is suspended. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"

#define SERVER_T "smpp.http.server"

/* The memory of a connection: the header, and beside it room for the library's lists, its read buffer and the header of the answer.  An
 * idle connection keeps it. */
#define POOL_OCTETS 4096
#define POOL_LEAST 20480
#define MOST_TARGET 8192
#define USUAL_FIELDS 8 /* of a header */
#define MOST_CONNECTIONS 1000064u /* for the library; the limit is ours */

static struct connection *connection_of(struct MHD_Connection *handle) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(handle, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info != NULL ? info->socket_context : NULL;
}

void http_set_phase(struct server *s, struct connection *c, enum phase phase) {
  int64_t ms = phase == HEAD ? s->header_ms : phase == BODY ? s->body_ms : s->idle_ms;
  c->phase = phase;
  c->deadline_ms = http_now_ms() + ms;
}

/* A connection has come, or has ended. */
static void on_connection(void *context, struct MHD_Connection *handle, void **own, enum MHD_ConnectionNotificationCode code) {
  struct server *s = context;
  struct connection *c = *own;
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    c = calloc(1, sizeof *c);
    *own = c;
    if (c == NULL) return;
    c->handle = handle;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(handle, MHD_CONNECTION_INFO_CONNECTION_FD);
    c->fd = info != NULL ? info->connect_fd : -1;
    c->next = s->first;
    if (s->first != NULL) s->first->previous = c;
    s->first = c;
    s->connections++;
    http_set_phase(s, c, HEAD);
  } else if (c != NULL) {
    if (c->previous != NULL) c->previous->next = c->next;
    else s->first = c->next;
    if (c->next != NULL) c->next->previous = c->previous;
    s->connections--;
    free(c->target);
    free(c);
    *own = NULL;
  }
}

static enum MHD_Result may_connect(void *context, const struct sockaddr *address, socklen_t length) {
  struct server *s = context;
  (void)address;
  (void)length;
  return s->connections < s->limit ? MHD_YES : MHD_NO;
}

/* The request line has come; the library changes the target in place afterwards. */
static void *on_target(void *context, const char *target, struct MHD_Connection *handle) {
  struct connection *c = connection_of(handle);
  if (c == NULL) return NULL;
  free(c->target);
  c->target = target != NULL ? strdup(target) : NULL;
  c->target_at = target;
  http_set_phase(context, c, HEAD);
  return NULL;
}

/* The octets of all answers that the client of a connection has taken. */
static uint64_t acked_by(const struct connection *c) {
  struct tcp_info info;
  socklen_t length = sizeof info;
  memset(&info, 0, sizeof info);
  return getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 ? info.tcpi_bytes_acked : 0;
}

/* Queues the answer; the library keeps its own reference. */
static enum MHD_Result give_answer(struct exchange *x) {
  if (!x->is_streaming) http_set_phase(x->server, x->connection, SEND);
  enum MHD_Result ok = MHD_queue_response(x->handle, x->status, x->response);
  MHD_destroy_response(x->response);
  x->response = NULL;
  return ok;
}

/* For what Lua did not answer: an error in its function. */
static enum MHD_Result answer_plainly(struct MHD_Connection *handle, unsigned int status) {
  struct MHD_Response *response = MHD_create_response_from_buffer(0, http_loose(""), MHD_RESPMEM_PERSISTENT);
  if (response == NULL) return MHD_NO;
  (void)MHD_add_response_header(response, "Connection", "close");
  enum MHD_Result ok = MHD_queue_response(handle, status, response);
  MHD_destroy_response(response);
  return ok;
}

static enum MHD_Result push_field(void *context, enum MHD_ValueKind kind, const char *key, size_t key_size, const char *value, size_t value_size) {
  lua_State *L = context;
  char lower[256];
  (void)kind;
  if (key_size > sizeof lower) return MHD_YES;
  for (size_t i = 0; i < key_size; i++) lower[i] = (char)(key[i] >= 'A' && key[i] <= 'Z' ? key[i] - 'A' + 'a' : key[i]);
  while (value_size > 0 && (value[value_size - 1] == ' ' || value[value_size - 1] == '\t')) value_size--;
  lua_pushlstring(L, lower, key_size);
  lua_pushvalue(L, -1);
  if (lua_rawget(L, -3) == LUA_TSTRING) { /* repeated: joined, 9110, 5.2 */
    lua_pushliteral(L, ", ");
    lua_pushlstring(L, value, value_size);
    lua_concat(L, 3);
  } else {
    lua_pop(L, 1);
    lua_pushlstring(L, value, value_size);
  }
  lua_rawset(L, -3);
  return MHD_YES;
}

/* head(exchange, method, target, version, headers, wrong, status): wrong is nil for a well-formed one.  A number is the limit
 * of the body; after exchange:in_pieces() the body comes in pieces to `body`. */
static int call_head(lua_State *L) {
  struct exchange *x = lua_touserdata(L, 1);
  int status;
  const char *wrong = http_strict(&x->head, &status);
  if (wrong == NULL && x->head.octets > x->server->header_octets) {
    wrong = "the header is too large";
    status = 431;
  }
  if (x->head.target != NULL && strlen(x->head.target) > MOST_TARGET) {
    wrong = "the request line is too long";
    status = 414;
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, x->server->functions);
  lua_getfield(L, -1, "head");
  lua_remove(L, -2);
  http_push_exchange(L, x);
  lua_pushstring(L, x->head.method);
  lua_pushstring(L, x->head.target != NULL ? x->head.target : "");
  lua_pushstring(L, x->head.version != NULL ? x->head.version : "");
  lua_createtable(L, 0, USUAL_FIELDS);
  if (wrong == NULL) (void)MHD_get_connection_values_n(x->handle, MHD_HEADER_KIND, push_field, L);
  if (wrong != NULL) lua_pushstring(L, wrong);
  else lua_pushnil(L);
  lua_pushinteger(L, status);
  lua_call(L, 7, 1);
  if (lua_isnumber(L, -1)) x->limit = (size_t)lua_tonumber(L, -1);
  return 0;
}

/* request(exchange, body) */
static int call_request(lua_State *L) {
  struct exchange *x = lua_touserdata(L, 1);
  http_push_call(L, x, "request");
  lua_pushlstring(L, x->body != NULL ? x->body : "", x->length);
  free(x->body);
  x->body = NULL;
  x->length = x->size = 0;
  lua_call(L, 2, 0);
  return 0;
}

struct piece {
  struct exchange *exchange;
  const char *octets;
  size_t length;
  int goes_on;
};

/* body(exchange, octets) -> false: exchange:resume() follows */
static int call_body(lua_State *L) {
  struct piece *piece = lua_touserdata(L, 1);
  http_push_call(L, piece->exchange, "body");
  lua_pushlstring(L, piece->octets, piece->length);
  lua_call(L, 2, 1);
  piece->goes_on = lua_isnil(L, -1) || lua_toboolean(L, -1);
  return 0;
}

static enum MHD_Result begin(struct server *s, struct MHD_Connection *handle, const char *method, const char *version, void **own) {
  struct connection *c = connection_of(handle);
  struct exchange *x = calloc(1, sizeof *x);
  if (x == NULL || c == NULL || s->L == NULL) {
    free(x);
    return answer_plainly(handle, 503);
  }
  *own = x;
  x->server = s;
  x->handle = handle;
  x->connection = c;
  x->self = LUA_NOREF;
  x->limit = s->body_octets;
  x->head.connection = handle;
  x->head.method = method;
  x->head.version = version;
  x->head.target = c->target;
  x->head.target_at = c->target_at;
  x->next = s->exchanges;
  if (s->exchanges != NULL) s->exchanges->previous = x;
  s->exchanges = x;
  http_set_phase(s, c, BODY);
  if (!http_protect(s->L, call_head, x)) return answer_plainly(handle, 500);
  if (x->has_answer && !x->is_early) {
    c->phase = WORK;
    return give_answer(x);
  }
  return MHD_YES;
}

/* Writes an answer past the library, which takes none in the middle of a request, and ends the connection. */
static void cut_off(struct server *s, struct connection *c, const char *words) {
  char octets[512];
  static const char form[] = "HTTP/1.1 %s\r\nContent-Type: application/problem+json\r\nConnection: close\r\nContent-Length: %u\r\n\r\n%s";
  if (!s->is_tls && words != NULL) {
    const char *body = words[0] == '4' && words[2] == '8'
      ? "{\"type\":\"urn:smpp:timeout\",\"title\":\"Request Timeout\",\"status\":408,\"detail\":\"the request took too long\",\"code\":\"timeout\"}"
      : "{\"type\":\"urn:smpp:too_large\",\"title\":\"Content Too Large\",\"status\":413,\"detail\":\"the body is too large\",\"code\":\"too_large\"}";
    int n = snprintf(octets, sizeof octets, form, words, (unsigned)strlen(body), body);
    if (n > 0) (void)send(c->fd, octets, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  (void)shutdown(c->fd, SHUT_RDWR);
}

static enum MHD_Result receive(struct exchange *x, const char *data, size_t *size) {
  size_t length = *size;
  /* A chunk's size that ends in a bare LF; seen where both came in one read. */
  if (x->head.is_chunked && data[-1] == '\n' && data[-2] != '\r' && data[-2] != '\0') return MHD_NO;
  *size = 0;
  x->has_body_begun = 1;
  if (x->is_failed) return MHD_NO;
  if (x->is_early && x->is_ended) return MHD_YES; /* dropped */
  if (x->is_stream) {
    struct piece piece = {x, data, length, 1};
    x->connection->deadline_ms = http_now_ms() + x->server->body_ms;
    if (!http_protect(x->server->L, call_body, &piece)) return MHD_NO;
    if (!piece.goes_on) {
      x->connection->phase = WORK;
      http_suspend(x);
    }
    return MHD_YES;
  }
  if (length > x->limit - x->length) {
    x->is_failed = 1;
    cut_off(x->server, x->connection, "413 Content Too Large");
    return MHD_NO;
  }
  if (x->length + length > x->size) {
    size_t size_wanted = x->size == 0 && x->head.length > 0 ? (size_t)x->head.length : 2 * (x->length + length);
    if (size_wanted > x->limit) size_wanted = x->limit;
    if (size_wanted < x->length + length) size_wanted = x->length + length;
    char *grown = realloc(x->body, size_wanted);
    if (grown == NULL) return MHD_NO;
    x->body = grown;
    x->size = size_wanted;
  }
  memcpy(x->body + x->length, data, length);
  x->length += length;
  return MHD_YES;
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *handle, const char *url, const char *method, const char *version,
                                 const char *data, size_t *size, void **own) {
  struct exchange *x = *own;
  (void)url;
  if (x == NULL) return begin(context, handle, method, version, own);
  if (*size != 0) return receive(x, data, size);
  if (x->is_stream) x->has_body_begun = 1;
  if (x->is_early) {
    x->connection->phase = WORK;
    if (!x->is_read) {
      x->is_read = 1;
      if (!http_protect(x->server->L, call_request, x)) return MHD_NO;
    }
    return http_early_wait(x);
  }
  x->is_read = 1;
  if (x->response == NULL && x->has_answer) return MHD_YES;
  if (!x->has_answer) {
    x->connection->phase = WORK;
    if (x->server->L == NULL || !http_protect(x->server->L, call_request, x)) return answer_plainly(handle, 500);
    if (!x->has_answer) {
      http_suspend(x);
      return MHD_YES;
    }
  }
  return give_answer(x);
}

/* gone(exchange): the connection has ended before the answer, or an answer in pieces has come to its end */
static int call_gone(lua_State *L) {
  http_push_call(L, lua_touserdata(L, 1), "gone");
  lua_call(L, 1, 0);
  return 0;
}

static void on_completed(void *context, struct MHD_Connection *handle, void **own, enum MHD_RequestTerminationCode code) {
  struct server *s = context;
  struct connection *c = connection_of(handle);
  (void)code;
  if (c != NULL) http_set_phase(s, c, IDLE);
  struct exchange *x = *own;
  if (x != NULL && x->is_streaming) http_unwatch(x);
  if (x != NULL && (!x->has_answer || x->is_streaming) && x->self != LUA_NOREF && s->L != NULL) (void)http_protect(s->L, call_gone, x);
  if (x != NULL) http_release(x);
  *own = NULL;
}

static lua_Number number_field(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  lua_Number n = luaL_checknumber(L, -1);
  lua_pop(L, 1);
  return n;
}

static const char *string_field(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  const char *text = lua_tostring(L, -1);
  lua_pop(L, 1); /* the table keeps it */
  return text;
}

/* A socket that listens; -1 and errno, or a message. */
static int listen_at(const char *host, const char *port, const char **message) {
  struct addrinfo hints, *found = NULL;
  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  int code = getaddrinfo(host, port, &hints, &found), fd = -1, on = 1;
  if (code != 0) {
    *message = gai_strerror(code);
    return -1;
  }
  for (struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next) {
    fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) continue;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, a->ai_addr, a->ai_addrlen) != 0 || listen(fd, 1024) != 0) {
      *message = strerror(errno);
      (void)close(fd);
      fd = -1;
    }
  }
  freeaddrinfo(found);
  return fd;
}

static int push_port(lua_State *L, int fd) {
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  memset(&address, 0, sizeof address);
  if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) return 0;
  if (address.ss_family == AF_INET6) lua_pushinteger(L, ntohs(((struct sockaddr_in6 *)(void *)&address)->sin6_port));
  else lua_pushinteger(L, ntohs(((struct sockaddr_in *)(void *)&address)->sin_port));
  return 1;
}

/* Puts the library's descriptor into that which Lua polls. */
static int poll_daemon(struct server *s) {
  const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
  struct epoll_event event;
  memset(&event, 0, sizeof event);
  event.events = EPOLLIN;
  s->epoll = epoll_create1(EPOLL_CLOEXEC);
  return info != NULL && s->epoll >= 0 && epoll_ctl(s->epoll, EPOLL_CTL_ADD, info->epoll_fd, &event) == 0;
}

static void read_limits(lua_State *L, int index, struct server *s) {
  s->limit = (size_t)number_field(L, index, "max_connections");
  s->header_octets = (size_t)number_field(L, index, "max_header_octets");
  s->body_octets = (size_t)number_field(L, index, "max_body_octets");
  s->header_ms = (int64_t)(number_field(L, index, "header_s") * 1000);
  s->body_ms = (int64_t)(number_field(L, index, "body_s") * 1000);
  s->idle_ms = (int64_t)(number_field(L, index, "idle_s") * 1000);
}

/* serve(options, functions) -> server, port; nil, message */
static int serve(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  struct server *s = lua_newuserdatauv(L, sizeof *s, 0);
  memset(s, 0, sizeof *s);
  s->functions = LUA_NOREF;
  s->epoll = -1;
  luaL_setmetatable(L, SERVER_T);
  read_limits(L, 1, s);
  const char *host = string_field(L, 1, "host"), *port = string_field(L, 1, "port");
  const char *cert = string_field(L, 1, "cert"), *key = string_field(L, 1, "key");
  s->is_tls = cert != NULL && key != NULL;
  const char *message = "cannot listen";
  int fd = listen_at(host, port, &message);
  if (fd < 0) {
    lua_pushnil(L);
    lua_pushstring(L, message);
    return 2;
  }
  lua_pushvalue(L, 2);
  s->functions = luaL_ref(L, LUA_REGISTRYINDEX);
  if (push_port(L, fd) == 0) lua_pushinteger(L, 0);
  struct MHD_OptionItem more[] = {{s->is_tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, http_loose(cert)},
                                  {s->is_tls ? MHD_OPTION_HTTPS_MEM_KEY : MHD_OPTION_END, 0, http_loose(key)},
                                  {MHD_OPTION_END, 0, NULL}};
  s->pool = s->header_octets + POOL_OCTETS < POOL_LEAST ? POOL_LEAST : s->header_octets + POOL_OCTETS;
  unsigned int flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (s->is_tls ? MHD_USE_TLS : 0);
  s->daemon = MHD_start_daemon(flags, 0, may_connect, s, on_access, s, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
                               MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
                               MHD_OPTION_CONNECTION_LIMIT, MOST_CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->pool,
                               MHD_OPTION_STRICT_FOR_CLIENT, 0, MHD_OPTION_ARRAY, more, MHD_OPTION_END);
  if (s->daemon == NULL) {
    (void)close(fd);
    lua_pushnil(L);
    lua_pushstring(L, s->is_tls ? "the certificate or its key cannot be used" : "libmicrohttpd cannot be started");
    return 2;
  }
  if (poll_daemon(s)) return 2;
  lua_pushnil(L);
  lua_pushstring(L, strerror(errno));
  return 2; /* __gc stops it */
}

static struct server *check_server(lua_State *L) {
  struct server *s = luaL_checkudata(L, 1, SERVER_T);
  if (s->daemon == NULL) luaL_error(L, "the server is closed");
  return s;
}

/* server:fd() -> the descriptor to poll */
static int server_fd(lua_State *L) {
  lua_pushinteger(L, check_server(L)->epoll);
  return 1;
}

/* Looks for clients of streams that have closed their end, and sends what early answers have. */
static void look_at_streams(struct server *s) {
  struct epoll_event events[64];
  int n = s->streams > 0 ? epoll_wait(s->epoll, events, 64, 0) : 0;
  for (int i = 0; i < n; i++) {
    struct connection *c = events[i].data.ptr; /* NULL: the library */
    if (c == NULL || c->stream == NULL || c->stream->is_early) continue;
    struct exchange *x = c->stream;
    http_unwatch(x);
    http_cut_stream(x);
  }
  for (struct exchange *x = s->exchanges; x != NULL && s->early > 0; x = x->next) {
    if (x->is_early) http_early_flush(x);
  }
}

/* server:run() -> seconds until it wants to run again, nil: when its descriptor is readable; true: there is more to do now */
static int server_run(lua_State *L) {
  struct server *s = check_server(L);
  if (s->is_running) return 0;
  s->L = L;
  s->is_running = 1;
  look_at_streams(s);
  (void)MHD_run(s->daemon);
  s->is_running = 0;
  s->L = NULL;
  MHD_UNSIGNED_LONG_LONG ms;
  if (MHD_get_timeout(s->daemon, &ms) != MHD_YES) return 0;
  lua_pushnumber(L, (lua_Number)ms / 1000);
  return 1;
}

/* server:sweep() -> count of open connections; ends those that take too long */
static int server_sweep(lua_State *L) {
  struct server *s = check_server(L);
  int64_t now = http_now_ms();
  for (struct connection *c = s->first; c != NULL; c = c->next) {
    struct exchange *x = c->stream;
    if (x != NULL && x->queued > 0 && now - x->progress_ms > x->stall_ms) (void)shutdown(c->fd, SHUT_RDWR);
    if (c->phase == WORK || now < c->deadline_ms) continue;
    uint64_t acked = c->phase == SEND ? acked_by(c) : c->acked;
    if (acked == c->acked) cut_off(s, c, c->phase == IDLE || c->phase == SEND || x != NULL ? NULL : "408 Request Timeout");
    c->acked = acked;
    c->deadline_ms = now + s->idle_ms; /* the library sees the end of the connection */
  }
  lua_pushinteger(L, (lua_Integer)s->connections);
  return 1;
}

/* server:set_limits(limits) -> true; false: a larger header needs more memory than its connections have */
static int server_set_limits(lua_State *L) {
  struct server *s = check_server(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  size_t header_octets = s->header_octets;
  read_limits(L, 2, s);
  int fits = s->header_octets + POOL_OCTETS <= s->pool;
  if (!fits) s->header_octets = header_octets;
  lua_pushboolean(L, fits);
  return 1;
}

/* server:stop_listening() */
static int server_stop_listening(lua_State *L) {
  MHD_socket fd = MHD_quiesce_daemon(check_server(L)->daemon);
  if (fd != MHD_INVALID_SOCKET) (void)close(fd);
  return 0;
}

static void stop(lua_State *L, struct server *s) {
  if (s->daemon == NULL) return;
  for (struct exchange *x = s->exchanges; x != NULL; x = x->next) {
    if (x->is_suspended) MHD_resume_connection(x->handle);
    x->is_suspended = 0;
    x->has_answer = 1; /* nobody is asked any more */
    http_unwatch(x);
    x->is_streaming = 0;
  }
  s->L = L;
  s->is_running = 1;
  struct MHD_Daemon *daemon = s->daemon;
  s->daemon = NULL;
  MHD_stop_daemon(daemon);
  if (s->epoll >= 0) (void)close(s->epoll);
  s->epoll = -1;
  s->L = NULL;
  s->is_running = 0;
  luaL_unref(L, LUA_REGISTRYINDEX, s->functions);
  s->functions = LUA_NOREF;
}

/* server:close(); not while `run` runs */
static int server_close(lua_State *L) {
  struct server *s = luaL_checkudata(L, 1, SERVER_T);
  if (s->is_running) return luaL_error(L, "the server runs");
  stop(L, s);
  return 0;
}

static int server_gc(lua_State *L) {
  stop(L, luaL_checkudata(L, 1, SERVER_T));
  return 0;
}

void http_open_server(lua_State *L) {
  static const luaL_Reg of_server[] = {{"fd", server_fd},
                                       {"run", server_run},
                                       {"sweep", server_sweep},
                                       {"set_limits", server_set_limits},
                                       {"stop_listening", server_stop_listening},
                                       {"close", server_close},
                                       {NULL, NULL}};
  new_class(L, SERVER_T, of_server, server_gc);
  http_open_exchange(L);
  lua_pushcfunction(L, serve);
  lua_setfield(L, -2, "serve");
}
