/* bind_draft.c - tables to send -> struct smpp_message.
 *
 * One pass over the table sorts its fields into parameters, TLVs and header.
 * Strings are not copied, and the stack keeps them alive, not the table: a
 * finalizer that runs while memory is taken may empty that. */
#include <stdlib.h>
#include <string.h>

#include "binding.h"

#define ENUM_LISTED_MAX 16 /* names that a message lists */

bool to_status(lua_State *L, int index, uint32_t *status) {
  if (lua_type(L, index) != LUA_TSTRING) return to_u32(L, index, status) != 0;
  const struct smpp_status_row *row = smpp_status_by_name(lua_tostring(L, index));
  if (row == NULL) return false;
  *status = row->code;
  return true;
}

/* The value on top, for messages: a short text of it, quoted if a string. */
static const char *describe(lua_State *L, const char *field) {
  switch (lua_type(L, -1)) {
    case LUA_TSTRING: {
      size_t length = 0;
      const char *s = lua_tolstring(L, -1, &length);
      if (field != NULL && strcmp(field, "password") == 0) return "(hidden)";
      lua_pushlstring(L, s, length < 40 ? length : 40);
      lua_pushfstring(L, "\"%s%s\"", lua_tostring(L, -1), length > 40 ? "..." : "");
      return lua_tostring(L, -1);
    }
    case LUA_TNUMBER:
      lua_pushvalue(L, -1);
      return lua_tostring(L, -1);
    default:
      return luaL_typename(L, -1);
  }
}

static int bad_value(lua_State *L, const char *field, const char *expected) {
  const char *got = describe(L, field);
  lua_pushfstring(L, "%s: expected %s, got %s", field, expected, got);
  return push_error(L, SMPP_ERR_BAD_VALUE, lua_tostring(L, -1));
}

/* A value of an enumeration; its names are listed where they are few. */
static int bad_enum(lua_State *L, const char *field, unsigned set) {
  const struct smpp_enum_set *names = set != 0 ? smpp_enum_set_at(set) : NULL;
  if (names == NULL) return bad_value(L, field, "an integer");
  if (names->count > ENUM_LISTED_MAX) return bad_value(L, field, "a number or a name of its values");
  const struct smpp_enum *row = smpp_enums(names);
  int value = lua_gettop(L);
  lua_pushliteral(L, "a number or one of");
  for (unsigned i = 0; i < names->count; i++) {
    lua_pushfstring(L, i == 0 ? " %s" : ", %s", row[i].name);
    lua_concat(L, 2);
  }
  lua_pushvalue(L, value);
  return bad_value(L, field, lua_tostring(L, -2));
}

static int unknown_field(lua_State *L, const struct smpp_command *command, const char *name) {
  push_field_suggestion(L, command, name);
  if (lua_isnil(L, -1))
    lua_pushfstring(L, "%s: no such parameter or TLV in %s", name, command->name);
  else
    lua_pushfstring(L, "%s: no such parameter or TLV in %s; did you mean %s?", name, command->name, lua_tostring(L, -1));
  return push_error(L, SMPP_ERR_UNKNOWN_FIELD, lua_tostring(L, -1));
}

/* Names inside a flag field: { type = "udhi" } or { "udhi", ... }. */
static bool flags(lua_State *L, int table, unsigned set, uint32_t *value) {
  *value = 0;
  for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1)) {
    uint32_t part = 0;
    const char *sub = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    if (lua_type(L, -1) == LUA_TSTRING) {
      if (!smpp_enum_value(set, sub, lua_tostring(L, -1), &part)) {
        lua_pop(L, 2);
        return false;
      }
    } else if (!to_u32(L, -1, &part)) {
      lua_pop(L, 2);
      return false;
    }
    *value |= part;
  }
  return true;
}

/* A number, or a name (or table of names) that stands for one. */
static bool number(lua_State *L, int index, unsigned enum_set, bool is_status, uint32_t *value) {
  if (to_u32(L, index, value)) return true;
  if (is_status) return to_status(L, index, value);
  if (enum_set == 0) return false;
  if (lua_type(L, index) == LUA_TSTRING) return smpp_enum_value(enum_set, NULL, lua_tostring(L, index), value);
  return lua_istable(L, index) && flags(L, index, enum_set, value);
}

/* Pushes a field of the table on top.  Raw: nothing keeps a string alive that a metamethod made. */
static int push_raw(lua_State *L, const char *key) {
  lua_pushstring(L, key);
  return lua_rawget(L, -2);
}

/* What read_draft leaves on the stack, from its first slot on; then the strings of parameters and TLVs. */
enum {
  SLOT_TLVS,    /* userdata: all TLVs */
  SLOT_LISTED,  /* the table `tlvs` */
  SLOT_KEPT,    /* table: the items of lists, and strings out of lists */
  SLOT_UNKNOWN, /* a name that is in no table */
  SLOT_COUNT
};

enum { STACK_ROOM = 24, KEPT_ROOM = 8, LIST_MAX = 0xFF, TLVS_MAX = 0xFFFF };

/* The string or userdata on top lives on in the table at |slot|. */
static void keep(lua_State *L, int slot) {
  if (lua_isnil(L, slot)) {
    lua_newtable(L);
    lua_replace(L, slot);
  }
  lua_pushvalue(L, -1);
  lua_rawseti(L, slot, (int)lua_rawlen(L, slot) + 1);
}

/* Of the key and the value on top the key stays there; a string lives on below it.  |kept|: how many do. */
static void keep_value(lua_State *L, bool is_string, int *kept) {
  if (!is_string) {
    lua_pop(L, 1);
    return;
  }
  if (++*kept % KEPT_ROOM == 0) luaL_checkstack(L, STACK_ROOM + KEPT_ROOM, "too much to send");
  lua_insert(L, -2);
}

static int too_many(lua_State *L, const char *field, size_t n, int most) {
  lua_pushfstring(L, "%s too long: %d entries, at most %d", field, n < 0x7FFFFFFF ? (int)n : 0x7FFFFFFF, most);
  return push_error(L, SMPP_ERR_TOO_LONG, lua_tostring(L, -1));
}

static uint32_t item_number(lua_State *L, const char *key, unsigned field, bool *ok) {
  uint32_t n = 0;
  push_raw(L, key);
  if (!lua_isnil(L, -1) &&
      !number(L, lua_gettop(L), smpp_field_enum_set(field), field == SMPP_F_ERROR_STATUS_CODE, &n))
    *ok = false;
  if (field != SMPP_F_ERROR_STATUS_CODE && n > 0xFF) *ok = false;
  lua_pop(L, 1);
  return n;
}

static bool item_text(lua_State *L, int slots, const char *key, struct smpp_list_item *item) {
  size_t length = 0;
  if (push_raw(L, key) == LUA_TSTRING) {
    item->text = lua_tolstring(L, -1, &length);
    item->text_length = (uint32_t)length;
    keep(L, slots + SLOT_KEPT);
  }
  bool found = !lua_isnil(L, -1);
  bool ok = !found || lua_type(L, -1) == LUA_TSTRING;
  lua_pop(L, 1);
  if (!ok) item->dest_flag = 0xFF;
  return found;
}

/* The list on top -> items in a userdata. */
static int read_list(lua_State *L, int slots, const char *field, unsigned kind, struct smpp_value *value) {
  if (!lua_istable(L, -1)) return bad_value(L, field, "a list");
  int list = lua_gettop(L);
  size_t n = lua_rawlen(L, list);
  if (n > LIST_MAX) return too_many(L, field, n, LIST_MAX); /* the count is one octet */
  struct smpp_list_item *items = lua_newuserdatauv(L, (n > 0 ? n : 1) * sizeof *items, 0);
  keep(L, slots + SLOT_KEPT);
  memset(items, 0, (n > 0 ? n : 1) * sizeof *items);
  for (size_t i = 0; i < n; i++) {
    struct smpp_list_item *item = &items[i];
    bool ok = true;
    lua_rawgeti(L, list, (int)i + 1);
    item->text = "";
    if (kind == SMPP_IDS) {
      size_t length = 0;
      if (lua_type(L, -1) != LUA_TSTRING) return bad_value(L, field, "a list of strings");
      item->text = lua_tolstring(L, -1, &length);
      item->text_length = (uint32_t)length;
      keep(L, slots + SLOT_KEPT);
      lua_pop(L, 1);
      continue;
    }
    if (!lua_istable(L, -1)) return bad_value(L, field, "a list of tables");
    item->ton = (uint8_t)item_number(L, "dest_addr_ton", SMPP_F_DEST_ADDR_TON, &ok);
    item->npi = (uint8_t)item_number(L, "dest_addr_npi", SMPP_F_DEST_ADDR_NPI, &ok);
    bool address = item_text(L, slots, "destination_addr", item);
    if (kind == SMPP_UNSUCCESS) {
      ok = ok && address;
      item->status = item_number(L, "error_status_code", SMPP_F_ERROR_STATUS_CODE, &ok);
      item->dest_flag = item->dest_flag == 0xFF ? 0xFF : 0;
    } else {
      bool list_name = item_text(L, slots, "dl_name", item);
      uint32_t flag = item_number(L, "dest_flag", SMPP_F_DEST_FLAG, &ok);
      if (address == list_name) ok = false;
      if (item->dest_flag != 0xFF) item->dest_flag = flag != 0 ? (uint8_t)flag : list_name ? 2 : 1;
    }
    if (!ok || item->dest_flag == 0xFF) {
      lua_pushfstring(L, "%s[%d]: expected %s", field, (int)i + 1,
                      kind == SMPP_DESTS ? "dest_addr_ton, dest_addr_npi, destination_addr, or dl_name"
                                         : "dest_addr_ton, dest_addr_npi, destination_addr, error_status_code");
      return push_error(L, SMPP_ERR_BAD_VALUE, lua_tostring(L, -1));
    }
    lua_pop(L, 1);
  }
  value->is = SMPP_LIST;
  value->items = items;
  value->length = (uint32_t)n;
  lua_settop(L, list);
  return 0;
}

/* The value on top is a table, or of no use. */
static int read_other(lua_State *L, int slots, const struct smpp_param *param, struct smpp_value *value) {
  const char *name = param->name;
  if (lua_rawequal(L, -1, lua_upvalueindex(UP_NONE))) {
    memset(value, 0, sizeof *value);
    return 0;
  }
  switch (param->kind) {
    case SMPP_CSTRING:
    case SMPP_TIME:
    case SMPP_TEXT:
      return bad_value(L, name, "a string");
    case SMPP_DESTS:
    case SMPP_UNSUCCESS:
    case SMPP_IDS:
      return read_list(L, slots, name, param->kind, value);
    default:
      if (!number(L, lua_gettop(L), param->enum_set, param->field == SMPP_F_ERROR_STATUS_CODE, &value->number))
        return bad_enum(L, name, param->enum_set);
      value->is = SMPP_NUMBER;
      return 0;
  }
}

/* The value on top, of this type, if it is one of the common kinds; false: it is not. */
static bool read_common(lua_State *L, const struct smpp_param *param, int type, struct smpp_value *value) {
  unsigned kind = param->kind;
  if (type == LUA_TSTRING && (kind == SMPP_CSTRING || kind == SMPP_TEXT || kind == SMPP_TIME)) {
    size_t length = 0;
    value->is = SMPP_STRING;
    value->octets = (const uint8_t *)lua_tolstring(L, -1, &length);
    value->length = length > UINT32_MAX ? UINT32_MAX : (uint32_t)length;
    return true;
  }
  if (type == LUA_TNUMBER && (kind == SMPP_U8 || kind == SMPP_U16 || kind == SMPP_U32) && number_to_u32(lua_tonumber(L, -1), &value->number)) {
    value->is = SMPP_NUMBER;
    return true;
  }
  return false;
}

static int read_param(lua_State *L, int slots, const struct smpp_param *param, int type, struct smpp_value *value) {
  return read_common(L, param, type, value) ? 0 : read_other(L, slots, param, value);
}

/* Turns the value on top into the octets of a TLV given by name. */
static int read_tlv(lua_State *L, const char *name, uint32_t code, struct draft *d) {
  size_t n = d->named_count, length = 0;
  struct smpp_tlv_out *tlv = &d->named[n];
  const struct smpp_tlv_row *row = smpp_tlv_by_tag(NAME_TAG(code));
  unsigned kind = NAME_KIND(code), octets = kind == SMPP_U32 ? 4 : kind == SMPP_U16 ? 2 : 1;
  uint32_t value = 0;
  if (n >= DRAFT_TLVS_MAX) return luaL_error(L, "more than %d TLVs by name", DRAFT_TLVS_MAX);
  *tlv = (struct smpp_tlv_out){(uint16_t)NAME_TAG(code), 0, NULL};
  d->dropped[n] = lua_rawequal(L, -1, lua_upvalueindex(UP_NONE));
  d->named_count++;
  if (d->dropped[n]) return 0;
  if (kind == SMPP_CSTRING || kind == SMPP_OCTETS) {
    if (lua_type(L, -1) != LUA_TSTRING) return bad_value(L, name, "a string");
    tlv->octets = (const uint8_t *)lua_tolstring(L, -1, &length);
    if (kind == SMPP_CSTRING && memchr(tlv->octets, 0, length) != NULL)
      return bad_value(L, name, "a string without NUL");
    if (kind == SMPP_CSTRING) length++; /* Lua's strings end with a NUL of their own */
    tlv->length = (uint32_t)(length > 0x10000 ? 0x10000 : length);
    if (row != NULL && (length < row->min || length > row->max)) {
      bool is_short = length < row->min;
      lua_pushfstring(L, "%s: %d octets, %s %d", name, (int)length, is_short ? "at least" : "at most",
                      is_short ? (int)row->min : (int)row->max);
      return push_error(L, is_short ? SMPP_ERR_BAD_VALUE : SMPP_ERR_TOO_LONG, lua_tostring(L, -1));
    }
    return 0;
  }
  if (kind == SMPP_FLAG && lua_isboolean(L, -1) && lua_toboolean(L, -1)) return 0; /* no octets */
  if (!number(L, lua_gettop(L), row != NULL ? row->enum_set : 0, tlv->tag == SMPP_TLV_BROADCAST_ERROR_STATUS, &value))
    return bad_enum(L, name, row != NULL ? row->enum_set : 0);
  if (octets < 4 && value >> (8 * octets) != 0) {
    lua_pushfstring(L, "%s: %s, at most %d", name, u32_text(L, value), octets == 1 ? 0xFF : 0xFFFF);
    return push_error(L, SMPP_ERR_BAD_VALUE, lua_tostring(L, -1));
  }
  if (kind == SMPP_FLAG && value == 0 && d->message.version != 0 && d->message.version < SMPP_50) return 0;
  uint8_t wire[4];
  smpp_set_u32(wire, value << (32 - 8 * octets));
  memcpy(&d->numbers[n], wire, sizeof wire);
  tlv->octets = (const uint8_t *)&d->numbers[n];
  tlv->length = octets;
  return 0;
}

static int unknown_command(lua_State *L, const char *name) {
  const struct smpp_declared *declared = declared_commands(L);
  const struct smpp_command *command;
  luaL_checkstack(L, 8, "names");
  lua_newtable(L);
  for (size_t i = 0; (command = smpp_command_at(i)) != NULL; i++) {
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, command->name);
  }
  for (size_t i = 0; i < declared->count; i++) {
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, declared->commands[i]->name);
  }
  push_suggestion(L, lua_gettop(L), name);
  lua_pushfstring(L, lua_isnil(L, -1) ? "unknown command '%s'" : "unknown command '%s'; did you mean '%s'?", name, lua_tostring(L, -1));
  return push_error(L, SMPP_ERR_BAD_VALUE, lua_tostring(L, -1));
}

static int read_command_name(lua_State *L, struct draft *d) {
  if (lua_type(L, -1) != LUA_TSTRING) return bad_value(L, "command", "a name");
  const char *name = lua_tostring(L, -1);
  const struct smpp_command *command = smpp_command_by_name(declared_commands(L), name);
  if (command == NULL && name[0] == '0' && name[1] == 'x' && strlen(name) == 10) { /* as views spell unknown ones */
    char *end = NULL;
    unsigned long id = strtoul(name + 2, &end, 16);
    if (*end == '\0' && smpp_command_by_id(declared_commands(L), (uint32_t)id) == NULL) {
      command = &smpp_unknown_command;
      d->message.id = (uint32_t)id;
    }
  }
  if (command == NULL) return unknown_command(L, name);
  if (d->message.command != NULL && d->message.command != command) return bad_value(L, "command", d->message.command->name);
  d->message.command = command;
  return 0;
}

/* Octets that belong to no field, at the top of the stack; smpp.none: none. */
static int read_octets(lua_State *L, const char *name, const uint8_t **octets, size_t *length) {
  *length = 0;
  if (lua_rawequal(L, -1, lua_upvalueindex(UP_NONE))) return 0;
  if (lua_type(L, -1) != LUA_TSTRING) return bad_value(L, name, "octets");
  *octets = (const uint8_t *)lua_tolstring(L, -1, length);
  return 0;
}

static int read_item(lua_State *L, const char *name, unsigned item, struct draft *d) {
  uint32_t value = 0;
  switch (item) {
    case ITEM_COMMAND:
      return read_command_name(L, d);
    case ITEM_STATUS:
    case ITEM_COMMAND_STATUS:
      if (!to_status(L, -1, &value)) return bad_value(L, name, "a command_status");
      if (d->has_status && d->message.status != value) return bad_value(L, name, "the same as the other status");
      d->message.status = value;
      d->has_status = true;
      return 0;
    case ITEM_SEQUENCE:
      if (!to_u32(L, -1, &d->message.sequence)) return bad_value(L, name, "a number from 0 to 0xFFFFFFFF");
      d->has_sequence = true;
      return 0;
    case ITEM_PADDING:
      return read_octets(L, name, &d->message.padding, &d->message.padding_length);
    case ITEM_TRAILING:
      return read_octets(L, name, &d->message.trailing, &d->message.trailing_length);
    default:
      if (!to_u32(L, -1, &value)) return bad_value(L, name, "an integer");
      d->given[item] = value;
      d->given_set = (uint16_t)(d->given_set | 1u << item);
      return 0;
  }
}

/* |tlvs| = { { tag, octets } ... }, the named ones and those of the base -> one array in a userdata. */
static int gather_tlvs(lua_State *L, int slots, struct draft *d) {
  int index = slots + SLOT_LISTED;
  size_t listed = lua_istable(L, index) ? lua_rawlen(L, index) : 0, kept = 0, n = 0;
  struct smpp_tlv tlv;
  uint32_t offset = 0;
  if (d->base != NULL && !d->drops_tlvs)
    for (offset = d->base->tlv_offset; smpp_pdu_next_tlv(d->base, &offset, &tlv);) kept++;
  if (listed > TLVS_MAX) return too_many(L, "tlvs", listed, TLVS_MAX);
  size_t room = listed + kept + d->named_count;
  if (room == 0) return 0;
  struct smpp_tlv_out *out = lua_newuserdatauv(L, room * sizeof *out, 0);
  lua_replace(L, slots + SLOT_TLVS);
  bool placed[DRAFT_TLVS_MAX] = {false};
  if (kept > 0) {
    for (offset = d->base->tlv_offset; smpp_pdu_next_tlv(d->base, &offset, &tlv);) {
      size_t k = 0;
      while (k < d->named_count && d->named[k].tag != tlv.tag) k++;
      if (k == d->named_count)
        out[n++] = (struct smpp_tlv_out){tlv.tag, tlv.length, tlv.octets};
      else if (!placed[k] && !d->dropped[k])
        out[n++] = d->named[k]; /* a change takes the first one's place */
      if (k < d->named_count) placed[k] = true;
    }
  }
  for (size_t i = 1; i <= listed; i++) {
    uint32_t tag = 0;
    size_t length = 0;
    lua_rawgeti(L, index, (int)i);
    if (!lua_istable(L, -1)) return bad_value(L, "tlvs", "a list of { tag, octets }");
    if (push_raw(L, "tag") == LUA_TNIL) {
      lua_pop(L, 1);
      lua_rawgeti(L, -1, 1);
    }
    if (lua_type(L, -1) == LUA_TSTRING) {
      tag = NAME_TAG(name_code(L, -1));
      if (tag == 0) return unknown_field(L, d->message.command, lua_tostring(L, -1));
    } else if (!to_u32(L, -1, &tag) || tag > 0xFFFF) {
      return bad_value(L, "tlvs: tag", "a number from 0 to 0xFFFF");
    }
    lua_pop(L, 1);
    if (push_raw(L, "octets") == LUA_TNIL) {
      lua_pop(L, 1);
      lua_rawgeti(L, -1, 2);
    }
    if (lua_type(L, -1) != LUA_TSTRING) return bad_value(L, "tlvs: octets", "a string");
    const char *octets = lua_tolstring(L, -1, &length);
    keep(L, slots + SLOT_KEPT);
    for (size_t k = 0; k < d->named_count; k++) {
      if (d->named[k].tag == tag) {
        const struct smpp_tlv_row *row = smpp_tlv_by_tag(tag);
        lua_pushfstring(L, "duplicate TLV %s: given by name and in tlvs", row != NULL ? row->name : "a TLV");
        return push_error(L, SMPP_ERR_BAD_VALUE, lua_tostring(L, -1));
      }
    }
    out[n++] = (struct smpp_tlv_out){(uint16_t)tag, (uint32_t)(length > 0x10000 ? 0x10000 : length), (const uint8_t *)octets};
    lua_pop(L, 2);
  }
  /* by name: behind the others, in ascending order of tags */
  for (uint32_t after = 0, first = 1;; first = 0) {
    size_t next = d->named_count;
    for (size_t k = 0; k < d->named_count; k++)
      if (!placed[k] && !d->dropped[k] && (first || d->named[k].tag > after) &&
          (next == d->named_count || d->named[k].tag < d->named[next].tag))
        next = k;
    if (next == d->named_count) break;
    after = d->named[next].tag;
    out[n++] = d->named[next];
  }
  d->message.tlvs = out;
  d->message.tlv_count = n;
  return 0;
}

/* What a change starts from: every parameter as it stands on the wire. */
static void start_from(struct draft *d, const struct smpp_pdu *base) {
  const struct smpp_param *params = base->command->params;
  uint32_t at = SMPP_HEADER_OCTETS;
  d->base = base;
  d->message.command = base->command;
  d->message.status = base->status;
  d->message.sequence = base->sequence;
  for (unsigned i = 0; i < base->command->param_count; i++) {
    struct smpp_value *value = &d->message.params[i];
    value->is = SMPP_WIRE;
    if (i >= base->param_count) continue;
    uint32_t end = base->params[i].offset + base->params[i].length;
    if ((params[i].kind == SMPP_CSTRING || params[i].kind == SMPP_TIME) && end < base->length) end++;
    value->octets = base->octets + at;
    value->length = end - at;
    at = end;
  }
  d->message.padding = base->octets + params_end(base);
  d->message.padding_length = base->tlv_offset - params_end(base);
  d->message.trailing = base->octets + base->tlv_end;
  d->message.trailing_length = base->length - base->tlv_end;
}

/* Derived fields that were given must agree with what they count. */
static int check_given(lua_State *L, struct draft *d) {
  static const struct {
    unsigned item, field, kind;
    const char *name;
  } counts[] = {{ITEM_SM_LENGTH, SMPP_F_SHORT_MESSAGE, SMPP_TEXT, "sm_length"},
                {ITEM_NUMBER_OF_DESTS, SMPP_F_DEST_ADDRESS, SMPP_DESTS, "number_of_dests"},
                {ITEM_NO_UNSUCCESS, SMPP_F_UNSUCCESS_SME, SMPP_UNSUCCESS, "no_unsuccess"},
                {ITEM_NUMBER_MSGS, SMPP_F_MESSAGE_ID, SMPP_IDS, "number_msgs"}};
  const struct smpp_command *command = d->message.command;
  if ((d->given_set & 1u << ITEM_COMMAND_ID) != 0 && d->given[ITEM_COMMAND_ID] != (command != &smpp_unknown_command ? command->id : d->message.id)) {
    lua_pushfstring(L, "command_id does not match command %s", command->name);
    return push_error(L, SMPP_ERR_BAD_VALUE, lua_tostring(L, -1));
  }
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    if ((d->given_set & 1u << counts[i].item) == 0) continue;
    int position = smpp_param_position(command, counts[i].field);
    if (position < 0 || command->params[position].kind != counts[i].kind) return unknown_field(L, command, counts[i].name);
    const struct smpp_value *value = &d->message.params[position];
    uint32_t actual = value->is == SMPP_WIRE && value->length > 0 ? value->octets[0] : value->length;
    if (d->given[counts[i].item] != actual) {
      lua_pushfstring(L, "%s: %d given, %s has %d", counts[i].name, (int)d->given[counts[i].item],
                      smpp_field_name(counts[i].field), (int)actual);
      return push_error(L, SMPP_ERR_BAD_VALUE, lua_tostring(L, -1));
    }
  }
  return 0;
}

int read_draft(lua_State *L, int index, const struct smpp_command *command, const struct smpp_pdu *base,
               uint8_t version, struct draft *d) {
  int error = 0;
  const char *unknown = NULL;
  memset(&d->message, 0, sizeof d->message);
  d->message.command = command;
  d->message.version = version;
  d->has_status = d->has_sequence = d->drops_tlvs = false;
  d->given_set = 0;
  d->named_count = 0;
  d->base = NULL;
  if (base != NULL) start_from(d, base);

  luaL_checkstack(L, STACK_ROOM + KEPT_ROOM, "too much to send");
  int slots = lua_gettop(L) + 1;
  lua_settop(L, slots + SLOT_COUNT - 1);
  bool is_named = d->message.command == NULL;
  if (is_named) { /* which parameters there are depends on it */
    lua_pushliteral(L, "command");
    if (lua_rawget(L, index) != LUA_TNIL && (error = read_command_name(L, d)) != 0) return error;
    lua_pop(L, 1);
    if (d->message.command == NULL) return push_error(L, SMPP_ERR_MISSING, "command: missing");
  }

  const struct smpp_param *params = d->message.command->params;
  int kept = 0, type = LUA_TNIL;
  for (lua_pushnil(L); lua_next(L, index) != 0; keep_value(L, type == LUA_TSTRING, &kept)) {
    uint32_t code = 0;
    int position = -1;
    type = lua_type(L, -1);
    if (lua_type(L, -2) == LUA_TSTRING) code = name_code(L, -2);
    if (NAME_FIELD(code) != 0) position = smpp_param_position(d->message.command, NAME_FIELD(code) - 1);
    if (position >= 0) {
      error = read_param(L, slots, &params[position], type, &d->message.params[position]);
      if (error != 0) return error;
      continue;
    }
    if (is_named && NAME_ITEM(code) == ITEM_COMMAND) continue; /* read above */
    if (lua_type(L, -2) != LUA_TSTRING) return luaL_error(L, "expected names of parameters and TLVs as keys, got a %s", luaL_typename(L, -2));
    const char *name = lua_tostring(L, -2);
    if (code == 0 && strcmp(name, "tlvs") == 0) {
      d->drops_tlvs = true;
      if (lua_rawequal(L, -1, lua_upvalueindex(UP_NONE)))
        ; /* all of the base's go */
      else if (lua_istable(L, -1)) {
        lua_pushvalue(L, -1);
        lua_replace(L, slots + SLOT_LISTED);
      } else
        error = bad_value(L, name, "a list of { tag, octets }");
    } else if (NAME_ITEM(code) != 0) {
      error = read_item(L, name, NAME_ITEM(code), d);
    } else if (NAME_TAG(code) != 0) {
      error = read_tlv(L, name, code, d);
    } else if (unknown == NULL || strcmp(name, unknown) < 0) {
      unknown = name;
      lua_pushvalue(L, -2);
      lua_replace(L, slots + SLOT_UNKNOWN);
    }
    if (error != 0) return error;
  }
  if (unknown != NULL) return unknown_field(L, d->message.command, unknown);
  if ((error = gather_tlvs(L, slots, d)) != 0) return error;
  if (base != NULL && base->param_count == 0) { /* a body that was left out stays so, unless it got something */
    bool touched = false;
    for (unsigned i = 0; i < d->message.command->param_count; i++) touched |= d->message.params[i].is != SMPP_WIRE;
    for (unsigned i = 0; i < d->message.command->param_count && touched; i++)
      if (d->message.params[i].is == SMPP_WIRE) d->message.params[i].is = SMPP_ABSENT;
  }
  return d->given_set != 0 ? check_given(L, d) : 0;
}

bool read_usual(lua_State *L, int index, const struct smpp_command *command, struct smpp_message *message) {
  struct name_cache *cache = lua_touserdata(L, lua_upvalueindex(UP_KNOWN));
  memset(message, 0, sizeof *message);
  message->command = command;
  for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
    uint32_t field = NAME_FIELD(key_code(L, cache, -2));
    int position = field != 0 ? smpp_param_position(command, field - 1) : -1;
    if (position < 0 || !read_common(L, &command->params[position], lua_type(L, -1), &message->params[position])) {
      lua_pop(L, 2);
      return false;
    }
  }
  return true;
}

int push_pdu_fault(lua_State *L, int error, const struct smpp_fault *fault, const struct draft *d) {
  const char *command = d != NULL && d->message.command != NULL ? d->message.command->name : "PDU";
  const char *version = d == NULL || d->message.version == 0 ? "" : smpp_version_set(d->message.version) == SMPP_V33   ? " in SMPP 3.3"
                                                  : smpp_version_set(d->message.version) == SMPP_V34 ? " in SMPP 3.4"
                                                                                                     : " in SMPP 5.0";
  if (fault->text == NULL) return push_error(L, error, NULL);
  if (fault->field != NULL)
    lua_pushfstring(L, "%s: %s", command, fault->field);
  else
    lua_pushfstring(L, "%s: TLV %d", command, (int)fault->tag);
  const char *where = lua_tostring(L, -1);
  if (error == SMPP_ERR_TOO_LONG)
    lua_pushfstring(L, "%s: %d %s, at most %d%s", where, (int)fault->got, fault->text, (int)fault->limit, version);
  else if (fault->limit != 0 && strcmp(fault->text, "at most") == 0)
    lua_pushfstring(L, "%s: %s, at most %d", where, u32_text(L, fault->got), (int)fault->limit);
  else
    lua_pushfstring(L, "%s: %s", where, fault->text);
  return push_error(L, error, lua_tostring(L, -1));
}
