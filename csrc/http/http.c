/* http.c - luaopen_smpp_libhttp: puts the module together. */
#include "http.h"

#include <curl/curl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <time.h>

#define DIGEST_OCTETS 32

int64_t http_now_ms(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void *http_loose(const void *octets) {
  union {
    const void *in;
    void *out;
  } same = {octets};
  return same.out;
}

/* version() -> the versions of libmicrohttpd and libcurl that run */
static int version(lua_State *L) {
  lua_pushstring(L, MHD_get_version());
  lua_pushstring(L, curl_version_info(CURLVERSION_NOW)->version);
  return 2;
}

static void push_hex(lua_State *L, const unsigned char *octets, size_t length) {
  static const char digits[] = "0123456789abcdef";
  char hex[2 * DIGEST_OCTETS];
  for (size_t i = 0; i < length; i++) {
    hex[2 * i] = digits[octets[i] >> 4];
    hex[2 * i + 1] = digits[octets[i] & 15];
  }
  lua_pushlstring(L, hex, 2 * length);
}

/* hmac(key, octets) -> HMAC-SHA256 in hex */
static int hmac(lua_State *L) {
  size_t key_length, length;
  const char *key = luaL_checklstring(L, 1, &key_length);
  const char *octets = luaL_checklstring(L, 2, &length);
  unsigned char digest[DIGEST_OCTETS];
  if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, key_length, octets, length, digest) < 0) return luaL_error(L, "HMAC failed");
  push_hex(L, digest, sizeof digest);
  return 1;
}

/* digest(octets) -> SHA-256 in hex */
static int digest_of(lua_State *L) {
  size_t length;
  const char *octets = luaL_checklstring(L, 1, &length);
  unsigned char digest[DIGEST_OCTETS];
  if (gnutls_hash_fast(GNUTLS_DIG_SHA256, octets, length, digest) < 0) return luaL_error(L, "SHA-256 failed");
  push_hex(L, digest, sizeof digest);
  return 1;
}

/* random(n) -> n octets that nobody can guess */
static int random_octets(lua_State *L) {
  unsigned char octets[64];
  lua_Integer n = luaL_checkinteger(L, 1);
  luaL_argcheck(L, n >= 1 && n <= (lua_Integer)sizeof octets, 1, "1 to 64 octets");
  if (gnutls_rnd(GNUTLS_RND_KEY, octets, (size_t)n) < 0) return luaL_error(L, "no random octets");
  lua_pushlstring(L, (const char *)octets, (size_t)n);
  return 1;
}

SMPP_EXPORT int luaopen_smpp_libhttp(lua_State *L);

int luaopen_smpp_libhttp(lua_State *L) {
  static const luaL_Reg functions[] = {
    {"version", version}, {"hmac", hmac}, {"sha256", digest_of}, {"random", random_octets}, {NULL, NULL}};
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return luaL_error(L, "libcurl cannot be initialized");
  luaL_newlib(L, functions);
  http_open_server(L);
  http_open_client(L);
  return 1;
}
