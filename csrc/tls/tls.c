/* tls.c - luaopen_smpp_openssl: puts the module together. */
#include "tls.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

int tls_push_error(lua_State *L, const char *what, const char *word) {
  unsigned long error = ERR_peek_error();
  const char *reason = error != 0 ? ERR_reason_error_string(error) : NULL;
  lua_pushnil(L);
  if (reason != NULL) {
    lua_pushfstring(L, "%s: %s", what, reason);
  } else {
    lua_pushstring(L, what);
  }
  lua_pushstring(L, word);
  ERR_clear_error();
  return 3;
}

/* version() -> the text of the OpenSSL that runs, "OpenSSL 3.0.19 27 Jan 2026" */
static int version(lua_State *L) {
  lua_pushstring(L, OpenSSL_version(OPENSSL_VERSION));
  return 1;
}

SMPP_EXPORT int luaopen_smpp_openssl(lua_State *L);

int luaopen_smpp_openssl(lua_State *L) {
  static const luaL_Reg functions[] = {{"version", version}, {NULL, NULL}};
  luaL_newlib(L, functions);
  tls_open_certificate(L);
  tls_open_connection(L);
  tls_open_context(L);
  tls_open_file(L);
  return 1;
}
