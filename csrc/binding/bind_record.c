/* bind_record.c - core.record: tables of plain data <-> octets, for stores.
 *
 * A record is a row of fields, each a name and a value.  Names that the user of
 * the codec declared are one octet, their place in the list; others are written
 * out.  Octets may come back from a disk or a network: reading validates everything. */
#include <math.h>
#include <string.h>

#include "bind_record.h"
#include "binding.h"

/* ---- writing ---- */

void record_out_init(struct record_out *out, lua_State *L) {
  lua_pushnil(L);
  out->L = L;
  out->box = lua_gettop(L);
  out->octets = out->small;
  out->size = 0;
  out->capacity = sizeof out->small;
}

static uint8_t *out_room(struct record_out *out, size_t count) {
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

void record_put_octet(struct record_out *out, uint8_t octet) { *out_room(out, 1) = octet; }

void record_put_octets(struct record_out *out, const void *octets, size_t length) {
  uint8_t *at = out_room(out, length);
  if (length > 0) memcpy(at, octets, length);
}

static void put_varint(struct record_out *out, uint64_t value) {
  while (value >= 0x80) {
    record_put_octet(out, (uint8_t)(value | 0x80));
    value >>= 7;
  }
  record_put_octet(out, (uint8_t)value);
}

void record_put_string(struct record_out *out, const char *octets, size_t length) {
  if (length <= SMPP_RECORD_SHORT_MAX) {
    record_put_octet(out, (uint8_t)(SMPP_RECORD_SHORT + length));
  } else {
    record_put_octet(out, SMPP_RECORD_STRING);
    put_varint(out, length);
  }
  record_put_octets(out, octets, length);
}

void record_put_number(struct record_out *out, double number) {
  if (number >= -9007199254740991.0 && number <= 9007199254740991.0 && floor(number) == number) {
    if (number >= 0 && number <= SMPP_RECORD_SMALL_MAX) {
      record_put_octet(out, (uint8_t)number);
    } else if (number >= 0) {
      record_put_octet(out, SMPP_RECORD_POSITIVE);
      put_varint(out, (uint64_t)number);
    } else {
      record_put_octet(out, SMPP_RECORD_NEGATIVE);
      put_varint(out, (uint64_t)(-1 - number));
    }
    return;
  }
  uint64_t bits;
  memcpy(&bits, &number, sizeof bits);
  record_put_octet(out, SMPP_RECORD_DOUBLE);
  for (int shift = 56; shift >= 0; shift -= 8) record_put_octet(out, (uint8_t)(bits >> shift));
}

static void put_table(struct record_out *out, int depth);

/* Writes the value on top of the stack; |name|: of its field, for the error. */
static void put_value(struct record_out *out, const char *name, int depth) { /* NOLINT(misc-no-recursion): at most DEPTH_MAX deep */
  lua_State *L = out->L;
  switch (lua_type(L, -1)) {
    case LUA_TSTRING: {
      size_t length;
      const char *octets = lua_tolstring(L, -1, &length);
      record_put_string(out, octets, length);
      return;
    }
    case LUA_TNUMBER: record_put_number(out, (double)lua_tonumber(L, -1)); return;
    case LUA_TBOOLEAN: record_put_octet(out, lua_toboolean(L, -1) ? SMPP_RECORD_TRUE : SMPP_RECORD_FALSE); return;
    case LUA_TTABLE: put_table(out, depth + 1); return;
    default:
      luaL_error(L, "invalid value in a record: expected a string, number, boolean or table of these, %s is a %s", name, luaL_typename(L, -1));
  }
}

static void put_table(struct record_out *out, int depth) { /* NOLINT(misc-no-recursion): at most DEPTH_MAX deep */
  lua_State *L = out->L;
  if (depth > DEPTH_MAX) luaL_error(L, "invalid value in a record: tables nested more than %d deep", DEPTH_MAX);
  luaL_checkstack(L, 4, "record");
  record_put_octet(out, SMPP_RECORD_TABLE);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pushvalue(L, -2);
    put_value(out, "a key", depth);
    lua_pop(L, 1);
    put_value(out, "a nested value", depth);
    lua_pop(L, 1);
  }
  record_put_octet(out, SMPP_RECORD_END);
}

uint8_t record_place_of(lua_State *L, int index) {
  lua_pushvalue(L, index);
  lua_rawget(L, UP_RECORD_NAMES);
  uint8_t place = (uint8_t)lua_tointeger(L, -1);
  lua_pop(L, 1);
  return place;
}

void record_put_name(struct record_out *out, int index) {
  uint8_t place = record_place_of(out->L, index);
  size_t length;
  const char *name = lua_tolstring(out->L, index, &length);
  record_put_octet(out, place);
  if (place == 0) record_put_string(out, name, length);
}

/* Writes the fields of the table at |index| but those of |without|; |written|: gets the places of those that are declared.  Both may be NULL. */
static void put_fields(struct record_out *out, int index, struct record_places *written, const struct record_places *without) {
  lua_State *L = out->L;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "a record's fields have names, got a %s", luaL_typename(L, -2));
    uint8_t place = record_place_of(L, -2);
    if (place != 0 && without != NULL && record_has_place(without, place)) {
      lua_pop(L, 1);
      continue;
    }
    size_t length;
    const char *name = lua_tolstring(L, -2, &length);
    record_put_octet(out, place);
    if (place == 0) record_put_string(out, name, length);
    else if (written != NULL) record_add_place(written, place);
    put_value(out, name, 0);
    lua_pop(L, 1);
  }
}

void record_put_fields(struct record_out *out, int index, const struct record_places *without) { put_fields(out, index, NULL, without); }

void record_put_params(struct record_out *out, const struct smpp_pdu *pdu, const struct record_places *written) {
  const uint8_t *places = lua_touserdata(out->L, UP_RECORD_PARAMS);
  for (unsigned i = 0; i < pdu->param_count; i++) {
    const struct smpp_param *param = &pdu->command->params[i];
    if (param->field >= SMPP_FIELD_COUNT) continue; /* of a command that was declared at run time */
    uint8_t place = places[param->field];
    if (place == 0 || record_has_place(written, place)) continue;
    if (param->kind == SMPP_U8 || param->kind == SMPP_U16 || param->kind == SMPP_U32) {
      record_put_octet(out, place);
      record_put_number(out, smpp_pdu_number(pdu, i));
    } else if (param->kind == SMPP_CSTRING || param->kind == SMPP_TIME || param->kind == SMPP_TEXT) {
      record_put_octet(out, place);
      record_put_string(out, (const char *)pdu->octets + pdu->params[i].offset, pdu->params[i].length);
    }
  }
}

/* ---- reading ---- */

static void push_whole(lua_State *L, double number) {
  if (sizeof(lua_Integer) >= 8) lua_pushinteger(L, (lua_Integer)number);
  else lua_pushnumber(L, (lua_Number)number);
}

static void push_table(lua_State *L, struct smpp_record_in *in, int depth);

/* Pushes the value of a tag (nil if it is malformed). */
static void push_value(lua_State *L, struct smpp_record_in *in, uint8_t tag, int depth) { /* NOLINT(misc-no-recursion): at most DEPTH_MAX deep */
  double number;
  if (smpp_record_is_string(tag)) {
    size_t length;
    const char *octets = smpp_record_take_string(in, tag, &length);
    if (octets != NULL) lua_pushlstring(L, octets, length);
    else lua_pushnil(L);
  } else if (tag == SMPP_RECORD_TRUE || tag == SMPP_RECORD_FALSE) {
    lua_pushboolean(L, tag == SMPP_RECORD_TRUE);
  } else if (smpp_record_take_number(in, tag, &number)) {
    if (tag == SMPP_RECORD_DOUBLE) lua_pushnumber(L, (lua_Number)number);
    else push_whole(L, number);
  } else if (tag == SMPP_RECORD_TABLE && depth < DEPTH_MAX) {
    push_table(L, in, depth + 1);
  } else {
    in->is_bad = true;
    lua_pushnil(L);
  }
}

static void push_table(lua_State *L, struct smpp_record_in *in, int depth) { /* NOLINT(misc-no-recursion): at most DEPTH_MAX deep */
  luaL_checkstack(L, 4, "record");
  lua_newtable(L);
  while (!in->is_bad) {
    uint8_t tag = smpp_record_take_octet(in);
    if (tag == SMPP_RECORD_END) return;
    push_value(L, in, tag, depth);
    push_value(L, in, smpp_record_take_octet(in), depth);
    lua_Number key = lua_type(L, -2) == LUA_TNUMBER ? lua_tonumber(L, -2) : 0;
    if (in->is_bad || key != key) { /* not a number: no key */
      in->is_bad = true;
      lua_pop(L, 2);
      return;
    }
    lua_rawset(L, -3);
  }
}

/* Pushes the name of the next field. */
static void push_name(lua_State *L, struct smpp_record_in *in, uint8_t place) {
  if (place != 0) {
    if (lua_rawgeti(L, UP_RECORD_NAMES, place) != LUA_TSTRING) in->is_bad = true;
    return;
  }
  uint8_t tag = smpp_record_take_octet(in);
  size_t length;
  const char *octets = smpp_record_is_string(tag) ? smpp_record_take_string(in, tag, &length) : NULL;
  if (octets != NULL) lua_pushlstring(L, octets, length);
  else lua_pushnil(L);
  if (octets == NULL) in->is_bad = true;
}

struct smpp_record_in record_check_octets(lua_State *L, int arg) {
  size_t length;
  const uint8_t *octets = (const uint8_t *)luaL_checklstring(L, arg, &length);
  return smpp_record_in(octets, length);
}

static int push_malformed(lua_State *L) {
  lua_pushnil(L);
  lua_pushliteral(L, "malformed record");
  lua_pushliteral(L, "malformed");
  return 3;
}

/* ---- the functions ---- */

void record_write_table(struct record_out *out, int index, const struct smpp_pdu *pdu) {
  struct record_places written = {{0}, 0};
  put_fields(out, index, &written, NULL);
  if (pdu != NULL) record_put_params(out, pdu, &written);
}

/* write(table [, pdu]) -> octets; of the PDU those parameters that have a declared name and that the table lacks */
static int record_write(lua_State *L) {
  struct record_out out;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  struct view *view = lua_isnil(L, 2) ? NULL : check_view(L, 2);
  record_out_init(&out, L);
  record_write_table(&out, 1, view != NULL ? &view->pdu : NULL);
  lua_pushlstring(L, (const char *)out.octets, out.size);
  return 1;
}

bool record_push(lua_State *L, struct smpp_record_in in, const struct record_places *wanted) {
  lua_createtable(L, 0, wanted != NULL ? wanted->count + 1 : 24); /* the store adds one */
  while (in.at < in.end && !in.is_bad) {
    uint8_t place = smpp_record_take_octet(&in);
    if (place != 0 && wanted != NULL && !record_has_place(wanted, place)) {
      smpp_record_skip_value(&in, smpp_record_take_octet(&in));
      continue;
    }
    push_name(L, &in, place);
    push_value(L, &in, smpp_record_take_octet(&in), 0);
    if (in.is_bad) break;
    lua_rawset(L, -3);
  }
  return !in.is_bad;
}

/* read(octets) -> table; nil, message, code */
static int record_read(lua_State *L) { return record_push(L, record_check_octets(L, 1), NULL) ? 1 : push_malformed(L); }

/* What `reader` makes: (octets) -> table with these fields at least; nil, message, code */
static int record_read_some(lua_State *L) {
  return record_push(L, record_check_octets(L, 1), lua_touserdata(L, UP_RECORD_WANTED)) ? 1 : push_malformed(L);
}

int record_wanted(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  struct record_places *wanted = lua_newuserdatauv(L, sizeof *wanted, 0);
  memset(wanted, 0, sizeof *wanted);
  int count = (int)lua_rawlen(L, 1);
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, 1, i);
    wanted->count++;
    record_add_place(wanted, record_place_of(L, -1)); /* bit 0 is never asked for */
    lua_pop(L, 1);
  }
  return 1;
}

/* What `writer` makes: (table) -> octets, without these fields */
static int record_write_some(lua_State *L) {
  struct record_out out;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  record_out_init(&out, L);
  put_fields(&out, 1, NULL, lua_touserdata(L, UP_RECORD_WANTED));
  lua_pushlstring(L, (const char *)out.octets, out.size);
  return 1;
}

/* writer(names) -> a function that writes records without these fields, whose names are declared */
static int record_writer(lua_State *L) {
  (void)record_wanted(L);
  lua_pushvalue(L, UP_RECORD_NAMES);
  lua_pushvalue(L, UP_RECORD_PARAMS);
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, record_write_some, 3);
  return 1;
}

/* reader(names) -> a function that reads these fields of a record, and all whose names are not declared */
static int record_reader(lua_State *L) {
  (void)record_wanted(L);
  lua_pushvalue(L, UP_RECORD_NAMES);
  lua_pushvalue(L, UP_RECORD_PARAMS);
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, record_read_some, 3);
  return 1;
}

/* field(octets, name) -> value; nil: it has none, or nil, message, code */
static int record_field(lua_State *L) {
  struct smpp_record_in in = record_check_octets(L, 1);
  luaL_checktype(L, 2, LUA_TSTRING);
  uint8_t wanted = record_place_of(L, 2);
  while (in.at < in.end && !in.is_bad) {
    uint8_t place = smpp_record_take_octet(&in);
    bool is_it = place == wanted;
    if (place == 0) {
      push_name(L, &in, 0);
      is_it = wanted == 0 && lua_rawequal(L, -1, 2);
      lua_pop(L, 1);
    }
    uint8_t tag = smpp_record_take_octet(&in);
    if (!is_it) {
      smpp_record_skip_value(&in, tag);
      continue;
    }
    push_value(L, &in, tag, 0);
    if (!in.is_bad) return 1;
  }
  if (in.is_bad) return push_malformed(L);
  return 0;
}

/* Notes the name on top in the table at |index|. */
static void note_gone(lua_State *L, int index) {
  if (lua_isnil(L, index)) {
    lua_newtable(L);
    lua_replace(L, index);
  }
  lua_pushvalue(L, -1);
  lua_pushboolean(L, 1);
  lua_rawset(L, index);
}

/* The names of the fields at |set| and of the list at |clear|: declared ones as places, others in a table at |others|. */
static void read_gone(lua_State *L, int set, int clear, struct record_places *gone, int others) {
  lua_pushnil(L);
  while (lua_next(L, set)) {
    lua_pop(L, 1);
    if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "a record's fields have names, got a %s", luaL_typename(L, -1));
    uint8_t place = record_place_of(L, -1);
    if (place == 0) note_gone(L, others);
    record_add_place(gone, place); /* bit 0 is never asked for */
  }
  if (lua_isnil(L, clear)) return;
  luaL_checktype(L, clear, LUA_TTABLE);
  int count = (int)lua_rawlen(L, clear);
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, clear, i);
    if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "names to clear are strings, got a %s", luaL_typename(L, -1));
    uint8_t place = record_place_of(L, -1);
    if (place == 0) note_gone(L, others);
    record_add_place(gone, place);
    lua_pop(L, 1);
  }
}

bool record_write_changed(struct record_out *out, struct smpp_record_in in, int set, int clear) {
  lua_State *L = out->L;
  struct record_places gone = {{0}, 0};
  lua_pushnil(L); /* a table of what is gone and not declared, once there is any */
  int others = lua_gettop(L);
  read_gone(L, set, clear, &gone, others);
  while (in.at < in.end && !in.is_bad) {
    const uint8_t *from = in.at;
    uint8_t place = smpp_record_take_octet(&in);
    bool is_gone = place != 0 && record_has_place(&gone, place);
    if (place == 0) {
      push_name(L, &in, 0);
      if (in.is_bad) break;
      if (lua_istable(L, others)) {
        lua_rawget(L, others);
        is_gone = lua_toboolean(L, -1);
      }
      lua_pop(L, 1);
    }
    smpp_record_skip_value(&in, smpp_record_take_octet(&in));
    if (!is_gone && !in.is_bad) record_put_octets(out, from, (size_t)(in.at - from));
  }
  lua_settop(L, others - 1);
  if (!in.is_bad) put_fields(out, set, NULL, NULL);
  return !in.is_bad;
}

/* change(octets, fields, [names]) -> octets with these fields, and without the names of the list; nil, message, code */
static int record_change(lua_State *L) {
  struct smpp_record_in in = record_check_octets(L, 1);
  struct record_out out;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 3);
  record_out_init(&out, L);
  if (!record_write_changed(&out, in, 2, 3)) return push_malformed(L);
  lua_pushlstring(L, (const char *)out.octets, out.size);
  return 1;
}

/* record(names) -> { write, writer, read, reader, field, change, finisher, wanted, records, committer }.  Records that were written with a list can be read with any that
 * begins as it does: lists only grow at their end. */
static int record_new(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"write", record_write},   {"writer", record_writer}, {"read", record_read},         {"reader", record_reader}, {"field", record_field},
      {"change", record_change}, {"wanted", record_wanted}, {"finisher", record_finisher}, {"records", records_new},  {"committer", record_committer},
      {NULL, NULL}};
  luaL_checktype(L, 1, LUA_TTABLE);
  size_t count = lua_rawlen(L, 1);
  luaL_argcheck(L, count <= NAMES_MAX, 1, "expected at most 255 names");
  lua_createtable(L, 0, 10);
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
