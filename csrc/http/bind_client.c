/* bind_client.c - calls over libcurl's multi interface.  Its sockets are in an epoll descriptor of the multi's own, which the loop polls;
 * Lua's functions are called only in multi:run(). */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http.h"

#define MULTI_T "smpp.http.multi"
#define MOST_EVENTS 64
#define MOST_HEADER 65536

struct call;

struct multi {
  CURLM *handle;
  int epoll;
  int64_t due_ms; /* when curl wants to be called; -1: not */
  lua_State *L;
  struct call *first;
};

struct call {
  struct call *next, *previous;
  struct multi *multi;
  CURL *easy;
  struct curl_slist *headers;
  int done, allowed; /* references: functions; allowed may be LUA_NOREF */
  char *head, *body;
  size_t head_length, body_length, limit;
  int is_refused;
  char error[CURL_ERROR_SIZE];
};

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *known) {
  struct multi *m = context;
  struct epoll_event event;
  (void)easy;
  memset(&event, 0, sizeof event);
  event.data.fd = fd;
  if ((what & CURL_POLL_IN) != 0 && what != CURL_POLL_REMOVE) event.events |= EPOLLIN;
  if ((what & CURL_POLL_OUT) != 0 && what != CURL_POLL_REMOVE) event.events |= EPOLLOUT;
  if (what == CURL_POLL_REMOVE) {
    (void)epoll_ctl(m->epoll, EPOLL_CTL_DEL, fd, &event);
    return 0;
  }
  if (epoll_ctl(m->epoll, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
    (void)epoll_ctl(m->epoll, known != NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
  (void)curl_multi_assign(m->handle, fd, m);
  return 0;
}

static int on_timer(CURLM *handle, long ms, void *context) {
  struct multi *m = context;
  (void)handle;
  m->due_ms = ms < 0 ? -1 : http_now_ms() + ms;
  return 0;
}

static size_t append(char **at, size_t *length, size_t limit, const char *data, size_t count) {
  size_t room = limit - *length, taken = count < room ? count : room;
  if (taken == 0) return count; /* the rest is read and dropped */
  char *grown = realloc(*at, *length + taken);
  if (grown == NULL) return 0;
  memcpy(grown + *length, data, taken);
  *at = grown;
  *length += taken;
  return count;
}

/* A body over the limit ends the call: what is there is enough. */
static size_t on_body(char *data, size_t one, size_t count, void *context) {
  struct call *c = context;
  if (c->body_length >= c->limit) return 0;
  return append(&c->body, &c->body_length, c->limit, data, one * count);
}

static size_t on_head(char *data, size_t one, size_t count, void *context) {
  struct call *c = context;
  if (one * count >= 5 && memcmp(data, "HTTP/", 5) == 0) c->head_length = 0; /* after 100 Continue */
  return append(&c->head, &c->head_length, MOST_HEADER, data, one * count);
}

static int ask_allowed(lua_State *L) {
  struct call *c = lua_touserdata(L, 1);
  const char *address = lua_touserdata(L, 2);
  lua_rawgeti(L, LUA_REGISTRYINDEX, c->allowed);
  lua_pushstring(L, address);
  lua_call(L, 1, 1);
  return 1;
}

/* Each address is asked about at the moment of the connection, so that no name can answer otherwise in between. */
static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
  struct call *c = context;
  char text[INET6_ADDRSTRLEN] = "";
  const void *octets = NULL;
  int is_allowed = 0;
  (void)purpose;
  if (c->allowed != LUA_NOREF) {
    lua_State *L = c->multi->L;
    if (address->family == AF_INET) octets = &((struct sockaddr_in *)(void *)&address->addr)->sin_addr;
    else if (address->family == AF_INET6) octets = &((struct sockaddr_in6 *)(void *)&address->addr)->sin6_addr;
    if (octets != NULL && L != NULL && inet_ntop(address->family, octets, text, sizeof text) != NULL && lua_checkstack(L, 6)) {
      int top = lua_gettop(L);
      lua_pushcfunction(L, ask_allowed);
      lua_pushlightuserdata(L, c);
      lua_pushlightuserdata(L, text);
      is_allowed = lua_pcall(L, 2, 1, 0) == 0 && lua_toboolean(L, -1);
      lua_settop(L, top);
    }
    if (!is_allowed) {
      c->is_refused = 1;
      return CURL_SOCKET_BAD;
    }
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void free_call(lua_State *L, struct call *c) {
  if (c->previous != NULL) c->previous->next = c->next;
  else if (c->multi->first == c) c->multi->first = c->next;
  if (c->next != NULL) c->next->previous = c->previous;
  luaL_unref(L, LUA_REGISTRYINDEX, c->done);
  luaL_unref(L, LUA_REGISTRYINDEX, c->allowed);
  curl_slist_free_all(c->headers);
  free(c->head);
  free(c->body);
  free(c);
}

/* multi() -> multi; nil, message */
static int new_multi(lua_State *L) {
  struct multi *m = lua_newuserdatauv(L, sizeof *m, 0);
  memset(m, 0, sizeof *m);
  m->epoll = -1;
  m->due_ms = -1;
  luaL_setmetatable(L, MULTI_T);
  m->epoll = epoll_create1(EPOLL_CLOEXEC);
  m->handle = curl_multi_init();
  if (m->handle == NULL || m->epoll < 0) {
    lua_pushnil(L);
    lua_pushliteral(L, "libcurl cannot be started");
    return 2;
  }
  (void)curl_multi_setopt(m->handle, CURLMOPT_SOCKETFUNCTION, on_socket);
  (void)curl_multi_setopt(m->handle, CURLMOPT_SOCKETDATA, m);
  (void)curl_multi_setopt(m->handle, CURLMOPT_TIMERFUNCTION, on_timer);
  (void)curl_multi_setopt(m->handle, CURLMOPT_TIMERDATA, m);
  return 1;
}

static struct multi *check_multi(lua_State *L) {
  struct multi *m = luaL_checkudata(L, 1, MULTI_T);
  if (m->handle == NULL) luaL_error(L, "the client is closed");
  return m;
}

static void set_options(lua_State *L, struct call *c) {
  CURL *e = c->easy;
  lua_getfield(L, 2, "url");
  (void)curl_easy_setopt(e, CURLOPT_URL, luaL_checkstring(L, -1));
  lua_getfield(L, 2, "method");
  const char *method = luaL_checkstring(L, -1);
  if (strcmp(method, "HEAD") == 0) (void)curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
  else (void)curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, method);
  size_t length;
  lua_getfield(L, 2, "body");
  const char *body = lua_tolstring(L, -1, &length);
  if (body != NULL) {
    (void)curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
    (void)curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS, body);
  }
  lua_getfield(L, 2, "timeout_s");
  (void)curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)(luaL_checknumber(L, -1) * 1000 + 1));
  lua_getfield(L, 2, "max_octets");
  c->limit = (size_t)luaL_checknumber(L, -1);
  lua_getfield(L, 2, "ca");
  if (lua_isstring(L, -1)) (void)curl_easy_setopt(e, CURLOPT_CAINFO, lua_tostring(L, -1));
  lua_getfield(L, 2, "insecure");
  if (lua_toboolean(L, -1)) {
    (void)curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
    (void)curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  lua_getfield(L, 2, "headers");
  for (int i = 1; lua_istable(L, -1); i++) {
    lua_rawgeti(L, -1, i);
    const char *line = lua_tostring(L, -1);
    struct curl_slist *longer = line != NULL ? curl_slist_append(c->headers, line) : NULL;
    lua_pop(L, 1);
    if (longer == NULL) break;
    c->headers = longer;
  }
  lua_settop(L, 4);
  (void)curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers);
  (void)curl_easy_setopt(e, CURLOPT_PROXY, ""); /* and none of the environment's */
  (void)curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
  (void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
  (void)curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
  (void)curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  (void)curl_easy_setopt(e, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  (void)curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  (void)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->error);
  (void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
  (void)curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
  (void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_head);
  (void)curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
  (void)curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open);
  (void)curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, c);
  (void)curl_easy_setopt(e, CURLOPT_PRIVATE, c);
}

/* multi:call(options, done [, allowed]) -> the call, for `cancel`.  done(status, head, body) or done(nil, message, what): "timeout", "tls",
 * "connect", "refused", "bad_url", "lost".  allowed(address) says whether the call may connect there. */
static int multi_call(lua_State *L) {
  struct multi *m = check_multi(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checktype(L, 3, LUA_TFUNCTION);
  lua_settop(L, 4);
  struct call *c = calloc(1, sizeof *c);
  if (c == NULL) return luaL_error(L, "not enough memory");
  c->multi = m;
  c->done = c->allowed = LUA_NOREF;
  c->easy = curl_easy_init();
  c->next = m->first;
  if (m->first != NULL) m->first->previous = c;
  m->first = c; /* the multi owns it from here */
  if (c->easy == NULL) return luaL_error(L, "not enough memory");
  set_options(L, c);
  lua_pushvalue(L, 3);
  c->done = luaL_ref(L, LUA_REGISTRYINDEX);
  if (lua_isfunction(L, 4)) {
    lua_pushvalue(L, 4);
    c->allowed = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  (void)curl_multi_add_handle(m->handle, c->easy);
  lua_pushlightuserdata(L, c);
  return 1;
}

static const char *word_of(const struct call *c, CURLcode code) {
  if (c->is_refused) return "refused";
  switch (code) {
  case CURLE_OPERATION_TIMEDOUT: return "timeout";
  case CURLE_URL_MALFORMAT:
  case CURLE_UNSUPPORTED_PROTOCOL: return "bad_url";
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_CONNECT: return "connect";
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_SSL_CACERT_BADFILE: return "tls";
  default: return "lost";
  }
}

/* Pushes `done` and its arguments; returns how many. */
static int push_result(lua_State *L, struct call *c, CURLcode code) {
  long status = 0;
  (void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
  int is_cut = code == CURLE_WRITE_ERROR && c->body_length >= c->limit;
  lua_rawgeti(L, LUA_REGISTRYINDEX, c->done);
  if (code == CURLE_OK || is_cut) {
    lua_pushinteger(L, (lua_Integer)status);
    lua_pushlstring(L, c->head != NULL ? c->head : "", c->head_length);
    lua_pushlstring(L, c->body != NULL ? c->body : "", c->body_length);
    return 3;
  }
  lua_pushnil(L);
  lua_pushstring(L, c->error[0] != '\0' ? c->error : curl_easy_strerror(code));
  lua_pushstring(L, word_of(c, code));
  return 3;
}

static void end_call(lua_State *L, struct call *c) {
  if (c->easy != NULL) {
    (void)curl_multi_remove_handle(c->multi->handle, c->easy);
    curl_easy_cleanup(c->easy);
  }
  c->easy = NULL;
  free_call(L, c);
}

static void act(struct multi *m) {
  struct epoll_event events[MOST_EVENTS];
  int running, n = epoll_wait(m->epoll, events, MOST_EVENTS, 0);
  for (int i = 0; i < n; i++) {
    int what = 0;
    if ((events[i].events & (EPOLLIN | EPOLLHUP)) != 0) what |= CURL_CSELECT_IN;
    if ((events[i].events & EPOLLOUT) != 0) what |= CURL_CSELECT_OUT;
    if ((events[i].events & EPOLLERR) != 0) what |= CURL_CSELECT_ERR;
    (void)curl_multi_socket_action(m->handle, events[i].data.fd, what, &running);
  }
  if (m->due_ms >= 0 && http_now_ms() >= m->due_ms) {
    m->due_ms = -1;
    (void)curl_multi_socket_action(m->handle, CURL_SOCKET_TIMEOUT, 0, &running);
  }
}

/* multi:run() -> seconds until it wants to run again, nil: when its descriptor is readable.  Calls `done` of what has ended; an error in
 * one is raised, and the others follow with the next run. */
static int multi_run(lua_State *L) {
  struct multi *m = check_multi(L);
  if (m->L != NULL) return 0;
  m->L = L;
  act(m);
  m->L = NULL;
  CURLMsg *message;
  int left;
  while (m->handle != NULL && (message = curl_multi_info_read(m->handle, &left)) != NULL) {
    if (message->msg != CURLMSG_DONE) continue;
    char *own = NULL;
    CURLcode code = message->data.result;
    (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &own);
    struct call *c = (struct call *)(void *)own;
    int n = push_result(L, c, code);
    end_call(L, c);
    lua_call(L, n, 0);
  }
  if (m->handle == NULL || m->due_ms < 0) return 0;
  int64_t left_ms = m->due_ms - http_now_ms();
  lua_pushnumber(L, left_ms > 0 ? (lua_Number)left_ms / 1000 : 0);
  return 1;
}

/* multi:cancel(call): its `done` is not called; nothing for one that has ended */
static int multi_cancel(lua_State *L) {
  struct multi *m = check_multi(L);
  const void *wanted = lua_touserdata(L, 2);
  for (struct call *c = m->first; c != NULL; c = c->next) {
    if (c != wanted) continue;
    end_call(L, c);
    break;
  }
  return 0;
}

/* multi:fd() -> the descriptor to poll */
static int multi_fd(lua_State *L) {
  lua_pushinteger(L, check_multi(L)->epoll);
  return 1;
}

static int multi_close(lua_State *L) {
  struct multi *m = luaL_checkudata(L, 1, MULTI_T);
  if (m->L != NULL) return luaL_error(L, "the client runs");
  struct call *next;
  for (struct call *c = m->first; c != NULL; c = next) {
    next = c->next;
    end_call(L, c);
  }
  if (m->handle != NULL) (void)curl_multi_cleanup(m->handle);
  if (m->epoll >= 0) (void)close(m->epoll);
  m->handle = NULL;
  m->epoll = -1;
  return 0;
}

void http_open_client(lua_State *L) {
  static const luaL_Reg methods[] = {{"call", multi_call},     {"run", multi_run},     {"fd", multi_fd},
                                     {"cancel", multi_cancel}, {"close", multi_close}, {NULL, NULL}};
  new_class(L, MULTI_T, methods, multi_close);
  lua_pushcfunction(L, new_multi);
  lua_setfield(L, -2, "multi");
}
