/* bind_codec.c - core.codec: the functions that know names of fields and TLVs. */
#include <string.h>

#include "binding.h"
#include "smpp/error.h"

/* suggest(name, names) -> the key of |names| that looks most like it, or nil */
static int suggest(lua_State *L) {
  luaL_checktype(L, 2, LUA_TTABLE);
  push_suggestion(L, 2, luaL_checkstring(L, 1));
  return 1;
}

/* True if a PDU of |command| may have the field behind |code|. */
static bool has_name(const struct smpp_command *command, uint32_t code) {
  return NAME_ITEM(code) != 0 || NAME_TAG(code) != 0 ||
         (NAME_FIELD(code) != 0 && smpp_param_position(command, NAME_FIELD(code) - 1) >= 0);
}

/* Pushes the name of a parameter or TLV of |command| that looks most like |name|, or nil. */
void push_field_suggestion(lua_State *L, const struct smpp_command *command, const char *name) {
  luaL_checkstack(L, 8, "names");
  lua_newtable(L);
  int names = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, lua_upvalueindex(UP_NAMES)) != 0; lua_pop(L, 1)) {
    if (lua_type(L, -1) != LUA_TNUMBER || !has_name(command, (uint32_t)lua_tonumber(L, -1))) continue;
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, names);
  }
  push_suggestion(L, names, name);
  lua_remove(L, names);
}

/* ---- functions ---- */

/* field(command, name) -> the kind of value that PDUs of the command have under the name | nil, suggestion */
static int field(lua_State *L) {
  static const char *const kinds[] = {"integer", "integer", "integer", "string", "time",   "octets",
                                      "list",    "list",    "list",    "octets", "flag"};
  const struct smpp_command *command = smpp_command_by_name(declared_commands(L), luaL_checkstring(L, 1));
  const char *name = luaL_checkstring(L, 2);
  uint32_t code = 0;
  luaL_argcheck(L, command != NULL, 1, "unknown command");
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(UP_NAMES)) == LUA_TNUMBER) code = (uint32_t)lua_tonumber(L, -1);
  int position = NAME_FIELD(code) != 0 ? smpp_param_position(command, NAME_FIELD(code) - 1) : -1;
  if (position >= 0)
    lua_pushstring(L, kinds[command->params[position].kind]);
  else if (NAME_ITEM(code) != 0)
    lua_pushliteral(L, "integer");
  else if (NAME_TAG(code) != 0)
    lua_pushstring(L, kinds[NAME_KIND(code)]);
  else {
    lua_pushnil(L);
    push_field_suggestion(L, command, name);
    return 2;
  }
  return 1;
}

/* decode(octets [, position [, max_length [, strict]]]) -> view, next position | nil, message, code */
static int decode(lua_State *L) {
  size_t length = 0;
  const char *octets = luaL_checklstring(L, 1, &length);
  lua_Number position = luaL_optnumber(L, 2, 1);
  uint32_t max = lua_isnoneornil(L, 3) ? SMPP_PDU_MAX_DEFAULT : check_u32(L, 3), found = 0;
  luaL_argcheck(L, position >= 1 && position <= (lua_Number)length + 1, 2, "position out of range");
  size_t start = (size_t)position - 1;
  const uint8_t *pdu_octets = (const uint8_t *)octets + start;
  int error = smpp_pdu_frame(pdu_octets, length - start, max, &found);
  if (error == SMPP_ERR_TRUNCATED) {
    lua_pushfstring(L, found != 0 ? "truncated PDU: %d octets of %d" : "truncated PDU: %d octets of at least 16",
                    (int)(length - start), (int)found);
    return push_error(L, error, lua_tostring(L, -1));
  }
  if (error != 0) {
    bool printable = true;
    for (int i = 0; i < 4; i++) printable &= pdu_octets[i] >= 0x20 && pdu_octets[i] < 0x7F;
    const char *text = "";
    if (printable) {
      lua_pushlstring(L, (const char *)pdu_octets, 4);
      text = lua_tostring(L, -1);
    }
    lua_pushfstring(L, "invalid command_length %s: expected 16 to %s%s%s%s", u32_text(L, found), u32_text(L, max),
                    printable ? "; the octets read \"" : "", text, printable ? "\": not SMPP" : "");
    return push_error(L, error, lua_tostring(L, -1));
  }
  struct smpp_pdu pdu;
  smpp_pdu_decode(pdu_octets, found, 0, declared_commands(L), &pdu);
  if (lua_toboolean(L, 4)) {
    struct smpp_problem problems[32];
    size_t n = smpp_pdu_problems(&pdu, problems, 32);
    for (size_t i = 0; i < n && i < 32; i++) {
      if (problems[i].status == 0) continue;
      const struct smpp_status_row *row = smpp_status_by_code(problems[i].status);
      lua_pushnil(L);
      if (problems[i].field != NULL)
        lua_pushfstring(L, "%s: %s (at octet %d)", problems[i].field, problems[i].text, (int)problems[i].offset);
      else
        lua_pushfstring(L, "%s (at octet %d)", problems[i].text, (int)problems[i].offset);
      lua_pushstring(L, row->name);
      return 3;
    }
  }
  push_view(L, &pdu, 0);
  lua_pushinteger(L, (lua_Integer)(start + found + 1));
  return 2;
}

static uint8_t opt_version(lua_State *L, int arg) {
  if (lua_isnoneornil(L, arg)) return 0;
  uint32_t version = check_u32(L, arg);
  luaL_argcheck(L, version > 0 && version <= 0xFF, arg, "expected an interface_version: 0x33, 0x34 or 0x50");
  return (uint8_t)version;
}

/* The octets of a draft: from the C stack when they fit, else from a userdata. */
static int push_draft(lua_State *L, const struct draft *d) {
  uint8_t small[1024];
  struct smpp_writer w = {small, sizeof small, 0};
  struct smpp_fault fault = {0};
  int error = smpp_pdu_encode(&d->message, &w, &fault);
  if (error != 0) return push_pdu_fault(L, error, &fault, d);
  if (!smpp_write_fits(&w)) {
    w.capacity = w.length;
    w.out = lua_newuserdatauv(L, w.capacity, 0);
    w.length = 0;
    error = smpp_pdu_encode(&d->message, &w, &fault);
    if (error != 0) return push_pdu_fault(L, error, &fault, d);
  }
  uint32_t given = d->given[ITEM_LENGTH];
  if ((d->given_set & 1u << ITEM_LENGTH) != 0 && given != w.length) {
    lua_pushfstring(L, "command_length: %d given, the PDU has %d", (int)given, (int)w.length);
    return push_error(L, SMPP_ERR_BAD_VALUE, lua_tostring(L, -1));
  }
  lua_pushlstring(L, (const char *)w.out, w.length);
  return 1;
}

/* unknown_field(command_id, table) -> message about a name in it that the command does not have | nil */
static int unknown_field(lua_State *L) {
  const struct smpp_command *command = smpp_command_by_id(declared_commands(L), check_u32(L, 1));
  struct draft d;
  luaL_argcheck(L, command != NULL, 1, "unknown command");
  luaL_checktype(L, 2, LUA_TTABLE);
  int results = read_draft(L, 2, command, NULL, 0, &d);
  if (results == 0 || strcmp(lua_tostring(L, -1), smpp_error_name(SMPP_ERR_UNKNOWN_FIELD)) != 0) return 0;
  lua_pop(L, 1);
  return 1;
}

/* encode(table or view [, version]) -> octets | nil, message, code */
static int encode(lua_State *L) {
  struct view *v = test_view(L, 1);
  if (v != NULL) {
    lua_pushlstring(L, (const char *)v->pdu.octets, v->pdu.length);
    return 1;
  }
  luaL_argcheck(L, lua_istable(L, 1), 1, "expected a table or a PDU");
  struct draft d;
  int results = read_draft(L, 1, NULL, NULL, opt_version(L, 2), &d);
  return results != 0 ? results : push_draft(L, &d);
}

/* The octets of a view with other values; of an unknown command only the header can change. */
static int push_changed(lua_State *L, const struct smpp_pdu *pdu, int changes, uint8_t version) {
  struct draft d;
  if (pdu->command != NULL) {
    int results = read_draft(L, changes, NULL, pdu, version, &d);
    return results != 0 ? results : push_draft(L, &d);
  }
  uint32_t status = pdu->status, sequence = pdu->sequence;
  for (lua_pushnil(L); lua_next(L, changes) != 0; lua_pop(L, 1)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    bool ok = strcmp(name, "sequence_number") == 0                                     ? to_u32(L, -1, &sequence)
              : strcmp(name, "command_status") == 0 || strcmp(name, "status") == 0 ? to_status(L, -1, &status)
                                                                                       : false;
    if (!ok) {
      lua_pushfstring(L, "%s: only command_status and sequence_number of an unknown command can change", name);
      return push_error(L, SMPP_ERR_BAD_VALUE, lua_tostring(L, -1));
    }
  }
  uint8_t *copy = lua_newuserdatauv(L, pdu->length, 0);
  memcpy(copy, pdu->octets, pdu->length);
  smpp_set_u32(copy + 8, status);
  smpp_set_u32(copy + 12, sequence);
  lua_pushlstring(L, (const char *)copy, pdu->length);
  return 1;
}

/* pdu:with(changes) -> a changed copy | nil, message, code */
static int view_with(lua_State *L) {
  struct view *v = check_view(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  int results = push_changed(L, &v->pdu, 2, 0);
  if (results != 1) return results;
  struct smpp_pdu pdu;
  size_t length = 0;
  const char *octets = lua_tolstring(L, -1, &length);
  smpp_pdu_decode((const uint8_t *)octets, (uint32_t)length, 0, declared_commands(L), &pdu);
  push_view(L, &pdu, 0);
  return 1;
}

/* spend(pdu): nobody uses this PDU any more, or, if it is a request that waits for its answer, once that is given: its memory serves another.
 * For programs that know all who have seen it; what they have kept of it would be another PDU then. */
static int spend(lua_State *L) {
  struct view *v = check_view(L, 1);
  if (!lua_getmetatable(L, 1) || !lua_rawequal(L, -1, lua_upvalueindex(UP_VIEW))) return 0;
  if (v->session != 0 && !v->answered && v->pdu.command != NULL && v->pdu.command->response_id != 0) v->spent = true;
  else spare_view(L, 1, v);
  return 0;
}

/* ---- making a codec ---- */

static void add_name(lua_State *L, int names, const char *name, uint32_t code) {
  uint32_t old = 0;
  lua_getfield(L, names, name);
  (void)to_u32(L, -1, &old);
  lua_pop(L, 1);
  push_u32(L, old | code);
  lua_setfield(L, names, name);
}

static void add_names(lua_State *L, int names) {
  static const char *const items[] = {NULL,          "command",         "status",          "command_id",
                                      "command_status", "sequence_number", "command_length",  "trailing",   "sm_length",       "number_of_dests", "no_unsuccess",
                                      "number_msgs", "padding"};
  const struct smpp_tlv_row *row;
  for (unsigned field = 0; field < SMPP_FIELD_COUNT; field++) add_name(L, names, smpp_field_name(field), field + 1);
  for (unsigned item = 1; item < sizeof items / sizeof *items; item++) {
    uint32_t keep = item == ITEM_SM_LENGTH ? SMPP_F_SM_LENGTH + 1 : 0; /* query_msg_details has it as a parameter */
    lua_pushnil(L);
    lua_setfield(L, names, items[item]);
    add_name(L, names, items[item], (uint32_t)item << 28 | keep);
  }
  for (size_t i = 0; (row = smpp_tlv_at(i)) != NULL; i++) {
    uint32_t code = (uint32_t)row->tag << 8 | (uint32_t)row->kind << 24;
    add_name(L, names, row->name, code);
    if (row->alias != NULL) add_name(L, names, row->alias, code);
  }
  add_name(L, names, "failed_broadcast_area_identifier", SMPP_TLV_BROADCAST_AREA_IDENTIFIER << 8 | (uint32_t)SMPP_OCTETS << 24);
}

/* Pushes the upvalues that lie at |first|... again, for one more closure. */
static void push_upvalues(lua_State *L, int first) {
  for (int i = 0; i < UP_COUNT; i++) lua_pushvalue(L, first + i);
}

static int view_newindex(lua_State *L) {
  return luaL_error(L, "a received PDU cannot be changed; pdu:with{ %s = ... } gives a changed copy",
                    lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "field");
}

/* codec(methods, none): methods: Lua functions for views ("__tostring" and other metamethods, too).
 * -> { decode, encode, declare, declare_command, field, unknown_field, session, selector, spend } */
static int codec(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"decode", decode},   {"encode", encode},     {"declare", codec_declare}, {"declare_command", codec_declare_command},
      {"field", field}, {"unknown_field", unknown_field}, {"session", session_new}, {"selector", codec_selector},
      {"spend", spend},     {NULL, NULL}};
  static const luaL_Reg with[] = {{"with", view_with}, {NULL, NULL}};
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  luaL_checkstack(L, 2 * UP_COUNT + LUA_MINSTACK, "upvalues");
  int first = 3;
  lua_newtable(L); /* UP_NAMES */
  lua_newtable(L); /* UP_TAGS */
  lua_createtable(L, SMPP_FIELD_COUNT, 0); /* UP_FIELDS */
  lua_newtable(L); /* UP_VIEW */
  lua_newtable(L); /* UP_SESSION */
  lua_pushvalue(L, 2); /* UP_NONE */
  memset(lua_newuserdatauv(L, sizeof(struct smpp_declared), 0), 0, sizeof(struct smpp_declared)); /* UP_DECLARED */
  lua_newtable(L); /* UP_OWN */
  memset(lua_newuserdatauv(L, sizeof(struct name_cache), 0), 0, sizeof(struct name_cache)); /* UP_KNOWN */
  lua_newtable(L); /* UP_SPARE */
  memset(lua_newuserdatauv(L, sizeof(struct spares), 0), 0, sizeof(struct spares)); /* UP_SPARES */
  add_names(L, first);
  for (unsigned field = 0; field < SMPP_FIELD_COUNT; field++) {
    lua_pushstring(L, smpp_field_name(field));
    lua_rawseti(L, first + UP_FIELDS - 1, (int)field + 1);
  }

  lua_pushvalue(L, first); /* methods are among the names */
  push_upvalues(L, first);
  luaL_setfuncs(L, view_methods, UP_COUNT);
  push_upvalues(L, first);
  luaL_setfuncs(L, with, UP_COUNT);
  lua_pop(L, 1);
  int view_mt = first + UP_VIEW - 1;
  for (lua_pushnil(L); lua_next(L, 1) != 0;) {
    luaL_argcheck(L, lua_type(L, -2) == LUA_TSTRING && lua_isfunction(L, -1), 1, "expected functions by name");
    bool meta = strncmp(lua_tostring(L, -2), "__", 2) == 0;
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, meta ? view_mt : first);
  }
  push_upvalues(L, first);
  lua_pushcclosure(L, view_index, UP_COUNT);
  lua_setfield(L, view_mt, "__index");
  lua_pushcfunction(L, view_newindex);
  lua_setfield(L, view_mt, "__newindex");
  lua_pushliteral(L, "smpp.pdu");
  lua_setfield(L, view_mt, "__name");
  lua_pushliteral(L, "smpp.pdu");
  lua_setfield(L, view_mt, "__metatable");
  lua_pushvalue(L, view_mt);
  mark_view_metatable(L);
  lua_pop(L, 1);

  int session_mt = first + UP_SESSION - 1;
  lua_createtable(L, 0, 32);
  push_upvalues(L, first);
  luaL_setfuncs(L, session_methods, UP_COUNT);
  lua_setfield(L, session_mt, "__index");
  lua_pushcfunction(L, session_gc);
  lua_setfield(L, session_mt, "__gc");
  lua_pushliteral(L, "smpp.session");
  lua_setfield(L, session_mt, "__name");
  lua_pushliteral(L, "smpp.session");
  lua_setfield(L, session_mt, "__metatable"); /* or anything could be given to __gc */

  lua_createtable(L, 0, 8);
  push_upvalues(L, first);
  luaL_setfuncs(L, functions, UP_COUNT);
  return 1;
}

/* is_pdu(value) */
static int is_pdu(lua_State *L) {
  lua_pushboolean(L, test_view(L, 1) != NULL);
  return 1;
}

/* next(table [, key]): Lua's, as a function that no LuaJIT compiles (base/iterate.lua) */
static int next_pair(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  if (lua_next(L, 1) != 0) return 2;
  lua_pushnil(L);
  return 1;
}

void smpp_open_codec(lua_State *L) {
  static const luaL_Reg functions[] = {{"codec", codec}, {"suggest", suggest}, {"is_pdu", is_pdu}, {"next", next_pair}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
