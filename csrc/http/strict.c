/* strict.c - the first check of a request's head, before anything of it is used (RFC 9112). */
#include <string.h>

#include "http.h"

#define MOST_DIGITS 15 /* of Content-Length: below 2^53 */

/* A field name or method: tchar of RFC 9110, 5.6.2. */
static int is_token(const char *text, size_t length) {
  if (length == 0) return 0;
  for (size_t i = 0; i < length; i++) {
    char c = text[i];
    int is_alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!is_alnum && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) return 0;
  }
  return 1;
}

static int is_value(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)text[i];
    if ((c < 0x20 && c != '\t') || c == 0x7F) return 0;
  }
  return 1;
}

static int is_host(const char *text, size_t length) {
  if (length == 0) return 0;
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c <= 0x20 || c >= 0x7F || strchr("/?#@\\,\"<>^`{|}", c) != NULL) return 0;
  }
  return 1;
}

static int is_equal(const char *text, size_t length, const char *word) {
  for (size_t i = 0; i < length; i++) {
    char c = text[i];
    if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
    if (word[i] == '\0' || c != word[i]) return 0;
  }
  return word[length] == '\0';
}

struct walk {
  struct http_head *head;
  const char *at; /* where the next field has to begin */
  const char *wrong;
  int hosts, lengths, codings, status;
};

static void check_length(struct walk *w, const char *value, size_t length) {
  int64_t number = 0;
  if (++w->lengths > 1) w->wrong = "several Content-Length";
  if (length == 0 || length > MOST_DIGITS) w->wrong = "invalid Content-Length";
  for (size_t i = 0; i < length && i < MOST_DIGITS; i++) {
    if (value[i] < '0' || value[i] > '9') w->wrong = "invalid Content-Length";
    number = number * 10 + (value[i] - '0');
  }
  w->head->length = number;
}

static void check_coding(struct walk *w, const char *value, size_t length) {
  if (++w->codings > 1) w->wrong = "several Transfer-Encoding";
  else if (!is_equal(value, length, "chunked")) {
    w->wrong = "unsupported Transfer-Encoding";
    w->status = 501;
  }
  w->head->is_chunked = 1;
}

static enum MHD_Result check_field(void *context, enum MHD_ValueKind kind, const char *key, size_t key_size, const char *value, size_t value_size) {
  struct walk *w = context;
  (void)kind;
  w->status = 400;
  if (!is_token(key, key_size)) w->wrong = "invalid header name";
  else if (value == NULL || !is_value(value, value_size)) w->wrong = "invalid header value";
  else if (key != w->at) w->wrong = "malformed line in the header";
  if (w->wrong != NULL) return MHD_NO;
  const char *p = key + key_size + 1; /* past ':' */
  while (p < value && (*p == ' ' || *p == '\t')) p++;
  if (key[key_size] != '\0' || p != value) w->wrong = "folded or malformed line in the header";
  else if (value[value_size] != '\0' || value[value_size + 1] != '\0') w->wrong = "malformed line end in the header";
  if (w->wrong != NULL) return MHD_NO;
  w->at = value + value_size + 2;
  /* Blanks behind these values are not forgiven: the library would not find its own words. */
  if (is_equal(key, key_size, "content-length")) check_length(w, value, value_size);
  else if (is_equal(key, key_size, "transfer-encoding")) check_coding(w, value, value_size);
  else if (is_equal(key, key_size, "host") && (++w->hosts > 1 || !is_host(value, value_size))) w->wrong = "invalid or repeated Host";
  return w->wrong == NULL ? MHD_YES : MHD_NO;
}

static const char *check_request_line(const struct http_head *head) {
  const char *target = head->target;
  if (target == NULL || *target == '\0' || head->version == NULL) return "malformed request line";
  if (!is_token(head->method, strlen(head->method))) return "invalid method";
  for (const char *p = target; *p != '\0'; p++) {
    unsigned char c = (unsigned char)*p;
    if (c <= 0x20 || c >= 0x7F || c == '#') return "invalid character in the request target";
  }
  if (head->target_at != head->method + strlen(head->method) + 1) return "malformed request line";
  if (head->version != head->target_at + strlen(target) + 1) return "malformed request line";
  if (strcmp(head->version, "HTTP/1.1") != 0 && strcmp(head->version, "HTTP/1.0") != 0) return "unsupported HTTP version";
  if (head->version[8] != '\0' || head->version[9] != '\0') return "malformed line end after the request line";
  return NULL;
}

const char *http_strict(struct http_head *head, int *status) {
  *status = 400;
  head->length = -1;
  head->is_chunked = 0;
  head->octets = 0;
  const char *wrong = check_request_line(head);
  if (wrong != NULL) return wrong;
  struct walk w = {head, head->version + 10, NULL, 0, 0, 0, 400};
  (void)MHD_get_connection_values_n(head->connection, MHD_HEADER_KIND, check_field, &w);
  head->octets = (size_t)(w.at - head->method) + 2;
  *status = w.status;
  if (w.wrong != NULL) return w.wrong;
  *status = 400;
  /* The empty line has to follow, and nothing may be left over: a NUL at the end, a field that the library dropped. */
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(head->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
  if (info == NULL || info->header_size != head->octets || w.at[0] != '\0' || w.at[1] != '\0') return "malformed end of the header";
  int is_old = head->version[7] == '0';
  if (w.lengths > 0 && w.codings > 0) return "Content-Length with Transfer-Encoding";
  if (w.codings > 0 && is_old) return "Transfer-Encoding in HTTP/1.0";
  if (w.hosts == 0 && !is_old) return "missing Host";
  return NULL;
}
