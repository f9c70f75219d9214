/* bind_shared.c - helpers for the other files of the binding. */
#include <stdio.h>
#include <string.h>

#include "bind_text.h"
#include "smpp/error.h"

int push_error(lua_State *L, int error, const char *message) {
  lua_pushnil(L);
  lua_pushstring(L, message != NULL ? message : smpp_error_text(error));
  lua_pushstring(L, smpp_error_name(error));
  return 3;
}

int to_u32(lua_State *L, int index, uint32_t *out) {
  return lua_type(L, index) == LUA_TNUMBER && number_to_u32(lua_tonumber(L, index), out);
}

uint32_t check_u32(lua_State *L, int arg) {
  uint32_t v = 0;
  luaL_checktype(L, arg, LUA_TNUMBER);
  luaL_argcheck(L, to_u32(L, arg, &v), arg, "expected an integer from 0 to 0xFFFFFFFF");
  return v;
}

/* ---- suggestions ---- */

#define SUGGEST_MAX 48

static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length) {
  size_t row[SUGGEST_MAX + 1];
  for (size_t j = 0; j <= b_length; j++) row[j] = j;
  for (size_t i = 1; i <= a_length; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b_length; j++) {
      size_t best = diagonal + (a[i - 1] != b[j - 1]);
      if (row[j] + 1 < best) best = row[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      diagonal = row[j];
      row[j] = best;
    }
  }
  return row[b_length];
}

void push_suggestion(lua_State *L, int names, const char *name) {
  size_t length = strlen(name), best = length < 4 ? 2 : length / 3 + 1;
  if (names > LUA_REGISTRYINDEX) names = lua_absindex(L, names);
  luaL_checkstack(L, 6, "names");
  lua_pushnil(L); /* the best so far */
  if (length > SUGGEST_MAX) return;
  for (lua_pushnil(L); lua_next(L, names) != 0; lua_pop(L, 1)) {
    size_t other_length = 0;
    if (lua_type(L, -2) != LUA_TSTRING) continue;
    const char *other = lua_tolstring(L, -2, &other_length);
    if (other_length > SUGGEST_MAX || strcmp(other, name) == 0) continue; /* not the name itself */
    size_t d = distance(name, length, other, other_length);
    if (d < best || (d == best && lua_isstring(L, -3) && strcmp(other, lua_tostring(L, -3)) < 0)) {
      best = d;
      lua_pushvalue(L, -2);
      lua_replace(L, -4);
    }
  }
}

/* ---- texts ---- */

void push_character(lua_State *L, uint32_t codepoint) {
  uint8_t utf8[4];
  unsigned length = smpp_utf8_put(utf8, codepoint);
  lua_pushlstring(L, (const char *)utf8, length);
}

int push_text_fault(lua_State *L, int error, const char *encoding, const struct smpp_text_fault *fault) {
  char codepoint[16];
  lua_pushnil(L);
  if (error == SMPP_ERR_BAD_VALUE) {
    lua_pushfstring(L, "malformed UTF-8 at octet %d", (int)fault->octet);
  } else if (error == SMPP_ERR_UNMAPPABLE) {
    (void)snprintf(codepoint, sizeof codepoint, "U+%04lX", (unsigned long)fault->codepoint);
    bool visible = fault->codepoint >= 0x20 && fault->codepoint != 0x7F;
    lua_pushstring(L, visible ? ", " : "");
    push_character(L, visible ? fault->codepoint : 0);
    lua_pushfstring(L, "character %d (%s%s%s) cannot be written in %s", (int)fault->character, codepoint,
                    lua_tostring(L, -2), lua_tostring(L, -1), encoding);
    lua_replace(L, -3);
    lua_pop(L, 1);
  } else {
    lua_pushfstring(L, "unknown national language table for %s", encoding);
  }
  lua_pushstring(L, smpp_error_name(error));
  return 3;
}
