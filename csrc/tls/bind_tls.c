/* bind_tls.c - connections (SSL): octets of the peer in; plaintext, and octets for the
 * peer, out. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "tls.h"

/* ---- data recorded by OpenSSL's callbacks ---- */

/* Without memory the data is dropped: nothing depends on a key log line or a ticket. */
static void note(struct notes *notes, const void *octets, size_t length, bool append) {
  size_t used = append ? notes->length : 0;
  if (used + length > notes->room) {
    char *room = realloc(notes->octets, used + length);
    if (room == NULL) return;
    notes->octets = room;
    notes->room = used + length;
  }
  memcpy(notes->octets + used, octets, length);
  notes->length = used + length;
}

static void drop(struct notes *notes) {
  if (notes->octets != NULL) OPENSSL_cleanse(notes->octets, notes->room);
  free(notes->octets);
  memset(notes, 0, sizeof *notes);
}

static struct tls *tls_of(const SSL *ssl) { return SSL_get_app_data(ssl); }

int tls_on_verify(int ok, X509_STORE_CTX *store) {
  SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
  struct tls *tls = tls_of(ssl);
  if (!ok && tls != NULL && tls->verify_error == X509_V_OK) {
    tls->verify_error = X509_STORE_CTX_get_error(store);
    tls->verify_depth = X509_STORE_CTX_get_error_depth(store);
    tls->verify_cert = X509_STORE_CTX_get_current_cert(store);
    if (tls->verify_cert != NULL) (void)X509_up_ref(tls->verify_cert);
  }
  return ok;
}

void tls_on_info(const SSL *ssl, int where, int value) {
  struct tls *tls = tls_of(ssl);
  if (tls == NULL || !(where & SSL_CB_ALERT)) return;
  if (where & SSL_CB_READ) {
    tls->alert_in = value & 0xFF;
  } else {
    tls->alert_out = value & 0xFF;
  }
}

void tls_on_message(int is_write, int version, int type, const void *octets, size_t length, SSL *ssl, void *unused) {
  struct tls *tls = tls_of(ssl);
  (void)version;
  (void)unused;
  if (tls == NULL || is_write) return;
  if (type == SSL3_RT_HEADER) tls->records++;
  if (type == SSL3_RT_HANDSHAKE && length > 0 && *(const unsigned char *)octets == SSL3_MT_KEY_UPDATE) tls->key_updates++;
}

int tls_on_cert_request(SSL *ssl, void *unused) {
  struct tls *tls = tls_of(ssl);
  (void)unused;
  if (tls != NULL) tls->cert_requested = true;
  return 1;
}

void tls_on_keylog(const SSL *ssl, const char *line) {
  struct tls *tls = tls_of(ssl);
  if (tls == NULL) return;
  note(&tls->keylog, line, strlen(line), true);
  note(&tls->keylog, "\n", 1, true);
}

int tls_on_new_session(SSL *ssl, SSL_SESSION *session) {
  struct tls *tls = tls_of(ssl);
  unsigned char *der = NULL;
  int length = tls != NULL ? i2d_SSL_SESSION(session, &der) : 0;
  if (length > 0) note(&tls->session, der, (size_t)length, false);
  OPENSSL_clear_free(der, length > 0 ? (size_t)length : 0);
  return 0; /* OpenSSL keeps its session */
}

/* The host name of a ClientHello's server_name extension, RFC 6066, section 3. */
static void read_server_name(struct tls *tls, const unsigned char *p, size_t left) {
  if (left < 5) return;
  size_t list = (size_t)p[0] << 8 | p[1], length = (size_t)p[3] << 8 | p[4];
  if (list + 2 != left || p[2] != TLSEXT_NAMETYPE_host_name || length + 5 > left) return;
  if (length == 0 || length >= sizeof tls->server_name || memchr(p + 5, 0, length) != NULL) return;
  memcpy(tls->server_name, p + 5, length);
  tls->server_name[length] = 0;
  tls->has_name = true;
}

/* Suspends the handshake once, for Lua to choose the context by the server name. */
int tls_on_client_hello(SSL *ssl, int *alert, void *unused) {
  struct tls *tls = tls_of(ssl);
  const unsigned char *extension;
  size_t length;
  (void)alert;
  (void)unused;
  if (tls == NULL || tls->hello_seen) return SSL_CLIENT_HELLO_SUCCESS;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &length)) read_server_name(tls, extension, length);
  tls->hello_seen = true;
  return SSL_CLIENT_HELLO_RETRY;
}

/* ---- a connection ---- */

static struct tls *check_tls(lua_State *L) {
  struct tls *tls = luaL_checkudata(L, 1, TLS_T);
  luaL_argcheck(L, tls->ssl != NULL, 1, "the connection is closed");
  return tls;
}

static int tls_close(lua_State *L) {
  struct tls *tls = luaL_checkudata(L, 1, TLS_T);
  SSL_free(tls->ssl);
  X509_free(tls->verify_cert);
  tls->ssl = NULL;
  tls->verify_cert = NULL;
  drop(&tls->keylog);
  drop(&tls->session);
  return 0;
}

int tls_new(lua_State *L, struct context *context) {
  struct tls *tls = lua_newuserdatauv(L, sizeof *tls, 0);
  memset(tls, 0, sizeof *tls);
  luaL_setmetatable(L, TLS_T);
  tls->is_server = context->is_server;
  tls->alert_in = tls->alert_out = -1;
  tls->verify_error = X509_V_OK;
  tls->ssl = SSL_new(context->ssl);
  BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
  if (tls->ssl == NULL || in == NULL || out == NULL || !SSL_set_app_data(tls->ssl, tls)) {
    BIO_free(in);
    BIO_free(out);
    return tls_push_error(L, "cannot make a TLS connection", "tls");
  }
  (void)BIO_set_mem_eof_return(in, -1); /* empty: retry, not the end */
  (void)BIO_set_mem_eof_return(out, -1);
  SSL_set_bio(tls->ssl, in, out);
  tls->in = in;
  tls->out = out;
  if (tls->is_server) {
    SSL_set_accept_state(tls->ssl);
  } else {
    SSL_set_connect_state(tls->ssl);
  }
  return 1;
}

/* connection:expect(server_name | nil, dns_name | nil, ip | nil) -> true | nil, message, word
 * Of a client: the name to ask for, and the one its certificate must be for. */
static int tls_expect(lua_State *L) {
  struct tls *tls = check_tls(L);
  size_t length = 0;
  const char *sni = luaL_optlstring(L, 2, NULL, &length), *dns = luaL_optstring(L, 3, NULL), *ip = luaL_optstring(L, 4, NULL);
  X509_VERIFY_PARAM *param = SSL_get0_param(tls->ssl);
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  luaL_argcheck(L, length < sizeof tls->server_name, 2, "server name too long: at most 255 octets");
  if (sni != NULL) memcpy(tls->server_name, sni, length + 1);
  if ((sni != NULL && !SSL_set_tlsext_host_name(tls->ssl, tls->server_name)) || (dns != NULL && !X509_VERIFY_PARAM_set1_host(param, dns, 0)) ||
      (ip != NULL && !X509_VERIFY_PARAM_set1_ip_asc(param, ip))) {
    return tls_push_error(L, "invalid server name", "bad_value");
  }
  lua_pushboolean(L, 1);
  return 1;
}

/* connection:use(context): of a server, before it answers the ClientHello */
static int tls_use(lua_State *L) {
  struct tls *tls = check_tls(L);
  struct context *context = check_context(L, 2);
  luaL_argcheck(L, tls->is_server && context->is_server, 2, "expected a context of a server");
  if (SSL_set_SSL_CTX(tls->ssl, context->ssl) == NULL) return tls_push_error(L, "cannot use the context", "tls");
  SSL_set_verify(tls->ssl, SSL_CTX_get_verify_mode(context->ssl), tls_on_verify); /* SSL_set_SSL_CTX keeps the former ones */
  SSL_clear_options(tls->ssl, SSL_OP_NO_TICKET);
  SSL_set_options(tls->ssl, SSL_CTX_get_options(context->ssl));
  lua_pushboolean(L, 1);
  return 1;
}

/* connection:resume(session): of a client, before the handshake; an invalid session is ignored */
static int tls_resume(lua_State *L) {
  struct tls *tls = check_tls(L);
  size_t length;
  const char *octets = luaL_checklstring(L, 2, &length);
  const unsigned char *p = (const unsigned char *)octets;
  SSL_SESSION *session = d2i_SSL_SESSION(NULL, &p, (long)length);
  int used = session != NULL && SSL_set_session(tls->ssl, session);
  SSL_SESSION_free(session);
  ERR_clear_error();
  lua_pushboolean(L, used);
  return 1;
}

/* connection:feed(octets): what the peer sent */
static int tls_feed(lua_State *L) {
  struct tls *tls = check_tls(L);
  size_t length;
  const char *octets = luaL_checklstring(L, 2, &length);
  size_t written = 0;
  if (length > 0 && (!BIO_write_ex(tls->in, octets, length, &written) || written != length)) {
    return luaL_error(L, "not enough memory");
  }
  return 0;
}

/* Pushes nil, a word and OpenSSL's reason for the last call's result; returns 3.
 * Words: "more" (octets of the peer are needed), "hello" (choose a context, then go
 * on), "closed" (close_notify came), "verify" (see `failure`), "alert" (the peer
 * refused, see `alerts`), "plain" (no TLS), "protocol". */
static int push_state(lua_State *L, struct tls *tls, int result) {
  int state = SSL_get_error(tls->ssl, result);
  const char *word = "protocol", *reason = NULL;
  unsigned long error = ERR_peek_error();
  if (state == SSL_ERROR_WANT_READ || state == SSL_ERROR_WANT_WRITE) {
    word = "more";
  } else if (state == SSL_ERROR_WANT_CLIENT_HELLO_CB) {
    word = "hello";
  } else if (state == SSL_ERROR_ZERO_RETURN) {
    word = "closed";
  } else if (error != 0) {
    int code = ERR_GET_REASON(error);
    reason = ERR_reason_error_string(error);
    if (ERR_GET_LIB(error) == ERR_LIB_SSL) {
      if (code == SSL_R_CERTIFICATE_VERIFY_FAILED) word = "verify";
      if (code == SSL_R_WRONG_VERSION_NUMBER || code == SSL_R_HTTP_REQUEST || code == SSL_R_HTTPS_PROXY_REQUEST) word = "plain";
      if (code >= SSL_AD_REASON_OFFSET) word = "alert";
    }
  }
  lua_pushnil(L);
  lua_pushstring(L, word);
  lua_pushstring(L, reason);
  ERR_clear_error();
  return 3;
}

/* connection:handshake() -> true | nil, word, reason */
static int tls_handshake(lua_State *L) {
  struct tls *tls = check_tls(L);
  ERR_clear_error();
  int result = SSL_do_handshake(tls->ssl);
  if (result != 1) return push_state(L, tls, result);
  lua_pushboolean(L, 1);
  return 1;
}

/* connection:read() -> octets, why it stopped ("more", "closed", "alert" …), reason
 * All plaintext available; "" if none. */
static int tls_read(lua_State *L) {
  struct tls *tls = check_tls(L);
  luaL_Buffer buffer;
  int result;
  luaL_buffinit(L, &buffer);
  ERR_clear_error();
  for (;;) {
    char *room = luaL_prepbuffer(&buffer);
    size_t got = 0;
    result = SSL_read_ex(tls->ssl, room, LUAL_BUFFERSIZE, &got);
    if (result != 1) break;
    luaL_addsize(&buffer, got);
  }
  luaL_pushresult(&buffer);
  int pushed = push_state(L, tls, result);
  lua_remove(L, -pushed); /* the nil */
  return pushed;
}

/* connection:write(octets) -> true | nil, word, reason */
static int tls_write(lua_State *L) {
  struct tls *tls = check_tls(L);
  size_t length, written = 0;
  const char *octets = luaL_checklstring(L, 2, &length);
  ERR_clear_error();
  if (length > 0) {
    int result = SSL_write_ex(tls->ssl, octets, length, &written);
    if (result != 1) return push_state(L, tls, result);
  }
  lua_pushboolean(L, 1);
  return 1;
}

/* connection:shutdown(): close_notify is among the next output */
static int tls_shutdown(lua_State *L) {
  struct tls *tls = check_tls(L);
  if (SSL_is_init_finished(tls->ssl)) (void)SSL_shutdown(tls->ssl);
  ERR_clear_error();
  return 0;
}

/* connection:output() -> octets for the peer | nil */
static int tls_output(lua_State *L) {
  struct tls *tls = check_tls(L);
  char *octets = NULL;
  long length = BIO_get_mem_data(tls->out, &octets);
  if (length <= 0) return 0;
  lua_pushlstring(L, octets, (size_t)length);
  (void)BIO_reset(tls->out);
  return 1;
}

static int push_notes(lua_State *L, struct notes *notes) {
  if (notes->length == 0) return 0;
  lua_pushlstring(L, notes->octets, notes->length);
  notes->length = 0;
  return 1;
}

/* connection:keylog() -> lines since the last call | nil */
static int tls_keylog(lua_State *L) { return push_notes(L, &check_tls(L)->keylog); }

/* connection:ticket() -> the newest session, for `resume` of another connection | nil */
static int tls_ticket(lua_State *L) { return push_notes(L, &check_tls(L)->session); }

/* connection:server_name() -> the name that the ClientHello asked for | nil */
static int tls_server_name(lua_State *L) {
  struct tls *tls = check_tls(L);
  if (!tls->has_name) return 0;
  lua_pushstring(L, tls->server_name);
  return 1;
}

static void push_alert(lua_State *L, int alert) {
  if (alert < 0) {
    lua_pushnil(L);
    lua_pushnil(L);
  } else {
    lua_pushinteger(L, alert);
    lua_pushstring(L, SSL_alert_desc_string_long(alert));
  }
}

/* connection:alerts() -> received, its name, sent, its name: numbers of RFC 8446, section 6; nil: none */
static int tls_alerts(lua_State *L) {
  struct tls *tls = check_tls(L);
  push_alert(L, tls->alert_in);
  push_alert(L, tls->alert_out);
  return 4;
}

/* connection:failure() -> number of X509_V_ERR_*, its text, depth in the chain, certificate | nil */
static int tls_failure(lua_State *L) {
  struct tls *tls = check_tls(L);
  if (tls->verify_error == X509_V_OK) return 0;
  lua_pushinteger(L, tls->verify_error);
  lua_pushstring(L, X509_verify_cert_error_string(tls->verify_error));
  lua_pushinteger(L, tls->verify_depth);
  if (tls->verify_cert == NULL) return 3;
  tls_push_certificate(L, tls->verify_cert);
  return 4;
}

/* connection:counts() -> records, KeyUpdates: received so far */
static int tls_counts(lua_State *L) {
  struct tls *tls = check_tls(L);
  lua_pushnumber(L, (lua_Number)tls->records);
  lua_pushnumber(L, (lua_Number)tls->key_updates);
  return 2;
}

/* connection:info() -> { version, cipher, resumed, cert_requested } */
static int tls_info(lua_State *L) {
  struct tls *tls = check_tls(L);
  const char *version = SSL_get_version(tls->ssl);
  const SSL_CIPHER *cipher = SSL_get_current_cipher(tls->ssl);
  lua_createtable(L, 0, 4);
  lua_pushstring(L, strncmp(version, "TLSv", 4) == 0 ? version + 4 : version);
  lua_setfield(L, -2, "version");
  if (cipher != NULL) {
    lua_pushstring(L, SSL_CIPHER_get_name(cipher));
    lua_setfield(L, -2, "cipher");
  }
  lua_pushboolean(L, SSL_session_reused(tls->ssl));
  lua_setfield(L, -2, "resumed");
  lua_pushboolean(L, tls->cert_requested);
  lua_setfield(L, -2, "cert_requested");
  return 1;
}

/* connection:peer() -> certificate | nil */
static int tls_peer(lua_State *L) {
  struct tls *tls = check_tls(L);
  X509 *cert = SSL_get0_peer_certificate(tls->ssl);
  if (cert == NULL) return 0;
  tls_push_certificate(L, cert);
  return 1;
}

/* connection:chain() -> { certificate... }: what the peer sent, leaf first */
static int tls_chain(lua_State *L) {
  struct tls *tls = check_tls(L);
  X509 *leaf = SSL_get0_peer_certificate(tls->ssl);
  STACK_OF(X509) *chain = SSL_get_peer_cert_chain(tls->ssl);
  int n = 0;
  lua_newtable(L);
  if (tls->is_server && leaf != NULL) { /* on servers OpenSSL's chain lacks the leaf */
    tls_push_certificate(L, leaf);
    lua_rawseti(L, -2, ++n);
  }
  for (int i = 0; i < sk_X509_num(chain); i++) {
    tls_push_certificate(L, sk_X509_value(chain, i));
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}

void tls_open_connection(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"expect", tls_expect},       {"use", tls_use},           {"resume", tls_resume},   {"feed", tls_feed},
      {"handshake", tls_handshake}, {"read", tls_read},         {"write", tls_write},     {"shutdown", tls_shutdown},
      {"output", tls_output},       {"keylog", tls_keylog},     {"ticket", tls_ticket},   {"server_name", tls_server_name},
      {"alerts", tls_alerts},       {"failure", tls_failure},   {"counts", tls_counts},   {"info", tls_info},
      {"peer", tls_peer},           {"chain", tls_chain},       {"close", tls_close},     {NULL, NULL}};
  new_class(L, TLS_T, methods, tls_close);
}
