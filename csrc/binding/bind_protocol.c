/* bind_protocol.c - the tables of the standard, for Lua: core.protocol. */
#include "binding.h"

static void set_string(lua_State *L, const char *key, const char *value) {
  if (value == NULL) return;
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

static void set_u32(lua_State *L, const char *key, uint32_t value) {
  push_u32(L, value);
  lua_setfield(L, -2, key);
}

static void push_versions(lua_State *L, unsigned set) {
  static const char *const names[] = {"3.3", "3.4", "5.0"};
  lua_newtable(L);
  for (int i = 0, n = 0; i < 3; i++) {
    if ((set & 1u << i) == 0) continue;
    lua_pushstring(L, names[i]);
    lua_rawseti(L, -2, ++n);
  }
}

/* status(name or code) -> row, or nil for what is not in the tables */
static int status(lua_State *L) {
  const struct smpp_status_row *row = lua_type(L, 1) == LUA_TSTRING ? smpp_status_by_name(lua_tostring(L, 1))
                                                                    : smpp_status_by_code(check_u32(L, 1));
  if (row == NULL) return 0;
  lua_createtable(L, 0, 8);
  set_u32(L, "code", row->code);
  set_string(L, "name", row->name);
  set_string(L, "alias", row->alias);
  set_string(L, "note", row->note);
  set_string(L, "meaning", row->meaning);
  set_string(L, "advice", row->advice);
  set_string(L, "class", row->class_name);
  set_string(L, "bind", row->bind);
  return 1;
}

/* statuses() -> names, in the order of their codes */
static int statuses(lua_State *L) {
  const struct smpp_status_row *row;
  lua_newtable(L);
  for (int i = 0; (row = smpp_status_at((size_t)i)) != NULL; i++) {
    lua_pushstring(L, row->name);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

static const char *kind_name(unsigned kind) {
  static const char *const names[] = {"int1",       "int2",          "int4",       "cstring", "time", "text",
                                      "dest_address", "unsuccess_sme", "message_ids", "octets",  "int1_or_empty"};
  return names[kind];
}

void push_command_row(lua_State *L, const struct smpp_command *command) {
  lua_createtable(L, 0, 8);
  set_string(L, "name", command->name);
  set_u32(L, "id", command->id);
  if (command->response_id != 0) set_u32(L, "response_id", command->response_id);
  set_u32(L, "esme_sends_in", command->esme_sends_in);
  set_u32(L, "mc_sends_in", command->mc_sends_in);
  push_versions(L, command->versions);
  lua_setfield(L, -2, "versions");
  lua_newtable(L);
  for (unsigned bit = 0; bit < SMPP_ROLE_COUNT; bit++) {
    if ((command->roles & 1u << bit) == 0) continue;
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, smpp_role_name(bit));
  }
  lua_setfield(L, -2, "roles");
  lua_newtable(L);
  for (int p = 0; p < command->param_count; p++) {
    const struct smpp_param *param = &command->params[p];
    lua_createtable(L, 0, 3);
    set_string(L, "name", param->name);
    set_string(L, "kind", kind_name(param->kind));
    set_string(L, "values", smpp_enum_set_at(param->enum_set)->name);
    lua_createtable(L, 3, 0);
    for (int v = 0; v < 3; v++) {
      lua_pushinteger(L, param->max[v]);
      lua_rawseti(L, -2, v + 1);
    }
    lua_setfield(L, -2, "max");
    lua_rawseti(L, -2, p + 1);
  }
  lua_setfield(L, -2, "params");
}

/* commands() -> { { name, id, response_id, versions, esme_sends_in, mc_sends_in, roles = { [role] = true }, params = { { name, kind, max } } } ... } */
static int commands(lua_State *L) {
  const struct smpp_command *command;
  lua_newtable(L);
  for (int i = 0; (command = smpp_command_at((size_t)i)) != NULL; i++) {
    push_command_row(L, command);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* tlvs() -> { { tag, name, alias, kind, min, max, versions, repeats, values } ... } */
static int tlvs(lua_State *L) {
  const struct smpp_tlv_row *row;
  lua_newtable(L);
  for (int i = 0; (row = smpp_tlv_at((size_t)i)) != NULL; i++) {
    lua_createtable(L, 0, 9);
    set_u32(L, "tag", row->tag);
    set_string(L, "name", row->name);
    set_string(L, "alias", row->alias);
    set_string(L, "kind", kind_name(row->kind));
    set_string(L, "values", smpp_enum_set_at(row->enum_set)->name);
    set_u32(L, "min", row->min);
    set_u32(L, "max", row->max);
    lua_pushboolean(L, row->repeats);
    lua_setfield(L, -2, "repeats");
    push_versions(L, row->versions);
    lua_setfield(L, -2, "versions");
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* values() -> { [enum set] = { { sub, mask, low, high, name } ... } ... } */
static int values(lua_State *L) {
  const struct smpp_enum_set *set;
  lua_newtable(L);
  for (size_t i = 1; (set = smpp_enum_set_at(i)) != NULL; i++) {
    lua_createtable(L, set->count, 0);
    for (int k = 0; k < set->count; k++) {
      const struct smpp_enum *e = &smpp_enums(set)[k];
      lua_createtable(L, 0, 5);
      set_string(L, "sub", e->sub);
      set_u32(L, "mask", e->mask);
      set_u32(L, "low", e->low);
      set_u32(L, "high", e->high);
      set_string(L, "name", e->name);
      lua_rawseti(L, -2, k + 1);
    }
    lua_setfield(L, -2, set->name);
  }
  return 1;
}

void smpp_open_protocol(lua_State *L) {
  static const luaL_Reg functions[] = {{"status", status}, {"statuses", statuses}, {"commands", commands},
                                       {"tlvs", tlvs},     {"values", values},     {NULL, NULL}};
  luaL_newlib(L, functions);
  lua_setfield(L, -2, "protocol");
}
