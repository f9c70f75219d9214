/* server.h - shared by bind_server.c and bind_exchange.c: a server, its connections, and what is exchanged on them. */
#ifndef SMPP_HTTP_SERVER_H
#define SMPP_HTTP_SERVER_H

#include "http.h"

enum phase { HEAD, BODY, WORK, SEND, IDLE };

struct exchange;

struct connection {
  struct connection *next, *previous;
  struct MHD_Connection *handle;
  struct exchange *stream; /* NULL: no answer is written in pieces */
  int fd;
  enum phase phase;
  int64_t deadline_ms;
  uint64_t acked;        /* octets that the client had taken when its answer began, or at the last look */
  char *target;          /* a copy, of the request that is read */
  const char *target_at; /* where it stood */
};

struct server {
  struct MHD_Daemon *daemon;
  lua_State *L;      /* of the `run` that runs; Lua is called only then */
  int functions;     /* reference: { head, body, request, room, gone } */
  int epoll;         /* of the library's descriptor and the sockets of streams */
  struct connection *first;
  struct exchange *exchanges;
  size_t connections, limit, streams, early; /* streams: whose sockets are polled */
  size_t header_octets, body_octets, pool;
  int64_t header_ms, body_ms, idle_ms;
  int is_tls, is_running;
};

/* A request and its answer; freed when both the library and Lua have dropped it. */
struct exchange {
  struct exchange *next, *previous;
  struct server *server;
  struct MHD_Connection *handle; /* NULL: it is over */
  struct connection *connection;
  struct http_head head;
  int self;                      /* reference: its userdata */
  char *body;
  size_t length, size, limit;
  int is_stream, is_suspended, has_answer, is_failed;
  struct MHD_Response *response;
  unsigned int status;
  /* An answer in pieces: octets that the client has not taken yet begin at |at|. */
  char *queue;
  size_t at, queued, queue_size, most;
  int is_streaming, is_ended, wants_room;
  int is_early, has_chunks, has_body_begun, is_read, is_record_left; /* of early.c */
  int64_t progress_ms, stall_ms;
};

/* Makes the class of exchanges. */
void http_open_exchange(lua_State *L);

/* Pushes the userdata of |x| and refers to it. */
void http_push_exchange(lua_State *L, struct exchange *x);

/* Takes the exchange out of its server's list and frees it. */
void http_release(struct exchange *x);

/* Calls f(argument) in a protected call of Lua: 1, or 0 when there is no memory. */
int http_protect(lua_State *L, lua_CFunction f, void *argument);

/* Pushes a function of the server by its name, and the exchange. */
void http_push_call(lua_State *L, struct exchange *x, const char *name);

void http_suspend(struct exchange *x);
void http_resume(struct exchange *x);
void http_set_phase(struct server *s, struct connection *c, enum phase phase);

/* The client of a stream has closed its end, or takes nothing any more: no octet of the stream is sent, gone() is called. */
void http_cut_stream(struct exchange *x);

/* The connection of a stream is polled no more for its end. */
void http_unwatch(struct exchange *x);

/* Puts octets behind those that wait for the client, whatever the limit; 0: no memory. */
int http_enqueue(struct exchange *x, const char *octets, size_t n);

/* Drops the first |n| octets that wait. */
void http_dequeue(struct exchange *x, size_t n);

/* Calls room(exchange) if somebody waits for it, and there is. */
void http_tell_room(struct exchange *x);

/* Calls put(x, name, value) for each header of an answer, as long as it returns 1: those of the lists name, value, ... at |first| of the
 * stack and behind it. */
int http_each_header(struct exchange *x, lua_State *L, int first, int (*put)(struct exchange *x, const char *name, const char *value));

/* ---- early.c: answers that begin before the body of their request has been read ---- */

/* Begins one, with the lists of headers at |first| and behind it; 0: no memory, or a header that would be two. */
int http_early_start(struct exchange *x, lua_State *L, int first, unsigned int status);
int http_early_write(struct exchange *x, const char *octets, size_t n);
int http_early_finish(struct exchange *x);

/* Sends what can be sent; at the end, lets the connection end. */
void http_early_flush(struct exchange *x);

/* The body has been read: what the access handler returns. */
enum MHD_Result http_early_wait(struct exchange *x);

#endif
