/* bind_udh.c - core.udh: the user data header and its elements. */
#include "bind_text.h"
#include "smpp/udh.h"

static void set_u32(lua_State *L, const char *name, uint32_t value) {
  push_u32(L, value);
  lua_setfield(L, -2, name);
}

static void push_element(lua_State *L, const struct smpp_udh_element *element, bool counts) {
  const struct smpp_udh_row *row = smpp_udh_row(element->iei);
  lua_createtable(L, 0, 7);
  set_u32(L, "iei", element->iei);
  lua_pushstring(L, row->name);
  lua_setfield(L, -2, "name");
  lua_pushlstring(L, (const char *)element->data, element->length);
  lua_setfield(L, -2, "octets");
  if (!counts) return;
  unsigned known = 0;
  for (const struct smpp_udh_field *field = row->fields; field->name != NULL; field++) {
    unsigned end = (unsigned)field->offset + field->octets;
    if (end > element->length) break;
    set_u32(L, field->name, smpp_udh_get(field, element->data));
    known = end;
  }
  if (known > 0 && known < element->length) {
    lua_pushlstring(L, (const char *)element->data + known, element->length - known);
    lua_setfield(L, -2, "data");
  }
}

/* Appends { code, offset, iei, message } to the list at |list|, which it makes at first. */
static void add_problem(lua_State *L, int list, const char *code, size_t offset, uint8_t iei, const char *what) {
  if (lua_isnil(L, list)) {
    lua_newtable(L);
    lua_replace(L, list);
  }
  lua_createtable(L, 0, 4);
  lua_pushstring(L, code);
  lua_setfield(L, -2, "code");
  lua_pushinteger(L, (lua_Integer)offset);
  lua_setfield(L, -2, "offset");
  set_u32(L, "iei", iei);
  lua_pushfstring(L, "%s: %s", smpp_udh_row(iei)->name, what);
  lua_setfield(L, -2, "message");
  lua_rawseti(L, list, (int)lua_rawlen(L, list) + 1);
}

static void push_summary(lua_State *L, const struct smpp_udh *udh) {
  set_u32(L, "length", (uint32_t)udh->header_octets);
  set_u32(L, "locking", udh->locking);
  set_u32(L, "single", udh->single);
  if (udh->concat_bits != 0) {
    lua_createtable(L, 0, 4);
    set_u32(L, "ref", udh->reference);
    set_u32(L, "total", udh->total);
    set_u32(L, "seq", udh->seq);
    set_u32(L, "bits", udh->concat_bits);
    lua_setfield(L, -2, "concat");
  }
  if (udh->port_bits != 0) {
    lua_createtable(L, 0, 3);
    set_u32(L, "dest", udh->dest_port);
    set_u32(L, "orig", udh->orig_port);
    set_u32(L, "bits", udh->port_bits);
    lua_setfield(L, -2, "ports");
  }
}

/* decode(octets) -> header [, problems] | nil, message, code */
static int udh_decode(lua_State *L) {
  size_t length, header_octets;
  const char *text = luaL_checklstring(L, 1, &length);
  const uint8_t *octets = (const uint8_t *)text;
  struct smpp_reader r;
  struct smpp_udh udh;
  struct smpp_udh_element element;
  bool seen[256] = {false};
  lua_settop(L, 1);
  int err = smpp_udh_open(octets, length, &r, &header_octets);
  if (err == 0) err = smpp_udh_read(octets, length, &udh);
  if (err == SMPP_ERR_TRUNCATED) return push_error(L, err, "truncated UDH: longer than the message");
  if (err != 0) return push_error(L, err, "malformed UDH: an element is longer than the header");
  lua_pushnil(L);                 /* 2: problems */
  lua_createtable(L, 0, 6);       /* 3: header */
  lua_createtable(L, 4, 0);       /* 4: elements */
  for (int n = 1; r.pos < r.end; n++) {
    size_t offset = (size_t)(r.pos - octets) + 1;
    if (!smpp_udh_next(&r, &element)) break;
    int bad = smpp_udh_check(&element);
    push_element(L, &element, bad != SMPP_ERR_BAD_LENGTH);
    lua_rawseti(L, 4, n);
    if (bad == SMPP_ERR_BAD_LENGTH) add_problem(L, 2, "bad_length", offset, element.iei, "invalid length, ignored");
    if (bad == SMPP_ERR_BAD_VALUE) add_problem(L, 2, "bad_value", offset, element.iei, "part out of range, ignored");
    if (seen[element.iei] && !smpp_udh_row(element.iei)->repeatable) {
      add_problem(L, 2, "repeated", offset, element.iei, "repeated, the last one is used");
    }
    seen[element.iei] = true;
  }
  lua_setfield(L, 3, "elements");
  push_summary(L, &udh);
  lua_insert(L, 2);
  return lua_isnil(L, 3) ? (lua_pop(L, 1), 1) : 2;
}

/* A failure that names the element: "element 2 (concat_8bit): …". */
static int element_error(lua_State *L, int error, int n, uint8_t iei, const char *field, const char *what) {
  lua_pushnil(L);
  lua_pushfstring(L, "element %d (%s): %s%s%s", n, smpp_udh_row(iei)->name, field, *field ? " " : "", what);
  lua_pushstring(L, smpp_error_name(error));
  return 3;
}

/* The IEI of the element table on top, by `iei` or `name`; raises on misuse. */
static uint8_t element_iei(lua_State *L, int n) {
  uint32_t iei = 0;
  if (lua_getfield(L, -1, "iei") != LUA_TNIL) {
    if (!to_u32(L, -1, &iei) || iei > 0xFF) luaL_error(L, "element %d: iei out of range: expected 0 to 255", n);
  } else {
    lua_getfield(L, -2, "name");
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    int found = name == NULL ? -1 : smpp_udh_iei(name);
    if (found < 0) luaL_error(L, "element %d: expected iei or a known name", n);
    iei = (uint32_t)found;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return (uint8_t)iei;
}

/* Builds the data of the element on top in |data| (at least 256 octets) from its
 * fields and `data`.  |given|: how many fields there were; |missing|: one that was
 * not there (bits default to 0).  Returns 0, or a count of results pushed. */
static int element_data(lua_State *L, int n, uint8_t iei, uint8_t *data, size_t *length, unsigned *given,
                        const char **missing) {
  const struct smpp_udh_row *row = smpp_udh_row(iei);
  memset(data, 0, 256);
  *length = 0;
  *given = 0;
  *missing = NULL;
  for (const struct smpp_udh_field *field = row->fields; field->name != NULL; field++) {
    uint32_t value = 0;
    size_t end = (size_t)field->offset + field->octets;
    if (lua_getfield(L, -1, field->name) != LUA_TNIL) {
      if (!to_u32(L, -1, &value)) luaL_error(L, "element %d: %s: expected an integer", n, field->name);
      if (!smpp_udh_put(field, data, value)) return element_error(L, SMPP_ERR_BAD_VALUE, n, iei, field->name, "out of range");
      *length = end;
      ++*given;
    } else if (end <= row->min) {
      if (*length < end) *length = end;
      if (field->bits == 0) *missing = field->name;
    }
    lua_pop(L, 1);
  }
  if (lua_getfield(L, -1, "data") != LUA_TNIL) {
    size_t tail;
    const char *octets = luaL_checklstring(L, -1, &tail);
    if (tail > 255 - *length) return element_error(L, SMPP_ERR_TOO_LONG, n, iei, "", "more than 255 octets");
    memcpy(data + *length, octets, tail);
    *length += tail;
    ++*given;
  }
  lua_pop(L, 1);
  return 0;
}

/* encode(elements) -> octets of the header, its length octet first | nil, message, code */
static int udh_encode(lua_State *L) {
  uint8_t header[256], data[256];
  size_t used = 1;
  luaL_checktype(L, 1, LUA_TTABLE);
  int count = (int)lua_rawlen(L, 1);
  lua_settop(L, 1);
  for (int n = 1; n <= count; n++) {
    struct smpp_udh_element element;
    size_t length = 0, raw_length = 0;
    unsigned given = 0;
    const char *missing = NULL;
    if (lua_rawgeti(L, 1, n) != LUA_TTABLE) return luaL_error(L, "element %d: expected a table", n);
    element.iei = element_iei(L, n);
    int failed = element_data(L, n, element.iei, data, &length, &given, &missing);
    if (failed != 0) return failed;
    if (lua_getfield(L, -1, "octets") != LUA_TNIL) {
      const char *raw = luaL_checklstring(L, -1, &raw_length);
      if (raw_length > 255) return element_error(L, SMPP_ERR_TOO_LONG, n, element.iei, "", "more than 255 octets");
      if (given > 0 && (raw_length != length || memcmp(raw, data, length) != 0)) {
        return element_error(L, SMPP_ERR_BAD_VALUE, n, element.iei, "", "octets and fields do not match");
      }
      memcpy(data, raw, raw_length);
      length = raw_length;
    } else if (missing != NULL) {
      return element_error(L, SMPP_ERR_MISSING, n, element.iei, missing, "missing");
    }
    element.length = (uint8_t)length;
    element.data = data;
    int err = smpp_udh_check(&element);
    if (err != 0) {
      return element_error(L, err, n, element.iei, "",
                           err == SMPP_ERR_BAD_LENGTH ? "invalid length" : "seq out of range: expected 1 to total");
    }
    if (length + 2 > sizeof header - used) return push_error(L, SMPP_ERR_TOO_LONG, "UDH elements too long: at most 255 octets");
    header[used] = element.iei;
    header[used + 1] = element.length;
    memcpy(header + used + 2, data, length);
    used += 2 + length;
    lua_settop(L, 1);
  }
  header[0] = (uint8_t)(used - 1);
  lua_pushlstring(L, (const char *)header, used);
  return 1;
}

/* row(iei) -> name, least octets, most octets, repeatable */
static int udh_row(lua_State *L) {
  uint32_t iei = check_u32(L, 1);
  luaL_argcheck(L, iei <= 0xFF, 1, "iei must be 0 to 255");
  const struct smpp_udh_row *row = smpp_udh_row((uint8_t)iei);
  lua_pushstring(L, row->name);
  lua_pushinteger(L, row->min);
  lua_pushinteger(L, row->max);
  lua_pushboolean(L, row->repeatable);
  return 4;
}

void smpp_open_udh(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"decode", udh_decode}, {"encode", udh_encode}, {"row", udh_row}, {NULL, NULL},
  };
  luaL_newlib(L, functions);
  lua_setfield(L, -2, "udh");
}
