/* bind_context.c - contexts (SSL_CTX), which connections share.  Lua reads the files
 * and passes PEM text; OpenSSL reads the system's trust store itself. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "tls.h"

struct context *check_context(lua_State *L, int arg) {
  struct context *context = luaL_checkudata(L, arg, CONTEXT_T);
  luaL_argcheck(L, context->ssl != NULL, arg, "the context is closed");
  return context;
}

static int context_close(lua_State *L) {
  struct context *context = luaL_checkudata(L, 1, CONTEXT_T);
  SSL_CTX_free(context->ssl); /* connections hold references of their own */
  context->ssl = NULL;
  return 0;
}

/* Does not resume a session whose client certificate has expired: a full handshake checks it. */
static SSL_TICKET_RETURN on_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t length, SSL_TICKET_STATUS status,
                                   void *unused) {
  X509 *cert = session != NULL ? SSL_SESSION_get0_peer(session) : NULL;
  (void)ssl;
  (void)name;
  (void)length;
  (void)unused;
  if (cert != NULL && X509_cmp_current_time(X509_get0_notAfter(cert)) < 0) return SSL_TICKET_RETURN_IGNORE;
  if (status == SSL_TICKET_SUCCESS) return SSL_TICKET_RETURN_USE;
  if (status == SSL_TICKET_SUCCESS_RENEW) return SSL_TICKET_RETURN_USE_RENEW;
  return status == SSL_TICKET_NO_DECRYPT || status == SSL_TICKET_EMPTY ? SSL_TICKET_RETURN_IGNORE_RENEW : SSL_TICKET_RETURN_IGNORE;
}

enum { SECURITY_LEVEL = 2 }; /* RSA and DH from 2048 bits, ECC from 224, no SHA-1 */

/* context("client" | "server") -> context */
static int context_new(lua_State *L) {
  static const char *const roles[] = {"client", "server", NULL};
  int role = luaL_checkoption(L, 1, NULL, roles);
  struct context *context = lua_newuserdatauv(L, sizeof *context, 0);
  memset(context, 0, sizeof *context);
  luaL_setmetatable(L, CONTEXT_T);
  context->is_server = role == 1;
  SSL_CTX *ssl = SSL_CTX_new(context->is_server ? TLS_server_method() : TLS_client_method());
  if (ssl == NULL) return tls_push_error(L, "cannot make a TLS context", "tls");
  context->ssl = ssl;
  SSL_CTX_set_security_level(ssl, SECURITY_LEVEL);
  (void)SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
  SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_max_early_data(ssl, 0);
  X509_STORE_set_flags(SSL_CTX_get_cert_store(ssl), X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_info_callback(ssl, tls_on_info);
  SSL_CTX_set_msg_callback(ssl, tls_on_message);
  if (context->is_server) {
    SSL_CTX_set_client_hello_cb(ssl, tls_on_client_hello, NULL);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF); /* tickets only */
    (void)SSL_CTX_set_session_ticket_cb(ssl, NULL, on_ticket, NULL);
  } else {
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ssl, tls_on_new_session);
    SSL_CTX_set_cert_cb(ssl, tls_on_cert_request, NULL);
  }
  return 1;
}

static int version_of(lua_State *L, int arg) {
  static const char *const names[] = {"1.2", "1.3", NULL};
  static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
  return versions[luaL_checkoption(L, arg, NULL, names)];
}

/* context:versions(min, max | nil) -> true | nil, message, code */
static int context_versions(lua_State *L) {
  struct context *context = check_context(L, 1);
  int least = version_of(L, 2), most = lua_isnoneornil(L, 3) ? 0 : version_of(L, 3);
  if ((most != 0 && most < least) || !SSL_CTX_set_min_proto_version(context->ssl, least) ||
      !SSL_CTX_set_max_proto_version(context->ssl, most)) {
    return tls_push_error(L, "no TLS version between min and max", "bad_value");
  }
  lua_pushboolean(L, 1);
  return 1;
}

/* context:ciphers(for 1.2 | nil, for 1.3 | nil) -> true | nil, message, code */
static int context_ciphers(lua_State *L) {
  struct context *context = check_context(L, 1);
  const char *old = luaL_optstring(L, 2, NULL), *recent = luaL_optstring(L, 3, NULL);
  if (old != NULL && !SSL_CTX_set_cipher_list(context->ssl, old)) return tls_push_error(L, old, "bad_value");
  if (recent != NULL && !SSL_CTX_set_ciphersuites(context->ssl, recent)) return tls_push_error(L, recent, "bad_value");
  lua_pushboolean(L, 1);
  return 1;
}

/* ---- certificate and key ---- */

struct password {
  const char *octets;
  size_t length;
  bool asked;
};

static int give_password(char *room, int size, int writing, void *user) {
  struct password *password = user;
  (void)writing;
  password->asked = true;
  if (password->octets == NULL || password->length > (size_t)size) return -1;
  memcpy(room, password->octets, password->length);
  return (int)password->length;
}

static EVP_PKEY *read_key(const char *pem, size_t length, struct password *password) {
  if (length > 0x7FFFFFFF) return NULL;
  BIO *in = BIO_new_mem_buf(pem, (int)length);
  EVP_PKEY *key = in != NULL ? PEM_read_bio_PrivateKey(in, NULL, give_password, password) : NULL;
  BIO_free(in);
  return key;
}

/* Removes the issuer of |of| from |list| and returns it; NULL: not in the list. */
static X509 *take_issuer(STACK_OF(X509) *list, X509 *of) {
  for (int i = 0; i < sk_X509_num(list); i++) {
    if (X509_check_issued(sk_X509_value(list, i), of) == X509_V_OK) return sk_X509_delete(list, i);
  }
  return NULL;
}

/* Sets the chain that is sent: the leaf, then each issuer, without the root, which the peer has or
 * does not trust.  Each certificate is used once: two that issued each other make no loop. */
static int use_chain(SSL_CTX *ssl, STACK_OF(X509) *list, EVP_PKEY *key) {
  X509 *at = sk_X509_shift(list);
  int done = SSL_CTX_use_certificate(ssl, at) && SSL_CTX_use_PrivateKey(ssl, key) && SSL_CTX_clear_chain_certs(ssl);
  while (done && at != NULL && X509_self_signed(at, 0) != 1) {
    X509 *issuer = take_issuer(list, at);
    if (issuer != NULL && X509_self_signed(issuer, 0) != 1) {
      done = (int)SSL_CTX_add1_chain_cert(ssl, issuer);
    }
    X509_free(at);
    at = issuer;
  }
  X509_free(at);
  return done;
}

/* context:certificate(pem, key_pem, password | nil) -> true | nil, message, word
 * Words: "cert" (no certificate in PEM form), "key" (no key in PEM form), "encrypted"
 * (password required), "password" (wrong password), "mismatch" (the key of another
 * certificate), "weak" (refused by the security level).  Called again it adds a key of
 * another type (RSA, ECDSA): OpenSSL chooses by what the client supports. */
static int context_certificate(lua_State *L) {
  struct context *context = check_context(L, 1);
  size_t cert_length, key_length;
  const char *cert_pem = luaL_checklstring(L, 2, &cert_length), *key_pem = luaL_checklstring(L, 3, &key_length);
  struct password password = {NULL, 0, false};
  password.octets = luaL_optlstring(L, 4, NULL, &password.length);
  ERR_clear_error();
  STACK_OF(X509) *list = tls_read_certificates(cert_pem, cert_length);
  if (list == NULL) return tls_push_error(L, "no certificate in PEM form", "cert");
  EVP_PKEY *key = read_key(key_pem, key_length, &password);
  const char *word = NULL, *what = "no private key in PEM form";
  if (key == NULL) {
    word = !password.asked ? "key" : password.octets == NULL ? "encrypted" : "password";
  } else if (!X509_check_private_key(sk_X509_value(list, 0), key)) {
    word = "mismatch";
    what = "the key does not belong to the certificate";
  } else if (!use_chain(context->ssl, list, key)) {
    word = "weak";
    what = "the certificate or its key is refused";
  }
  EVP_PKEY_free(key);
  sk_X509_pop_free(list, X509_free);
  if (word != NULL) return tls_push_error(L, what, word);
  lua_pushboolean(L, 1);
  return 1;
}

/* ---- trust ---- */

/* context:trust(pem) -> true | nil, message, word: its certificates are trust anchors */
static int context_trust(lua_State *L) {
  struct context *context = check_context(L, 1);
  size_t length;
  const char *pem = luaL_checklstring(L, 2, &length);
  ERR_clear_error();
  STACK_OF(X509) *list = tls_read_certificates(pem, length);
  if (list == NULL) return tls_push_error(L, "no certificate in PEM form", "malformed");
  X509_STORE *store = SSL_CTX_get_cert_store(context->ssl);
  int done = 1;
  for (int i = 0; i < sk_X509_num(list) && done; i++) done = X509_STORE_add_cert(store, sk_X509_value(list, i));
  if (done && context->is_server) { /* the CA names of a CertificateRequest, by which clients choose a certificate */
    for (int i = 0; i < sk_X509_num(list); i++) (void)SSL_CTX_add_client_CA(context->ssl, sk_X509_value(list, i));
  }
  sk_X509_pop_free(list, X509_free);
  if (!done) return tls_push_error(L, "cannot add a CA certificate", "tls");
  lua_pushboolean(L, 1);
  return 1;
}

/* context:trust_path(file | nil, directory | nil) -> true | nil, message, word */
static int context_trust_path(lua_State *L) {
  struct context *context = check_context(L, 1);
  const char *file = luaL_optstring(L, 2, NULL), *directory = luaL_optstring(L, 3, NULL);
  ERR_clear_error();
  if ((file != NULL && !SSL_CTX_load_verify_file(context->ssl, file)) ||
      (directory != NULL && !SSL_CTX_load_verify_dir(context->ssl, directory))) {
    return tls_push_error(L, file != NULL ? file : directory, "malformed");
  }
  lua_pushboolean(L, 1);
  return 1;
}

/* default_paths() -> file, directory: where this OpenSSL looks for the system's store */
static int default_paths(lua_State *L) {
  lua_pushstring(L, X509_get_default_cert_file());
  lua_pushstring(L, X509_get_default_cert_dir());
  return 2;
}

/* context:verify("none" | "peer" | "required"): whether the peer's chain is checked; of
 * a server, "peer" accepts clients without a certificate. */
static int context_verify(lua_State *L) {
  static const char *const names[] = {"none", "peer", "required", NULL};
  static const int modes[] = {SSL_VERIFY_NONE, SSL_VERIFY_PEER, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT};
  struct context *context = check_context(L, 1);
  SSL_CTX_set_verify(context->ssl, modes[luaL_checkoption(L, 2, NULL, names)], tls_on_verify);
  return 0;
}

/* ---- resumption ---- */

/* context:tickets(on) */
static int context_tickets(lua_State *L) {
  struct context *context = check_context(L, 1);
  if (lua_toboolean(L, 2)) {
    SSL_CTX_clear_options(context->ssl, SSL_OP_NO_TICKET);
    (void)SSL_CTX_set_num_tickets(context->ssl, 2);
  } else {
    SSL_CTX_set_options(context->ssl, SSL_OP_NO_TICKET);
    (void)SSL_CTX_set_num_tickets(context->ssl, 0);
  }
  return 0;
}

/* context:ticket_keys() -> octets; context:ticket_keys(octets): tickets of one context can be resumed in another. */
static int context_ticket_keys(lua_State *L) {
  struct context *context = check_context(L, 1);
  unsigned char keys[80];
  if (lua_isnoneornil(L, 2)) {
    if (!SSL_CTX_get_tlsext_ticket_keys(context->ssl, keys, sizeof keys)) return tls_push_error(L, "no ticket keys", "tls");
    lua_pushlstring(L, (const char *)keys, sizeof keys);
    OPENSSL_cleanse(keys, sizeof keys);
    return 1;
  }
  size_t length;
  const char *given = luaL_checklstring(L, 2, &length);
  luaL_argcheck(L, length == sizeof keys, 2, "ticket keys: expected 80 octets");
  memcpy(keys, given, sizeof keys);
  (void)SSL_CTX_set_tlsext_ticket_keys(context->ssl, keys, sizeof keys);
  OPENSSL_cleanse(keys, sizeof keys);
  return 0;
}

/* context:session_context(octets): tickets are accepted only by contexts with the same value. */
static int context_session_context(lua_State *L) {
  struct context *context = check_context(L, 1);
  size_t length;
  const char *octets = luaL_checklstring(L, 2, &length);
  luaL_argcheck(L, length <= SSL_MAX_SID_CTX_LENGTH, 2, "session context too long: at most 32 octets");
  (void)SSL_CTX_set_session_id_context(context->ssl, (const unsigned char *)octets, (unsigned)length);
  return 0;
}

/* context:keylog(): its connections record key log lines, see connection:keylog. */
static int context_keylog(lua_State *L) {
  SSL_CTX_set_keylog_callback(check_context(L, 1)->ssl, tls_on_keylog);
  return 0;
}

/* context:connection() -> connection */
static int context_connection(lua_State *L) { return tls_new(L, check_context(L, 1)); }

void tls_open_context(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"versions", context_versions},       {"ciphers", context_ciphers},
      {"certificate", context_certificate}, {"trust", context_trust},
      {"trust_path", context_trust_path},   {"verify", context_verify},
      {"tickets", context_tickets},         {"ticket_keys", context_ticket_keys},
      {"session_context", context_session_context},
      {"keylog", context_keylog},           {"connection", context_connection},
      {"close", context_close},             {NULL, NULL}};
  static const luaL_Reg functions[] = {{"context", context_new}, {"default_paths", default_paths}, {NULL, NULL}};
  new_class(L, CONTEXT_T, methods, context_close);
  luaL_setfuncs(L, functions, 0);
}
