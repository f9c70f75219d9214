/* bind_worker.c - a thread with a Lua state of its own, that gets strings through a queue and gives strings back.
 *
 * The two Lua states share nothing but the queues.  Whoever waits for answers polls a pipe: an octet is in it while there
 * are answers that nobody has taken. */
#include <errno.h>
#include <fcntl.h>
#include <lualib.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sqlite.h"

#define WORKER_T "smpp.sqlite.worker"

struct item {
  struct item *next;
  size_t length;
  char octets[];
};

struct queue {
  struct item *first, *last;
};

/* Shared by both threads, guarded by |lock|.  Freed by the worker's __gc, after it has joined the thread. */
struct channel {
  pthread_mutex_t lock;
  pthread_cond_t filled;
  struct queue in, out;
  int pipe[2];
  bool stopping;
};

struct worker {
  struct channel *channel;
  pthread_t thread;
  bool running;
  lua_State *state;
};

static void put(struct queue *queue, struct item *item) {
  item->next = NULL;
  if (queue->last != NULL) queue->last->next = item;
  else queue->first = item;
  queue->last = item;
}

static struct item *take_all(struct queue *queue) {
  struct item *first = queue->first;
  queue->first = queue->last = NULL;
  return first;
}

static struct item *new_item(const char *octets, size_t length) {
  struct item *item = malloc(sizeof *item + length);
  if (item == NULL) return NULL;
  item->length = length;
  memcpy(item->octets, octets, length);
  return item;
}

static void free_items(struct item *item) {
  while (item != NULL) {
    struct item *next = item->next;
    free(item);
    item = next;
  }
}

/* Items on their way into a Lua list.  A userdata owns them, so that its __gc frees them when building the list fails (out of
 * memory). */
struct chain {
  struct item *first;
};

static int chain_gc(lua_State *L) {
  struct chain *chain = lua_touserdata(L, 1);
  free_items(chain->first);
  chain->first = NULL;
  return 0;
}

static void push_list(lua_State *L, struct chain *chain) {
  int n = 0;
  lua_newtable(L);
  for (struct item *item = chain->first; item != NULL; item = item->next) {
    lua_pushlstring(L, item->octets, item->length);
    lua_rawseti(L, -2, ++n);
  }
  free_items(chain->first);
  chain->first = NULL;
}

/* Pushes an empty chain, whose __gc frees the items put into it. */
static struct chain *new_chain(lua_State *L) {
  struct chain *chain = lua_newuserdatauv(L, sizeof *chain, 0);
  chain->first = NULL;
  if (luaL_newmetatable(L, "smpp.sqlite.chain")) {
    lua_pushcfunction(L, chain_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return chain;
}

/* ---- in the thread ---- */

static struct channel *own_channel(lua_State *L) { return lua_touserdata(L, lua_upvalueindex(1)); }

/* take() -> list of what was sent since; waits; nil: the end */
static int channel_take(lua_State *L) {
  struct channel *c = own_channel(L);
  struct chain *chain = new_chain(L);
  pthread_mutex_lock(&c->lock);
  while (c->in.first == NULL && !c->stopping) pthread_cond_wait(&c->filled, &c->lock);
  chain->first = take_all(&c->in);
  pthread_mutex_unlock(&c->lock);
  if (chain->first == NULL) return 0;
  push_list(L, chain);
  return 1;
}

/* give(octets): an answer */
static int channel_give(lua_State *L) {
  struct channel *c = own_channel(L);
  size_t length;
  const char *octets = luaL_checklstring(L, 1, &length);
  struct item *item = new_item(octets, length);
  if (item == NULL) return luaL_error(L, "not enough memory");
  pthread_mutex_lock(&c->lock);
  bool was_empty = c->out.first == NULL;
  put(&c->out, item);
  if (was_empty) {
    ssize_t written;
    do written = write(c->pipe[1], "", 1);
    while (written < 0 && errno == EINTR);
  }
  pthread_mutex_unlock(&c->lock);
  return 0;
}

static void *run(void *argument) {
  lua_State *L = argument; /* the function to call, and its arguments, are on its stack */
  if (lua_pcall(L, lua_gettop(L) - 1, 0, 0) != 0) lua_settop(L, 1); /* the message stays for stop() */
  else lua_settop(L, 0);
  return NULL;
}

/* ---- outside ---- */

static struct worker *check_worker(lua_State *L) { return luaL_checkudata(L, 1, WORKER_T); }

/* Lets the thread process what is in its queue, and joins it. */
static void stop(struct worker *w) {
  if (!w->running) return;
  pthread_mutex_lock(&w->channel->lock);
  w->channel->stopping = true;
  pthread_cond_signal(&w->channel->filled);
  pthread_mutex_unlock(&w->channel->lock);
  pthread_join(w->thread, NULL);
  w->running = false;
}

static int worker_gc(lua_State *L) {
  struct worker *w = check_worker(L);
  stop(w);
  if (w->state != NULL) lua_close(w->state);
  w->state = NULL;
  struct channel *c = w->channel;
  if (c == NULL) return 0;
  w->channel = NULL;
  for (int i = 0; i < 2; i++) {
    if (c->pipe[i] >= 0) (void)close(c->pipe[i]);
  }
  free_items(c->in.first);
  free_items(c->out.first);
  pthread_cond_destroy(&c->filled);
  pthread_mutex_destroy(&c->lock);
  free(c);
  return 0;
}

static bool set_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static struct channel *new_channel(void) {
  struct channel *c = calloc(1, sizeof *c);
  if (c == NULL) return NULL;
  c->pipe[0] = c->pipe[1] = -1;
  pthread_mutex_init(&c->lock, NULL);
  pthread_cond_init(&c->filled, NULL);
  return c;
}

/* Arguments of set_up, which runs in a protected call of the new state: it opens the libraries and loads the code. */
struct setup {
  struct channel *channel;
  const char *code, *strings[4];
  size_t code_length, lengths[4];
};

static int set_up(lua_State *L) {
  struct setup *s = lua_touserdata(L, 1);
  lua_settop(L, 0);
  luaL_openlibs(L);
  if (luaL_loadbuffer(L, s->code, s->code_length, "=worker") != 0) return lua_error(L);
  lua_createtable(L, 0, 2);
  lua_pushlightuserdata(L, s->channel);
  lua_pushcclosure(L, channel_take, 1);
  lua_setfield(L, -2, "take");
  lua_pushlightuserdata(L, s->channel);
  lua_pushcclosure(L, channel_give, 1);
  lua_setfield(L, -2, "give");
  for (int i = 0; i < 4; i++) {
    if (s->strings[i] != NULL) lua_pushlstring(L, s->strings[i], s->lengths[i]);
    else lua_pushnil(L);
  }
  return 6; /* the function, and its five arguments */
}

/* worker(code, a, b, c, d) -> worker: runs the code in a thread, with { take, give } and four strings; nil, message */
static int worker_new(lua_State *L) {
  struct setup setup = {0};
  setup.code = luaL_checklstring(L, 1, &setup.code_length);
  for (int i = 0; i < 4; i++) setup.strings[i] = luaL_optlstring(L, i + 2, NULL, &setup.lengths[i]);
  struct worker *w = lua_newuserdatauv(L, sizeof *w, 0);
  memset(w, 0, sizeof *w);
  luaL_setmetatable(L, WORKER_T);
  w->channel = setup.channel = new_channel();
  w->state = luaL_newstate();
  if (w->channel == NULL || w->state == NULL) return luaL_error(L, "not enough memory");
  if (pipe(w->channel->pipe) != 0 || !set_nonblocking(w->channel->pipe[0]) || !set_nonblocking(w->channel->pipe[1])) {
    lua_pushnil(L);
    lua_pushstring(L, strerror(errno));
    return 2;
  }
  lua_pushcfunction(w->state, set_up);
  lua_pushlightuserdata(w->state, &setup);
  if (lua_pcall(w->state, 1, LUA_MULTRET, 0) != 0) {
    lua_pushnil(L);
    lua_pushstring(L, lua_tostring(w->state, -1));
    return 2;
  }
  int error = pthread_create(&w->thread, NULL, run, w->state);
  if (error != 0) {
    lua_pushnil(L);
    lua_pushstring(L, strerror(error));
    return 2;
  }
  w->running = true;
  return 1;
}

/* worker:fd() -> what to poll for answers */
static int worker_fd(lua_State *L) {
  struct worker *w = check_worker(L);
  lua_pushinteger(L, w->channel != NULL ? w->channel->pipe[0] : -1);
  return 1;
}

/* worker:send(list, count): these strings, in one go: what the thread takes together it commits together */
static int worker_send(lua_State *L) {
  struct worker *w = check_worker(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_Integer count = luaL_checkinteger(L, 3);
  if (!w->running) return luaL_error(L, "the worker has stopped");
  struct chain *chain = new_chain(L);
  struct queue queue = {NULL, NULL};
  for (lua_Integer i = 1; i <= count; i++) {
    lua_rawgeti(L, 2, (int)i);
    if (lua_type(L, -1) != LUA_TSTRING) return luaL_argerror(L, 2, "expected strings");
    size_t length;
    const char *octets = lua_tolstring(L, -1, &length);
    struct item *item = new_item(octets, length);
    if (item == NULL) return luaL_error(L, "not enough memory");
    put(&queue, item);
    chain->first = queue.first;
    lua_pop(L, 1);
  }
  if (queue.first == NULL) return 0;
  chain->first = NULL;
  pthread_mutex_lock(&w->channel->lock);
  if (w->channel->in.last != NULL) w->channel->in.last->next = queue.first;
  else w->channel->in.first = queue.first;
  w->channel->in.last = queue.last;
  pthread_cond_signal(&w->channel->filled);
  pthread_mutex_unlock(&w->channel->lock);
  return 0;
}

/* worker:receive() -> list of the answers since, empty: none; does not wait */
static int worker_receive(lua_State *L) {
  struct worker *w = check_worker(L);
  struct chain *chain = new_chain(L);
  char octet[16];
  if (w->channel != NULL) {
    pthread_mutex_lock(&w->channel->lock);
    while (read(w->channel->pipe[0], octet, sizeof octet) > 0) continue;
    chain->first = take_all(&w->channel->out);
    pthread_mutex_unlock(&w->channel->lock);
  }
  push_list(L, chain);
  return 1;
}

/* worker:wait(ms) -> true; nil, message: nothing came in that time.  Blocks. */
static int worker_wait(lua_State *L) {
  struct worker *w = check_worker(L);
  struct pollfd fd = {w->channel != NULL ? w->channel->pipe[0] : -1, POLLIN, 0};
  int count = poll(&fd, 1, (int)luaL_checkinteger(L, 2));
  if (count < 0 && errno == EINTR) count = 1;
  if (count > 0) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushliteral(L, "no answer in time");
  return 2;
}

/* worker:stop() -> true; nil, message: its code has failed.  Waits until it has done what it was sent. */
static int worker_stop(lua_State *L) {
  struct worker *w = check_worker(L);
  stop(w);
  if (w->state != NULL && lua_gettop(w->state) > 0 && lua_type(w->state, 1) == LUA_TSTRING) {
    lua_pushnil(L);
    lua_pushstring(L, lua_tostring(w->state, 1));
    return 2;
  }
  lua_pushboolean(L, 1);
  return 1;
}

void sqlite_open_worker(lua_State *L) {
  static const luaL_Reg methods[] = {{"fd", worker_fd},
                                     {"send", worker_send},
                                     {"receive", worker_receive},
                                     {"wait", worker_wait},
                                     {"stop", worker_stop},
                                     {NULL, NULL}};
  new_class(L, WORKER_T, methods, worker_gc);
  lua_pushcfunction(L, worker_new);
  lua_setfield(L, -2, "worker");
}
