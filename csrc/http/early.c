/* early.c - answers that begin before the body of their request has been read.  libmicrohttpd takes none then (MHD_queue_response refuses
 * them between the header and the end of the body), so their octets go to the socket past it, which only reads meanwhile; at the end the
 * connection is closed. */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "server.h"

#define LINE_OCTETS 128

static int put(struct exchange *x, const char *text) {
  return http_enqueue(x, text, strlen(text));
}

static int put_field(struct exchange *x, const char *name, const char *value) {
  if (strcmp(name, "Connection") == 0) return 1; /* it is closed */
  if (strpbrk(name, "\r\n:") != NULL || strpbrk(value, "\r\n") != NULL) return 0;
  return put(x, name) && put(x, ": ") && put(x, value) && put(x, "\r\n");
}

int http_early_start(struct exchange *x, lua_State *L, int first, unsigned int status) {
  char line[LINE_OCTETS], date[40];
  time_t now = time(NULL);
  struct tm parts;
  x->is_early = 1;
  x->has_chunks = strcmp(x->head.version, "HTTP/1.0") != 0;
  (void)gmtime_r(&now, &parts);
  (void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  (void)snprintf(line, sizeof line, "HTTP/1.1 %u %s\r\nDate: %s\r\n", status, MHD_get_reason_phrase_for(status), date);
  int ok = put(x, line);
  ok = ok && http_each_header(x, L, first, put_field);
  x->connection->stream = x;
  return ok && (!x->has_chunks || put(x, "Transfer-Encoding: chunked\r\n")) && put(x, "Connection: close\r\n\r\n");
}

int http_early_write(struct exchange *x, const char *octets, size_t n) {
  char size[24];
  if (n == 0) return 1; /* an empty chunk would be the end */
  if (!x->has_chunks) return http_enqueue(x, octets, n);
  int digits = snprintf(size, sizeof size, "%zx\r\n", n);
  return http_enqueue(x, size, (size_t)digits) && http_enqueue(x, octets, n) && http_enqueue(x, "\r\n", 2);
}

int http_early_finish(struct exchange *x) {
  return !x->has_chunks || put(x, "0\r\n\r\n");
}

/* Sends some of the queue: how many octets; 0: not now; -1: never. */
static ssize_t send_some(struct exchange *x) {
  if (!x->server->is_tls) {
    ssize_t n = send(x->connection->fd, x->queue + x->at, x->queued, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n >= 0 ? n : errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
  }
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(x->handle, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  if (info == NULL || info->tls_session == NULL) return -1;
  /* After GNUTLS_E_AGAIN the library still has the record, and wants no octets. */
  ssize_t n = gnutls_record_send(info->tls_session, x->is_record_left ? NULL : x->queue + x->at, x->is_record_left ? 0 : x->queued);
  x->is_record_left = n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED;
  return n >= 0 ? n : x->is_record_left ? 0 : -1;
}

void http_early_flush(struct exchange *x) {
  if (!x->has_body_begun || x->is_failed) return; /* an interim 100 goes first */
  while (x->queued > 0) {
    ssize_t n = send_some(x);
    if (n < 0) {
      http_cut_stream(x);
      return;
    }
    if (n == 0) {
      struct epoll_event event;
      memset(&event, 0, sizeof event);
      event.events = EPOLLOUT | EPOLLONESHOT;
      event.data.ptr = x->connection;
      int epoll = x->server->epoll;
      if (epoll_ctl(epoll, EPOLL_CTL_MOD, x->connection->fd, &event) == 0) return;
      if (epoll_ctl(epoll, EPOLL_CTL_ADD, x->connection->fd, &event) == 0) x->server->streams++;
      return;
    }
    x->progress_ms = http_now_ms();
    http_dequeue(x, (size_t)n);
  }
  http_tell_room(x);
  if (x->is_ended && !x->is_read) (void)shutdown(x->connection->fd, SHUT_RDWR); /* the rest of the body is not wanted */
  if (x->is_ended) http_resume(x);
}

enum MHD_Result http_early_wait(struct exchange *x) {
  http_early_flush(x);
  if (x->is_failed) return MHD_NO;
  if (x->is_ended && x->queued == 0) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(x->handle, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (x->server->is_tls && info != NULL && info->tls_session != NULL) (void)gnutls_bye(info->tls_session, GNUTLS_SHUT_WR);
    (void)shutdown(x->connection->fd, SHUT_WR);
    return MHD_NO; /* ends the connection */
  }
  http_suspend(x);
  return MHD_YES;
}
