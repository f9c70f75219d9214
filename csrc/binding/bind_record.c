/* bind_record.c - core.record: tables of plain data <-> octets, for stores.
 *
 * A record is a row of fields, each a name and a value.  Names that the user of
 * the codec declared are one octet, their place in the list; others are written
 * out.  Octets may come back from a disk or a network: reading validates everything. */
#include <math.h>
#include <string.h>

#include "bind_record.h"
#include "binding.h"

enum {
  SMALL_MAX = 0x7F, /* 0 to 127 stand for themselves */
  TAG_TRUE = 0x80,
  TAG_FALSE,
  TAG_POSITIVE, /* a whole number, as varint */
  TAG_NEGATIVE, /* -1 - n */
  TAG_DOUBLE,   /* IEEE 754, the highest octet first */
  TAG_STRING,   /* length as varint, octets */
  TAG_TABLE,    /* keys and values in turn, up to TAG_END */
  TAG_END,
  TAG_SHORT = 0xC0, /* + length: a string of up to 63 octets */
  SHORT_MAX = 0x3F,
  NAMES_MAX = 255, /* 0: the name follows as a string */
  DEPTH_MAX = 16
};

#define UP_RECORD_NAMES lua_upvalueindex(1)  /* place -> name, name -> place */
#define UP_RECORD_PARAMS lua_upvalueindex(2) /* uint8_t: parameter of a PDU -> place of its name, 0: not declared */
#define UP_RECORD_WANTED lua_upvalueindex(3) /* of a reader: struct places */

/* ---- writing ---- */

/* Grows in userdata at stack index |box|; on the C stack while small. */
struct out {
  lua_State *L;
  int box;
  uint8_t *octets;
  size_t size, capacity;
  uint8_t small[1024];
};

static void out_init(struct out *out, lua_State *L) {
  lua_pushnil(L);
  out->L = L;
  out->box = lua_gettop(L);
  out->octets = out->small;
  out->size = 0;
  out->capacity = sizeof out->small;
}

static uint8_t *out_room(struct out *out, size_t count) {
  if (count > out->capacity - out->size) {
    size_t capacity = out->capacity * 2;
    while (capacity - out->size < count) capacity *= 2; /* count is of a string in memory: no overflow */
    uint8_t *larger = lua_newuserdatauv(out->L, capacity, 0);
    memcpy(larger, out->octets, out->size);
    lua_replace(out->L, out->box);
    out->octets = larger;
    out->capacity = capacity;
  }
  uint8_t *at = out->octets + out->size;
  out->size += count;
  return at;
}

static void put_octet(struct out *out, uint8_t octet) { *out_room(out, 1) = octet; }

static void put_octets(struct out *out, const void *octets, size_t length) {
  uint8_t *at = out_room(out, length);
  if (length > 0) memcpy(at, octets, length);
}

static void put_varint(struct out *out, uint64_t value) {
  while (value >= 0x80) {
    put_octet(out, (uint8_t)(value | 0x80));
    value >>= 7;
  }
  put_octet(out, (uint8_t)value);
}

static void put_string(struct out *out, const char *octets, size_t length) {
  if (length <= SHORT_MAX) {
    put_octet(out, (uint8_t)(TAG_SHORT + length));
  } else {
    put_octet(out, TAG_STRING);
    put_varint(out, length);
  }
  put_octets(out, octets, length);
}

static void put_number(struct out *out, double number) {
  if (number >= -9007199254740991.0 && number <= 9007199254740991.0 && floor(number) == number) {
    if (number >= 0 && number <= SMALL_MAX) {
      put_octet(out, (uint8_t)number);
    } else if (number >= 0) {
      put_octet(out, TAG_POSITIVE);
      put_varint(out, (uint64_t)number);
    } else {
      put_octet(out, TAG_NEGATIVE);
      put_varint(out, (uint64_t)(-1 - number));
    }
    return;
  }
  uint64_t bits;
  memcpy(&bits, &number, sizeof bits);
  put_octet(out, TAG_DOUBLE);
  for (int shift = 56; shift >= 0; shift -= 8) put_octet(out, (uint8_t)(bits >> shift));
}

static void put_table(struct out *out, int depth);

/* Writes the value on top of the stack; |name|: of its field, for the error. */
static void put_value(struct out *out, const char *name, int depth) { /* NOLINT(misc-no-recursion): at most DEPTH_MAX deep */
  lua_State *L = out->L;
  switch (lua_type(L, -1)) {
    case LUA_TSTRING: {
      size_t length;
      const char *octets = lua_tolstring(L, -1, &length);
      put_string(out, octets, length);
      return;
    }
    case LUA_TNUMBER: put_number(out, (double)lua_tonumber(L, -1)); return;
    case LUA_TBOOLEAN: put_octet(out, lua_toboolean(L, -1) ? TAG_TRUE : TAG_FALSE); return;
    case LUA_TTABLE: put_table(out, depth + 1); return;
    default:
      luaL_error(L, "invalid value in a record: expected a string, number, boolean or table of these, %s is a %s", name, luaL_typename(L, -1));
  }
}

static void put_table(struct out *out, int depth) { /* NOLINT(misc-no-recursion): at most DEPTH_MAX deep */
  lua_State *L = out->L;
  if (depth > DEPTH_MAX) luaL_error(L, "invalid value in a record: tables nested more than %d deep", DEPTH_MAX);
  luaL_checkstack(L, 4, "record");
  put_octet(out, TAG_TABLE);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pushvalue(L, -2);
    put_value(out, "a key", depth);
    lua_pop(L, 1);
    put_value(out, "a nested value", depth);
    lua_pop(L, 1);
  }
  put_octet(out, TAG_END);
}

/* The place of the name at |index| in the list, 0: it is not there. */
static uint8_t place_of(lua_State *L, int index) {
  lua_pushvalue(L, index);
  lua_rawget(L, UP_RECORD_NAMES);
  uint8_t place = (uint8_t)lua_tointeger(L, -1);
  lua_pop(L, 1);
  return place;
}

/* Places of names that are declared, one bit each. */
struct places {
  uint32_t bits[8];
  int count; /* of the list that a reader was made of */
};

static void add_place(struct places *set, uint8_t place) { set->bits[place / 32] |= (uint32_t)1 << place % 32; }
static bool has_place(const struct places *set, uint8_t place) { return set->bits[place / 32] >> place % 32 & 1; }

/* Writes the fields of the table at |index|; |written|: gets the places of those that are declared, may be NULL. */
static void put_fields(struct out *out, int index, struct places *written) {
  lua_State *L = out->L;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "a record's fields have names, got a %s", luaL_typename(L, -2));
    uint8_t place = place_of(L, -2);
    size_t length;
    const char *name = lua_tolstring(L, -2, &length);
    put_octet(out, place);
    if (place == 0) put_string(out, name, length);
    else if (written != NULL) add_place(written, place);
    put_value(out, name, 0);
    lua_pop(L, 1);
  }
}

/* Writes the parameters of a PDU whose names are declared, but those that are |written| already. */
static void put_params(struct out *out, const struct smpp_pdu *pdu, const struct places *written) {
  const uint8_t *places = lua_touserdata(out->L, UP_RECORD_PARAMS);
  for (unsigned i = 0; i < pdu->param_count; i++) {
    const struct smpp_param *param = &pdu->command->params[i];
    if (param->field >= SMPP_FIELD_COUNT) continue; /* of a command that was declared at run time */
    uint8_t place = places[param->field];
    if (place == 0 || has_place(written, place)) continue;
    if (param->kind == SMPP_U8 || param->kind == SMPP_U16 || param->kind == SMPP_U32) {
      put_octet(out, place);
      put_number(out, smpp_pdu_number(pdu, i));
    } else if (param->kind == SMPP_CSTRING || param->kind == SMPP_TIME || param->kind == SMPP_TEXT) {
      put_octet(out, place);
      put_string(out, (const char *)pdu->octets + pdu->params[i].offset, pdu->params[i].length);
    }
  }
}

/* ---- reading ---- */

struct in {
  const uint8_t *at, *end;
  bool is_bad;
};

static uint8_t take_octet(struct in *in) {
  if (in->at == in->end || in->at == NULL) {
    in->is_bad = true;
    return TAG_END;
  }
  return *in->at++;
}

static uint64_t take_varint(struct in *in) {
  uint64_t value = 0;
  for (int shift = 0; shift < 56; shift += 7) { /* 53 bits are the most that is written */
    uint8_t octet = take_octet(in);
    value |= (uint64_t)(octet & 0x7F) << shift;
    if (octet < 0x80) return value;
  }
  in->is_bad = true;
  return 0;
}

/* The octets of a string behind its tag, which stay where they are; NULL: there are fewer. */
static const char *take_string(struct in *in, uint8_t tag, size_t *length) {
  uint64_t count = tag >= TAG_SHORT ? (uint64_t)(tag - TAG_SHORT) : take_varint(in);
  if (in->is_bad || count > (uint64_t)(in->end - in->at)) {
    in->is_bad = true;
    return NULL;
  }
  *length = (size_t)count;
  const char *octets = (const char *)in->at;
  in->at += *length;
  return octets;
}

static void push_whole(lua_State *L, double number) {
  if (sizeof(lua_Integer) >= 8) lua_pushinteger(L, (lua_Integer)number);
  else lua_pushnumber(L, (lua_Number)number);
}

static void push_table(lua_State *L, struct in *in, int depth);

/* Pushes the value of a tag (nil if it is malformed). */
static void push_value(lua_State *L, struct in *in, uint8_t tag, int depth) { /* NOLINT(misc-no-recursion): at most DEPTH_MAX deep */
  if (tag <= SMALL_MAX) {
    push_whole(L, tag);
  } else if (tag >= TAG_SHORT || tag == TAG_STRING) {
    size_t length;
    const char *octets = take_string(in, tag, &length);
    if (octets != NULL) lua_pushlstring(L, octets, length);
    else lua_pushnil(L);
  } else if (tag == TAG_TRUE || tag == TAG_FALSE) {
    lua_pushboolean(L, tag == TAG_TRUE);
  } else if (tag == TAG_POSITIVE) {
    push_whole(L, (double)take_varint(in));
  } else if (tag == TAG_NEGATIVE) {
    push_whole(L, -1 - (double)take_varint(in));
  } else if (tag == TAG_DOUBLE) {
    uint64_t bits = 0;
    double number;
    for (int i = 0; i < 8; i++) bits = bits << 8 | take_octet(in);
    memcpy(&number, &bits, sizeof number);
    lua_pushnumber(L, (lua_Number)number);
  } else if (tag == TAG_TABLE && depth < DEPTH_MAX) {
    push_table(L, in, depth + 1);
  } else {
    in->is_bad = true;
    lua_pushnil(L);
  }
}

static void push_table(lua_State *L, struct in *in, int depth) { /* NOLINT(misc-no-recursion): at most DEPTH_MAX deep */
  luaL_checkstack(L, 4, "record");
  lua_newtable(L);
  while (!in->is_bad) {
    uint8_t tag = take_octet(in);
    if (tag == TAG_END) return;
    push_value(L, in, tag, depth);
    push_value(L, in, take_octet(in), depth);
    lua_Number key = lua_type(L, -2) == LUA_TNUMBER ? lua_tonumber(L, -2) : 0;
    if (in->is_bad || key != key) { /* not a number: no key */
      in->is_bad = true;
      lua_pop(L, 2);
      return;
    }
    lua_rawset(L, -3);
  }
}

/* Passes over the value of a tag. */
static void skip_value(struct in *in, uint8_t tag) {
  size_t depth = 0, length;
  for (;;) {
    if (tag >= TAG_SHORT || tag == TAG_STRING) {
      (void)take_string(in, tag, &length);
    } else if (tag == TAG_POSITIVE || tag == TAG_NEGATIVE) {
      (void)take_varint(in);
    } else if (tag == TAG_DOUBLE) {
      if (in->end - in->at < 8) in->is_bad = true;
      else in->at += 8;
    } else if (tag == TAG_TABLE) {
      depth++;
    } else if (tag == TAG_END) {
      if (depth == 0) in->is_bad = true;
      else depth--;
    } else if (tag > TAG_END) {
      in->is_bad = true;
    }
    if (depth == 0 || in->is_bad) return;
    tag = take_octet(in);
  }
}

/* Pushes the name of the next field. */
static void push_name(lua_State *L, struct in *in, uint8_t place) {
  if (place != 0) {
    if (lua_rawgeti(L, UP_RECORD_NAMES, place) != LUA_TSTRING) in->is_bad = true;
    return;
  }
  uint8_t tag = take_octet(in);
  size_t length;
  const char *octets = tag >= TAG_SHORT || tag == TAG_STRING ? take_string(in, tag, &length) : NULL;
  if (octets != NULL) lua_pushlstring(L, octets, length);
  else lua_pushnil(L);
  if (octets == NULL) in->is_bad = true;
}

static struct in check_octets(lua_State *L, int arg) {
  size_t length;
  const uint8_t *octets = (const uint8_t *)luaL_checklstring(L, arg, &length);
  return (struct in){octets, octets + length, false};
}

static int push_malformed(lua_State *L) {
  lua_pushnil(L);
  lua_pushliteral(L, "malformed record");
  lua_pushliteral(L, "malformed");
  return 3;
}

/* ---- the functions ---- */

/* write(table [, pdu]) -> octets; of the PDU those parameters that have a declared name and that the table lacks */
static int record_write(lua_State *L) {
  struct out out;
  struct places written = {{0}, 0};
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  struct view *view = lua_isnil(L, 2) ? NULL : check_view(L, 2);
  out_init(&out, L);
  put_fields(&out, 1, &written);
  if (view != NULL) put_params(&out, &view->pdu, &written);
  lua_pushlstring(L, (const char *)out.octets, out.size);
  return 1;
}

/* read(octets) -> table; nil, message, code */
static int record_read(lua_State *L) {
  struct in in = check_octets(L, 1);
  lua_createtable(L, 0, 24);
  while (in.at < in.end && !in.is_bad) {
    push_name(L, &in, take_octet(&in));
    push_value(L, &in, take_octet(&in), 0);
    if (in.is_bad) break;
    lua_rawset(L, -3);
  }
  if (in.is_bad) return push_malformed(L);
  return 1;
}

/* What `reader` makes: (octets) -> table with these fields at least; nil, message, code */
static int record_read_some(lua_State *L) {
  struct in in = check_octets(L, 1);
  const struct places *wanted = lua_touserdata(L, UP_RECORD_WANTED);
  lua_createtable(L, 0, wanted->count + 1); /* the store adds one */
  while (in.at < in.end && !in.is_bad) {
    uint8_t place = take_octet(&in);
    if (place != 0 && !has_place(wanted, place)) {
      skip_value(&in, take_octet(&in));
      continue;
    }
    push_name(L, &in, place);
    push_value(L, &in, take_octet(&in), 0);
    if (in.is_bad) break;
    lua_rawset(L, -3);
  }
  if (in.is_bad) return push_malformed(L);
  return 1;
}

/* reader(names) -> a function that reads these fields of a record, and all whose names are not declared */
static int record_reader(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_pushvalue(L, UP_RECORD_NAMES);
  lua_pushvalue(L, UP_RECORD_PARAMS);
  struct places *wanted = lua_newuserdatauv(L, sizeof *wanted, 0);
  memset(wanted, 0, sizeof *wanted);
  int count = (int)lua_rawlen(L, 1);
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, 1, i);
    wanted->count++;
    add_place(wanted, place_of(L, -1)); /* bit 0 is never asked for */
    lua_pop(L, 1);
  }
  lua_pushcclosure(L, record_read_some, 3);
  return 1;
}

/* field(octets, name) -> value; nil: it has none, or nil, message, code */
static int record_field(lua_State *L) {
  struct in in = check_octets(L, 1);
  luaL_checktype(L, 2, LUA_TSTRING);
  uint8_t wanted = place_of(L, 2);
  while (in.at < in.end && !in.is_bad) {
    uint8_t place = take_octet(&in);
    bool is_it = place == wanted;
    if (place == 0) {
      push_name(L, &in, 0);
      is_it = wanted == 0 && lua_rawequal(L, -1, 2);
      lua_pop(L, 1);
    }
    uint8_t tag = take_octet(&in);
    if (!is_it) {
      skip_value(&in, tag);
      continue;
    }
    push_value(L, &in, tag, 0);
    if (!in.is_bad) return 1;
  }
  if (in.is_bad) return push_malformed(L);
  return 0;
}

/* Notes the name on top in the table at 4. */
static void note_gone(lua_State *L) {
  if (lua_isnil(L, 4)) {
    lua_newtable(L);
    lua_replace(L, 4);
  }
  lua_pushvalue(L, -1);
  lua_pushboolean(L, 1);
  lua_rawset(L, 4);
}

/* change(octets, fields, [names]) -> octets with these fields, and without the names of the list; nil, message, code */
static int record_change(lua_State *L) {
  struct in in = check_octets(L, 1);
  struct places gone = {{0}, 0};
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 3);
  lua_pushnil(L); /* at 4: a table of what is gone and not declared, once there is any */
  lua_pushnil(L);
  while (lua_next(L, 2)) {
    lua_pop(L, 1);
    if (lua_type(L, -1) != LUA_TSTRING) return luaL_error(L, "a record's fields have names, got a %s", luaL_typename(L, -1));
    uint8_t place = place_of(L, -1);
    if (place != 0) {
      add_place(&gone, place);
    } else {
      note_gone(L);
    }
  }
  if (!lua_isnil(L, 3)) {
    luaL_checktype(L, 3, LUA_TTABLE);
    int count = (int)lua_rawlen(L, 3);
    for (int i = 1; i <= count; i++) {
      lua_rawgeti(L, 3, i);
      if (lua_type(L, -1) != LUA_TSTRING) return luaL_error(L, "names to clear are strings, got a %s", luaL_typename(L, -1));
      uint8_t place = place_of(L, -1);
      if (place == 0) note_gone(L);
      add_place(&gone, place); /* bit 0 is never asked for */
      lua_pop(L, 1);
    }
  }
  struct out out;
  out_init(&out, L);
  while (in.at < in.end && !in.is_bad) {
    const uint8_t *from = in.at;
    uint8_t place = take_octet(&in);
    bool is_gone = place != 0 && has_place(&gone, place);
    if (place == 0) {
      push_name(L, &in, 0);
      if (in.is_bad) break;
      if (lua_istable(L, 4)) {
        lua_rawget(L, 4);
        is_gone = lua_toboolean(L, -1);
      }
      lua_pop(L, 1);
    }
    skip_value(&in, take_octet(&in));
    if (!is_gone && !in.is_bad) put_octets(&out, from, (size_t)(in.at - from));
  }
  if (in.is_bad) return push_malformed(L);
  put_fields(&out, 2, NULL);
  lua_pushlstring(L, (const char *)out.octets, out.size);
  return 1;
}

/* record(names) -> { write, read, reader, field, change }.  Records that were written with a list can be read with any that
 * begins as it does: lists only grow at their end. */
static int record_new(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"write", record_write}, {"read", record_read},     {"reader", record_reader},
      {"field", record_field}, {"change", record_change}, {NULL, NULL}};
  luaL_checktype(L, 1, LUA_TTABLE);
  size_t count = lua_rawlen(L, 1);
  luaL_argcheck(L, count <= NAMES_MAX, 1, "expected at most 255 names");
  lua_createtable(L, 0, 5);
  lua_createtable(L, (int)count, (int)count);
  for (int i = 1; i <= (int)count; i++) {
    lua_rawgeti(L, 1, i);
    luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 1, "expected names");
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, i);
    lua_pushinteger(L, i);
    lua_rawset(L, -3);
  }
  uint8_t *params = lua_newuserdatauv(L, SMPP_FIELD_COUNT, 0);
  for (unsigned field = 0; field < SMPP_FIELD_COUNT; field++) {
    lua_pushstring(L, smpp_field_name(field));
    lua_rawget(L, -3);
    params[field] = (uint8_t)lua_tointeger(L, -1);
    lua_pop(L, 1);
  }
  luaL_setfuncs(L, functions, 2);
  return 1;
}

void smpp_open_record(lua_State *L) {
  lua_pushcfunction(L, record_new);
  lua_setfield(L, -2, "record");
}
