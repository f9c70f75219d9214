/* bind_digest.c - core.sha256(octets): the digest in hexadecimal digits (smpp/sha256.h). */
#include "smpp/sha256.h"

#include "binding.h"

static int digest_sha256(lua_State *L) {
  static const char digits[] = "0123456789abcdef";
  size_t length = 0;
  const char *octets = luaL_checklstring(L, 1, &length);
  uint8_t digest[SMPP_SHA256_OCTETS];
  char text[2 * SMPP_SHA256_OCTETS];
  smpp_sha256((const uint8_t *)octets, length, digest);
  for (size_t i = 0; i < sizeof digest; i++) {
    text[2 * i] = digits[digest[i] >> 4];
    text[2 * i + 1] = digits[digest[i] & 15];
  }
  lua_pushlstring(L, text, sizeof text);
  return 1;
}

void smpp_open_digest(lua_State *L) {
  lua_pushcfunction(L, digest_sha256);
  lua_setfield(L, -2, "sha256");
}
