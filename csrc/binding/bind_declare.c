/* bind_declare.c - extensions of vendors: names of TLVs, and commands. */
#include <string.h>

#include "binding.h"

static const char *const tlv_types[] = {"int1", "int2", "int4", "cstring", "octets", NULL};
static const uint8_t tlv_kinds[] = {SMPP_U8, SMPP_U16, SMPP_U32, SMPP_CSTRING, SMPP_OCTETS};

/* declare(tag, name, type): a vendor TLV gets a name */
int codec_declare(lua_State *L) {
  uint32_t tag = check_u32(L, 1), old = 0;
  const char *name = luaL_checkstring(L, 2);
  int kind = luaL_checkoption(L, 3, "octets", tlv_types);
  luaL_argcheck(L, tag >= 1 && tag <= 0xFFFF, 1, "tag out of range: expected 1 to 0xFFFF"); /* 0 is reserved, and says "no TLV" in a name's number */
  if (smpp_tlv_by_tag(tag) != NULL) return luaL_error(L, "duplicate tag %d: the standard's %s", (int)tag, smpp_tlv_by_tag(tag)->name);
  lua_pushvalue(L, 2);
  int type = lua_rawget(L, lua_upvalueindex(UP_NAMES));
  if (type != LUA_TNIL && !(type == LUA_TNUMBER && to_u32(L, -1, &old) && NAME_TAG(old) == tag))
    return luaL_error(L, "duplicate name '%s': already in use in PDUs", name);
  if (lua_rawgeti(L, lua_upvalueindex(UP_TAGS), (int)tag) == LUA_TSTRING && strcmp(lua_tostring(L, -1), name) != 0) {
    lua_pushvalue(L, -1); /* the tag's former name goes */
    lua_pushnil(L);
    lua_rawset(L, lua_upvalueindex(UP_NAMES));
  }
  lua_pushvalue(L, 2);
  push_u32(L, tag << 8 | (uint32_t)tlv_kinds[kind] << 24);
  lua_rawset(L, lua_upvalueindex(UP_NAMES));
  forget_names(L);
  lua_pushvalue(L, 2);
  lua_rawseti(L, lua_upvalueindex(UP_TAGS), (int)tag);
  return 0;
}

/* ---- commands ---- */

#define FIELDS_MAX 255 /* NAME_FIELD has eight bits, and 0 says "no parameter" */

struct own_command {
  struct smpp_command command;
  struct smpp_param params[SMPP_PARAMS_MAX];
  uint8_t positions[FIELDS_MAX];
};

static const char *const param_types[] = {"int1", "int2", "int4", "cstring", "octets", "time", "dest_address", "unsuccess_sme", "message_ids", NULL};
static const uint8_t param_kinds[] = {SMPP_U8, SMPP_U16, SMPP_U32, SMPP_CSTRING, SMPP_TEXT, SMPP_TIME, SMPP_DESTS, SMPP_UNSUCCESS, SMPP_IDS};
static const uint8_t param_sizes[] = {1, 2, 4, 0, 0, 17, 0, 0, 0};

/* Number of the parameter with the name on top; a new name gets the next one. */
static unsigned field_of(lua_State *L) {
  uint32_t code = 0;
  lua_pushvalue(L, -1);
  int type = lua_rawget(L, lua_upvalueindex(UP_NAMES));
  (void)to_u32(L, -1, &code);
  lua_pop(L, 1);
  if (NAME_FIELD(code) != 0) return NAME_FIELD(code) - 1;
  if ((type != LUA_TNIL && type != LUA_TNUMBER) || NAME_ITEM(code) != 0)
    luaL_error(L, "invalid parameter name '%s': reserved, every PDU has it", lua_tostring(L, -1));
  size_t field = lua_rawlen(L, lua_upvalueindex(UP_FIELDS));
  if (field >= FIELDS_MAX) luaL_error(L, "too many names of parameters");
  lua_pushvalue(L, -1);
  push_u32(L, code | (uint32_t)(field + 1));
  lua_rawset(L, lua_upvalueindex(UP_NAMES));
  forget_names(L);
  lua_pushvalue(L, -1);
  lua_rawseti(L, lua_upvalueindex(UP_FIELDS), (int)field + 1);
  return (unsigned)field;
}

/* What a parameter is in Lua; lists are as different as their entries. */
static const char *lua_kind(unsigned kind) {
  switch (kind) {
    case SMPP_U8:
    case SMPP_U16:
    case SMPP_U32: return "an integer";
    case SMPP_DESTS: return "a list of addresses";
    case SMPP_UNSUCCESS: return "a list of refused addresses";
    case SMPP_IDS: return "a list of ids";
    default: return "a string";
  }
}

/* A name of the standard stays what it is in Lua, as the layers above expect it: NULL, or what it should be. */
static const char *other_than_standard(unsigned field, unsigned kind) {
  const char *expected = NULL;
  const struct smpp_command *command;
  for (size_t i = 0; (command = smpp_command_at(i)) != NULL; i++) {
    int position = smpp_param_position(command, field);
    if (position < 0) continue;
    expected = lua_kind(command->params[position].kind);
    if (strcmp(expected, lua_kind(kind)) == 0) return NULL;
  }
  return expected;
}

/* Pushes a string or number of the table on top; false: it has none. */
static bool push_member(lua_State *L, const char *key) {
  lua_pushstring(L, key);
  return lua_rawget(L, -2) != LUA_TNIL;
}

/* { name =, type =, max = }, which is on top -> param |n| */
static void read_param(lua_State *L, const char *command, struct own_command *own, unsigned n) {
  struct smpp_param *param = &own->params[n];
  uint32_t max = 0;
  if (!lua_istable(L, -1) || !push_member(L, "name") || lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "%s: parameter %d: expected { name =, type =, max = }", command, (int)n + 1);
  param->field = (uint8_t)field_of(L);
  param->enum_set = param->field < SMPP_FIELD_COUNT ? (uint8_t)smpp_field_enum_set(param->field) : 0;
  param->status = (uint8_t)SMPP_RINVCMDLEN;
  lua_pop(L, 1);
  lua_rawgeti(L, lua_upvalueindex(UP_FIELDS), param->field + 1);
  param->name = lua_tostring(L, -1); /* which the codec keeps */
  lua_pop(L, 1);
  const char *type = push_member(L, "type") ? lua_tostring(L, -1) : "";
  unsigned kind = 0;
  while (param_types[kind] != NULL && (type == NULL || strcmp(param_types[kind], type) != 0)) kind++;
  if (param_types[kind] == NULL)
    luaL_error(L, "%s: %s: unknown type '%s': expected int1, int2, int4, cstring, octets, time, dest_address, unsuccess_sme or message_ids", command, param->name,
               type != NULL ? type : luaL_typename(L, -1));
  lua_pop(L, 1);
  param->kind = param_kinds[kind];
  const char *expected = other_than_standard(param->field, param->kind);
  if (expected != NULL) luaL_error(L, "%s: %s: invalid type %s: in SMPP this parameter is %s", command, param->name, param_types[kind], expected);
  if (!push_member(L, "max"))
    max = param_sizes[kind] != 0 ? param_sizes[kind] : 255;
  else if (!to_u32(L, -1, &max) || max < 1 || max > 255 || (param_sizes[kind] != 0 && max != param_sizes[kind]))
    luaL_error(L, "%s: %s: max out of range: 1 to 255 octets, the NUL of a cstring included, or entries of a list", command, param->name);
  lua_pop(L, 1);
  memset(param->max, (int)max, sizeof param->max);
  if (own->positions[param->field] != 0) luaL_error(L, "%s: duplicate parameter '%s'", command, param->name);
  own->positions[param->field] = (uint8_t)(n + 1);
}

/* Pushes a command that has the parameters of the list at |params|, which the codec keeps under its |name|. */
static struct own_command *push_command(lua_State *L, const char *name, uint32_t id, int params) {
  struct own_command *own = lua_newuserdatauv(L, sizeof *own, 0);
  size_t count = lua_rawlen(L, params);
  memset(own, 0, sizeof *own);
  if (count > SMPP_PARAMS_MAX) luaL_error(L, "%s: more than %d parameters", name, SMPP_PARAMS_MAX);
  for (unsigned i = 0; i < count; i++) {
    lua_rawgeti(L, params, (int)i + 1);
    read_param(L, name, own, i);
    lua_pop(L, 1);
  }
  own->command = (struct smpp_command){.id = id,
                                       .versions = SMPP_V33 | SMPP_V34 | SMPP_V50,
                                       .tlv_versions = SMPP_V34 | SMPP_V50,
                                       .params = own->params,
                                       .param_count = (uint8_t)count,
                                       .positions = own->positions,
                                       .position_count = FIELDS_MAX};
  lua_pushstring(L, name);
  own->command.name = lua_tostring(L, -1);
  lua_pushvalue(L, -2);
  lua_rawset(L, lua_upvalueindex(UP_OWN));
  return own;
}

/* declare_command(name, id, esme_sends_in, mc_sends_in, params, response_params or nil) -> row, row of the response:
 * as those of protocol.commands().  Raises on a duplicate name or id, and on an invalid parameter. */
int codec_declare_command(lua_State *L) {
  struct smpp_declared *declared = lua_touserdata(L, lua_upvalueindex(UP_DECLARED));
  const char *name = luaL_checkstring(L, 1);
  uint32_t id = check_u32(L, 2);
  bool is_answered = lua_istable(L, 6);
  luaL_argcheck(L, id < SMPP_RESPONSE_BIT, 2, "expected the id of a request: bit 31 is for responses");
  luaL_checktype(L, 5, LUA_TTABLE);
  lua_settop(L, 6);
  lua_pushfstring(L, "%s_resp", name);
  const char *names[] = {name, lua_tostring(L, 7)};
  for (int i = 0; i < (is_answered ? 2 : 1); i++) {
    if (smpp_command_by_id(declared, i == 0 ? id : id | SMPP_RESPONSE_BIT) != NULL)
      return luaL_error(L, "%s: duplicate command_id %s", name, u32_text(L, id));
    if (smpp_command_by_name(declared, names[i]) != NULL) return luaL_error(L, "duplicate command '%s'", names[i]);
  }
  if (declared->count + 2 > SMPP_DECLARED_MAX) return luaL_error(L, "%s: more than %d commands", name, SMPP_DECLARED_MAX / 2);
  struct own_command *request = push_command(L, name, id, 5), *response = NULL;
  if (is_answered) response = push_command(L, names[1], id | SMPP_RESPONSE_BIT, 6);
  request->command.esme_sends_in = (uint8_t)(check_u32(L, 3) & 0xFFu);
  request->command.mc_sends_in = (uint8_t)(check_u32(L, 4) & 0xFFu);
  if (response != NULL) {
    request->command.response_id = response->command.id;
    response->command.esme_sends_in = request->command.mc_sends_in;
    response->command.mc_sends_in = request->command.esme_sends_in;
    (void)smpp_declare(declared, &response->command);
  }
  (void)smpp_declare(declared, &request->command);
  push_command_row(L, &request->command);
  if (response == NULL) return 1;
  push_command_row(L, &response->command);
  return 2;
}
