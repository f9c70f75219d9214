/* http.h - shared by the files of smpp.libhttp: libmicrohttpd serves, libcurl calls. */
#ifndef SMPP_HTTP_H
#define SMPP_HTTP_H

#include "binding/module.h"

#include <microhttpd.h>
#include <stddef.h>
#include <stdint.h>

/* Each adds its functions to the module, which is on top. */
void http_open_server(lua_State *L);
void http_open_client(lua_State *L);

/* The library's functions take what they only read as void *. */
void *http_loose(const void *octets);

/* Milliseconds of a clock that only goes forward. */
int64_t http_now_ms(void);

/* The head of a request, as libmicrohttpd gives it to its handlers. */
struct http_head {
  struct MHD_Connection *connection;
  const char *method;
  const char *version;
  const char *target;   /* a copy, as it came */
  const char *target_at; /* where it stood in the library's buffer */
  size_t octets;        /* result: of the whole head */
  int is_chunked;       /* result */
  int64_t length;       /* result: Content-Length; -1: none */
};

/* Checks what libmicrohttpd accepts and RFC 9112 wants refused: returns NULL, or what is wrong, and then the status in |status|.
 * Old versions of the library (those before 1.0) join folded lines, cut at NULs, take a bare LF or CR for a line's end and skip
 * blanks without a word; but the strings they hand over lie in the buffer as the octets came.  So they have to follow each
 * other with exactly what the grammar has between: ':' and line ends, which the library has overwritten with NULs.  Two things stay
 * hidden: a NUL that was sent in the place of the CR or LF of a line end, and a line that begins with ':',
 * which it takes for the empty line, when a bare LF makes up for the octet. */
const char *http_strict(struct http_head *head, int *status);

#endif
