/* tls.h - shared by the files of the TLS module: OpenSSL 3 through memory BIOs, no
 * sockets, no files; the only clock is OpenSSL's check of certificate dates.
 *
 * Lua sees three things: functions of the module, contexts (SSL_CTX: certificates,
 * trust, versions; bind_context.c) and connections (SSL and its two BIOs;
 * bind_tls.c).  Policies (which context answers a server name, what an error is
 * called, when a pin is checked) are Lua's: lua/smpp/transport/tls.lua.
 *
 * C never calls Lua: what OpenSSL reports through callbacks is recorded in struct tls
 * and read afterwards. */
#ifndef SMPP_TLS_H
#define SMPP_TLS_H

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

#include "binding/module.h"

#define CONTEXT_T "smpp.tls.context"
#define TLS_T "smpp.tls.connection"

struct context {
  SSL_CTX *ssl; /* NULL: closed, or never made */
  bool is_server;
};

/* Octets recorded by callbacks of OpenSSL, for Lua to read. */
struct notes {
  char *octets;
  size_t length, room;
};

struct tls {
  SSL *ssl;       /* owns both BIOs */
  BIO *in, *out;  /* octets from the peer, octets for the peer */
  bool is_server;
  bool hello_seen;       /* the ClientHello was shown to Lua */
  bool has_name;         /* server_name holds what the ClientHello asked for */
  bool cert_requested;   /* the server asked us for a certificate */
  char server_name[256];
  int alert_in, alert_out; /* the last alerts, -1: none */
  int verify_error, verify_depth; /* the first failure of the chain, X509_V_OK: none */
  X509 *verify_cert;              /* the certificate that failed */
  unsigned long records, key_updates; /* received */
  struct notes keylog;   /* NSS key log lines */
  struct notes session;  /* the last ticket, DER of SSL_SESSION */
};

/* The Lua state's functions; the table of the module is on top. */
void tls_open_context(lua_State *L);
void tls_open_connection(lua_State *L);
void tls_open_certificate(lua_State *L);
void tls_open_file(lua_State *L);

/* Raises unless argument |arg| is an open context. */
struct context *check_context(lua_State *L, int arg);

/* Makes a connection of the context at argument 1; pushes it. */
int tls_new(lua_State *L, struct context *context);

/* Callbacks of a context that note what they are told in struct tls. */
int tls_on_verify(int ok, X509_STORE_CTX *store);
int tls_on_client_hello(SSL *ssl, int *alert, void *unused);
int tls_on_new_session(SSL *ssl, SSL_SESSION *session);
int tls_on_cert_request(SSL *ssl, void *unused);
void tls_on_info(const SSL *ssl, int where, int value);
void tls_on_keylog(const SSL *ssl, const char *line);
void tls_on_message(int is_write, int version, int type, const void *octets, size_t length, SSL *ssl, void *unused);

/* Pushes nil, message, and a short word for programs; clears OpenSSL's queue of
 * errors.  |what| goes before OpenSSL's reason.  Returns 3. */
int tls_push_error(lua_State *L, const char *what, const char *word);

/* Pushes a table that describes a certificate. */
void tls_push_certificate(lua_State *L, X509 *cert);

/* The certificates of a PEM text, in order; NULL with nothing pushed when it holds
 * none or a malformed one.  The caller frees it with sk_X509_pop_free. */
STACK_OF(X509) *tls_read_certificates(const char *pem, size_t length);

#endif
