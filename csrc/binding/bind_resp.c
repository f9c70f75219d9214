/* bind_resp.c - core.resp_command: a command of Valkey or Redis as its octets. */
#include <math.h>
#include <stdio.h>

#include "bind_record.h"
#include "binding.h"

enum { NUMBER_MAX = 40 }; /* octets of a number, and of the head of a word */

char *resp_put_digits(char *end, uint64_t number) {
  do {
    *--end = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  return end;
}

void resp_put_head(struct record_out *out, char type, size_t count) {
  char text[NUMBER_MAX], *end = text + sizeof text;
  *--end = '\n';
  *--end = '\r';
  end = resp_put_digits(end, count);
  *--end = type;
  record_put_octets(out, end, (size_t)(text + sizeof text - end));
}

void resp_put_word(struct record_out *out, const char *octets, size_t length) {
  resp_put_head(out, '$', length);
  record_put_octets(out, octets, length);
  record_put_octets(out, "\r\n", 2);
}

/* Puts a number: whole ones by their digits.  False: it is not finite. */
static bool put_number(struct record_out *out, lua_Number number) {
  char text[NUMBER_MAX], *end = text + sizeof text;
  if (!isfinite(number)) return false;
  if (floor(number) != number || number <= -9223372036854775808.0 || number >= 9223372036854775808.0) {
    int length = snprintf(text, sizeof text, "%.17g", number); /* NOLINT(cert-err33-c): it fits */
    resp_put_word(out, text, (size_t)length);
    return true;
  }
  char *from = resp_put_digits(end, (uint64_t)fabs(number));
  if (number < 0) *--from = '-';
  resp_put_word(out, from, (size_t)(end - from));
  return true;
}

bool resp_put_value(struct record_out *out) {
  lua_State *L = out->L;
  if (lua_type(L, -1) == LUA_TSTRING) {
    size_t length;
    const char *octets = lua_tolstring(L, -1, &length);
    resp_put_word(out, octets, length);
    return true;
  }
#if LUA_VERSION_NUM >= 503
  if (lua_isinteger(L, -1)) { /* a double does not hold all of them */
    lua_Integer whole = lua_tointeger(L, -1);
    char text[NUMBER_MAX], *end = text + sizeof text;
    char *from = resp_put_digits(end, whole < 0 ? 0 - (uint64_t)whole : (uint64_t)whole);
    if (whole < 0) *--from = '-';
    resp_put_word(out, from, (size_t)(end - from));
    return true;
  }
#endif
  return lua_type(L, -1) == LUA_TNUMBER && put_number(out, lua_tonumber(L, -1));
}

/* resp_command(words, count) -> octets; nil, place: that word is neither a string nor a finite number */
static int resp_command(lua_State *L) {
  struct record_out out;
  luaL_checktype(L, 1, LUA_TTABLE);
  int count = (int)luaL_checkinteger(L, 2);
  record_out_init(&out, L);
  resp_put_head(&out, '*', count < 0 ? 0 : (size_t)count);
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, 1, i);
    if (!resp_put_value(&out)) {
      lua_pushnil(L);
      lua_pushinteger(L, i);
      return 2;
    }
    lua_pop(L, 1);
  }
  lua_pushlstring(L, (const char *)out.octets, out.size);
  return 1;
}

void smpp_open_resp(lua_State *L) {
  lua_pushcfunction(L, resp_command);
  lua_setfield(L, -2, "resp_command");
}
