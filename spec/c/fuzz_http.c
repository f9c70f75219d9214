/* The first check of requests: libmicrohttpd reads the octets of a client, and whatever head http_strict lets pass has to be, in the
 * octets as they came, lines that end in CRLF, without folds, NULs and blanks where none may be.  `make fuzz` builds it. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t sent[1 << 16];
static size_t sent_size;
static int is_first;
static const char *target_at;
static char target[65536];

static void *on_target(void *context, const char *uri, struct MHD_Connection *connection) {
  (void)context;
  (void)connection;
  target_at = uri;
  target[0] = '\0';
  if (uri != NULL) strncpy(target, uri, sizeof target - 1);
  return NULL;
}

static void fail(void) { abort(); }

/* Reads the octets again, by the grammar of RFC 9112 alone. */
static void check_head(size_t octets) {
  const uint8_t *at = sent, *end = sent + sent_size;
  if ((size_t)(end - at) < octets || octets < 18 || memcmp(at + octets - 4, "\r\n\r\n", 4) != 0) fail();
  end = at + octets - 2;
  int blanks = 0, hosts = 0, lengths = 0, codings = 0;
  for (int line = 0; at < end; line++) {
    const uint8_t *cr = memchr(at, '\r', (size_t)(end - at));
    if (cr == NULL || cr == at || cr[1] != '\n') fail();
    for (const uint8_t *p = at; p < cr; p++) {
      if (*p == '\0' || *p == '\n' || *p == 0x7F || (*p < 0x20 && *p != '\t')) fail();
      if (line == 0 && *p == ' ') blanks++;
    }
    if (line > 0) {
      const uint8_t *colon = memchr(at, ':', (size_t)(cr - at));
      if (colon == NULL || colon == at) fail();
      for (const uint8_t *p = at; p < colon; p++)
        if (*p <= ' ' || *p >= 0x7F) fail();
      size_t length = (size_t)(colon - at);
      if (length == 4 && strncasecmp((const char *)at, "Host", 4) == 0) hosts++;
      if (length == 14 && strncasecmp((const char *)at, "Content-Length", 14) == 0) lengths++;
      if (length == 17 && strncasecmp((const char *)at, "Transfer-Encoding", 17) == 0) codings++;
    }
    at = cr + 2;
  }
  if (blanks != 2 || hosts > 1 || lengths + codings > 1) fail();
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                                 const char *octets, size_t *size, void **own) {
  static int known;
  (void)context;
  (void)url;
  (void)octets;
  if (*own == NULL) {
    struct http_head head = {connection, method, version, target, target_at, 0, 0, 0};
    int status;
    *own = &known;
    const char *wrong = http_strict(&head, &status);
    if (wrong == NULL && is_first) check_head(head.octets);
    is_first = 0;
    if (wrong == NULL) return MHD_YES;
  } else if (*size != 0) {
    *size = 0;
    return MHD_YES;
  }
  struct MHD_Response *response = MHD_create_response_from_buffer(2, (void *)(uintptr_t)"ok", MHD_RESPMEM_PERSISTENT);
  (void)MHD_add_response_header(response, "Connection", "close");
  enum MHD_Result ok = MHD_queue_response(connection, 200, response);
  MHD_destroy_response(response);
  return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  int pair[2];
  struct sockaddr_un address = {AF_UNIX, ""};
  static struct MHD_Daemon *daemon;
  if (daemon == NULL)
    daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, on_access, NULL, MHD_OPTION_URI_LOG_CALLBACK, on_target,
                              NULL, MHD_OPTION_STRICT_FOR_CLIENT, 0, MHD_OPTION_END);
  if (daemon == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0) abort();
  /* What cannot be seen any more: a NUL in the place of a line end's CR or LF, whose other octet was
   * there; a line that begins with a colon, which the library takes for the empty line. */
  sent_size = size < sizeof sent ? size : sizeof sent;
  memcpy(sent, data, sent_size);
  for (size_t i = 0; i + 1 < sent_size; i++) {
    if (sent[i] == '\0' && sent[i + 1] == '\n') sent[i] = '\r';
    else if (sent[i] == '\r' && sent[i + 1] == '\0') sent[i + 1] = '\n';
    else if (i > 0 && sent[i - 1] != '\r' && sent[i] == '\n' && sent[i + 1] == ':') memcpy(sent + i, "\r\n", 2);
    else if (i > 0 && sent[i - 1] == '\n' && sent[i] == ':' && sent[i + 1] == '\n') sent[i] = '\r';
  }
  /* The first octet cuts it in two, as networks do. */
  size_t cut = size > 0 ? data[0] % size : 0;
  if (MHD_add_connection(daemon, pair[1], (struct sockaddr *)&address, sizeof address) != MHD_YES) abort();
  (void)send(pair[0], data, cut, MSG_NOSIGNAL);
  (void)MHD_run(daemon);
  (void)send(pair[0], data + cut, size - cut, MSG_NOSIGNAL);
  (void)shutdown(pair[0], SHUT_WR);
  for (int i = 0; i < 8; i++) {
    char answer[4096];
    (void)MHD_run(daemon);
    while (read(pair[0], answer, sizeof answer) > 0) {}
  }
  (void)close(pair[0]);
  (void)MHD_run(daemon);
  return 0;
}
