/* bind_view.c - received PDUs in Lua: a userdata that owns its octets and
 * decodes a field when it is asked for. */
#include <string.h>

#include "binding.h"

static char view_key; /* its address is the key */

void mark_view_metatable(lua_State *L) {
  lua_pushlightuserdata(L, &view_key);
  lua_pushboolean(L, 1);
  lua_rawset(L, -3);
}

/* Octets of spare views: a response and a short request, a request with its text.  A view that comes from among them costs neither memory nor
 * the collector anything, which on LuaJIT looks at all userdata at once.  So many of each are kept. */
static const size_t spare_octets[SPARE_SIZES] = {192, 640};
enum { SPARE_MAX = 2048 };

/* Where the view with this number, from 0, of a size is in UP_SPARE. */
static int spare_place(unsigned size, int number) { return SPARE_SIZES * number + (int)size; }

/* Pushes a userdata for a view of so many octets. */
static struct view *push_space(lua_State *L, size_t octets) {
  struct spares *spares = lua_touserdata(L, lua_upvalueindex(UP_SPARES));
  unsigned size = 0;
  if (spares->wanted) {
    while (size < SPARE_SIZES && octets > spare_octets[size]) size++;
    size = size < SPARE_SIZES ? size + 1 : 0;
  }
  if (size != 0 && spares->count[size - 1] > 0) {
    lua_rawgeti(L, lua_upvalueindex(UP_SPARE), spare_place(size, --spares->count[size - 1]));
    return lua_touserdata(L, -1);
  }
  struct view *v = lua_newuserdatauv(L, size != 0 ? spare_octets[size - 1] : octets, 0);
  v->size = (uint8_t)size;
  return v;
}

void spare_view(lua_State *L, int index, struct view *v) {
  struct spares *spares = lua_touserdata(L, lua_upvalueindex(UP_SPARES));
  spares->wanted = true;
  if (v->size == 0 || v->pdu.length == 0 || spares->count[v->size - 1] == SPARE_MAX) return;
  memset(&v->pdu, 0, offsetof(struct smpp_pdu, params)); /* as if it were empty, for whoever has kept it against the rule */
  v->pdu.octets = (const uint8_t *)v;
  v->answered = true;
  v->session = 0;
  lua_pushvalue(L, index);
  lua_rawseti(L, lua_upvalueindex(UP_SPARE), spare_place(v->size, spares->count[v->size - 1]));
  spares->count[v->size - 1]++;
}

struct view *push_view(lua_State *L, const struct smpp_pdu *pdu, double session) {
  size_t head = offsetof(struct view, pdu.params) + pdu->param_count * sizeof pdu->params[0];
  size_t part = offsetof(struct smpp_pdu, params) + pdu->param_count * sizeof pdu->params[0];
  struct view *v = push_space(L, head + pdu->length);
  uint8_t *octets = (uint8_t *)v + head;
  v->answered = v->spent = false;
  v->session = session;
  v->received = 0;
  memcpy(&v->pdu, pdu, part);
  memcpy(octets, pdu->octets, pdu->length);
  v->pdu.octets = octets;
  lua_pushvalue(L, lua_upvalueindex(UP_VIEW));
  lua_setmetatable(L, -2);
  return v;
}

struct view *test_view(lua_State *L, int index) {
  struct view *v = lua_touserdata(L, index);
  if (v == NULL || !lua_getmetatable(L, index)) return NULL;
  bool is_view = lua_rawequal(L, -1, lua_upvalueindex(UP_VIEW));
  if (!is_view) { /* views of every codec are welcome */
    lua_pushlightuserdata(L, &view_key);
    lua_rawget(L, -2);
    is_view = lua_toboolean(L, -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return is_view ? v : NULL;
}

struct view *check_view(lua_State *L, int arg) {
  struct view *v = test_view(L, arg);
  if (v == NULL) {
    const char *got = luaL_typename(L, arg);
    luaL_argerror(L, arg, lua_pushfstring(L, "expected a PDU, got %s", got));
  }
  return v;
}

/* "0x00010203": what has no name. */
static void push_hex(lua_State *L, uint32_t value) {
  static const char digits[] = "0123456789ABCDEF";
  char text[10] = {'0', 'x'};
  for (int i = 0; i < 8; i++) text[2 + i] = digits[value >> (28 - 4 * i) & 0xF];
  lua_pushlstring(L, text, sizeof text);
}

static void push_status_name(lua_State *L, uint32_t status) {
  const struct smpp_status_row *row = smpp_status_by_code(status);
  if (row != NULL)
    lua_pushstring(L, row->name);
  else
    push_hex(L, status);
}

static void push_command_name(lua_State *L, const struct smpp_pdu *pdu) {
  if (pdu->command != NULL)
    lua_pushstring(L, pdu->command->name);
  else
    push_hex(L, pdu->id);
}

static void push_list(lua_State *L, const struct smpp_pdu *pdu, unsigned position, unsigned kind) {
  struct smpp_list_item item;
  uint32_t offset = 0;
  lua_newtable(L);
  for (int n = 1; smpp_pdu_next_item(pdu, position, &offset, &item); n++) {
    if (kind != SMPP_IDS) {
      lua_createtable(L, 0, 4);
      if (item.dest_flag != 2) {
        lua_pushinteger(L, item.ton);
        lua_setfield(L, -2, "dest_addr_ton");
        lua_pushinteger(L, item.npi);
        lua_setfield(L, -2, "dest_addr_npi");
      }
      if (kind == SMPP_UNSUCCESS) {
        push_u32(L, item.status);
        lua_setfield(L, -2, "error_status_code");
      }
    }
    lua_pushlstring(L, item.text, item.text_length);
    if (kind != SMPP_IDS) lua_setfield(L, -2, item.dest_flag == 2 ? "dl_name" : "destination_addr");
    lua_rawseti(L, -2, n);
  }
}

static void push_param(lua_State *L, const struct smpp_pdu *pdu, unsigned position) {
  const struct smpp_span *span = &pdu->params[position];
  unsigned kind = pdu->command->params[position].kind;
  switch (kind) {
    case SMPP_U8:
      lua_pushinteger(L, pdu->octets[span->offset]);
      break;
    case SMPP_U16:
    case SMPP_U32:
      push_u32(L, smpp_pdu_number(pdu, position));
      break;
    case SMPP_DESTS:
    case SMPP_UNSUCCESS:
    case SMPP_IDS:
      push_list(L, pdu, position, kind);
      break;
    default:
      lua_pushlstring(L, (const char *)pdu->octets + span->offset, span->length);
  }
}

static bool is_number(unsigned kind) { return kind != SMPP_CSTRING && kind != SMPP_OCTETS; }

/* Numeric TLVs of an invalid length stay octets. */
static void push_tlv_value(lua_State *L, const struct smpp_tlv *tlv, unsigned kind) {
  size_t length = tlv->length;
  if (kind == SMPP_CSTRING && length > 0 && tlv->octets[length - 1] == 0) length--;
  if (kind == SMPP_FLAG && length == 0) {
    lua_pushinteger(L, 0);
  } else if (is_number(kind) && length >= 1 && length <= 4) {
    uint32_t n = 0;
    for (size_t i = 0; i < length; i++) n = n << 8 | tlv->octets[i];
    push_u32(L, n);
  } else {
    lua_pushlstring(L, (const char *)tlv->octets, length);
  }
}

/* Name of a tag, from the tables or the profile; pushes nil when it has none. */
static unsigned push_tag_name(lua_State *L, uint32_t tag) {
  const struct smpp_tlv_row *row = smpp_tlv_by_tag(tag);
  if (lua_rawgeti(L, lua_upvalueindex(UP_TAGS), (int)tag) == LUA_TSTRING) {
    lua_pushvalue(L, -1);
    lua_rawget(L, lua_upvalueindex(UP_NAMES));
    uint32_t code = 0;
    (void)to_u32(L, -1, &code);
    lua_pop(L, 1);
    return NAME_KIND(code);
  }
  if (row == NULL) return SMPP_OCTETS;
  lua_pop(L, 1);
  lua_pushstring(L, row->name);
  return row->kind;
}

/* sm_length and the counts, which stand before the value they describe. */
static bool push_count(lua_State *L, const struct smpp_pdu *pdu, unsigned field, unsigned kind) {
  if (pdu->command == NULL) return false;
  int position = smpp_param_position(pdu->command, field);
  if (position < 0 || position >= pdu->param_count) return false;
  if (pdu->command->params[position].kind != kind) return false;
  lua_pushinteger(L, pdu->octets[pdu->params[position].offset - 1]);
  return true;
}

uint32_t params_end(const struct smpp_pdu *pdu) {
  unsigned last = pdu->param_count;
  if (last == 0 || last < pdu->command->param_count) return pdu->tlv_offset; /* what follows was not read */
  const struct smpp_span *span = &pdu->params[--last];
  unsigned kind = pdu->command->params[last].kind;
  uint32_t end = span->offset + span->length;
  return (kind == SMPP_CSTRING || kind == SMPP_TIME) && end < pdu->length ? end + 1 : end;
}

static bool push_item(lua_State *L, const struct smpp_pdu *pdu, unsigned item) {
  switch (item) {
    case ITEM_COMMAND:
      push_command_name(L, pdu);
      return true;
    case ITEM_STATUS:
      push_status_name(L, pdu->status);
      return true;
    case ITEM_COMMAND_ID:
      push_u32(L, pdu->id);
      return true;
    case ITEM_COMMAND_STATUS:
      push_u32(L, pdu->status);
      return true;
    case ITEM_SEQUENCE:
      push_u32(L, pdu->sequence);
      return true;
    case ITEM_LENGTH:
      push_u32(L, pdu->length);
      return true;
    case ITEM_PADDING: {
      uint32_t end = params_end(pdu);
      if (end == pdu->tlv_offset) return false;
      lua_pushlstring(L, (const char *)pdu->octets + end, pdu->tlv_offset - end);
      return true;
    }
    case ITEM_TRAILING:
      if (pdu->tlv_end == pdu->length) return false;
      lua_pushlstring(L, (const char *)pdu->octets + pdu->tlv_end, pdu->length - pdu->tlv_end);
      return true;
    case ITEM_SM_LENGTH:
      return push_count(L, pdu, SMPP_F_SHORT_MESSAGE, SMPP_TEXT);
    case ITEM_NUMBER_OF_DESTS:
      return push_count(L, pdu, SMPP_F_DEST_ADDRESS, SMPP_DESTS);
    case ITEM_NO_UNSUCCESS:
      return push_count(L, pdu, SMPP_F_UNSUCCESS_SME, SMPP_UNSUCCESS);
    case ITEM_NUMBER_MSGS:
      return push_count(L, pdu, SMPP_F_MESSAGE_ID, SMPP_IDS);
    default:
      return false;
  }
}

/* Pushes the value of a name, or nil when this PDU has none. */
static void push_named(lua_State *L, const struct smpp_pdu *pdu, uint32_t code) {
  struct smpp_tlv tlv;
  if (NAME_FIELD(code) != 0 && pdu->command != NULL) {
    int position = smpp_param_position(pdu->command, NAME_FIELD(code) - 1);
    if (position >= 0) {
      if (position < pdu->param_count)
        push_param(L, pdu, (unsigned)position);
      else
        lua_pushnil(L);
      return;
    }
  }
  if (NAME_TAG(code) != 0 && smpp_pdu_find_tlv(pdu, NAME_TAG(code), &tlv)) {
    push_tlv_value(L, &tlv, NAME_KIND(code));
    if (is_number(NAME_KIND(code)) && lua_type(L, -1) != LUA_TNUMBER) lua_pushnil(L); /* a field has its type or none */
  } else if (NAME_ITEM(code) == 0 || !push_item(L, pdu, NAME_ITEM(code)))
    lua_pushnil(L);
}

int view_index(lua_State *L) {
  uint32_t code = lua_type(L, 2) == LUA_TSTRING ? name_code(L, 2) : 0;
  if (code != 0) {
    const struct view *v = lua_touserdata(L, 1);
    push_named(L, &v->pdu, code);
    return 1;
  }
  lua_settop(L, 2);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(UP_NAMES)) == LUA_TFUNCTION) return 1;
  if (lua_type(L, 2) != LUA_TSTRING) return luaL_error(L, "a PDU has no field of type %s", luaL_typename(L, 2));
  const char *name = lua_tostring(L, 2);
  push_suggestion(L, lua_upvalueindex(UP_NAMES), name);
  if (lua_isnil(L, -1)) return luaL_error(L, "a PDU has no field '%s'", name);
  return luaL_error(L, "a PDU has no field '%s'; did you mean '%s'?", name, lua_tostring(L, -1));
}

/* pdu:values(name, ...) -> what pdu[name] is, of each: one call for many */
static int view_values(lua_State *L) {
  struct view *v = check_view(L, 1);
  int count = lua_gettop(L) - 1;
  luaL_checkstack(L, count + 4, "values");
  for (int i = 2; i <= count + 1; i++) {
    const char *name = luaL_checkstring(L, i);
    uint32_t code = name_code(L, i);
    if (code == 0) return luaL_error(L, "a PDU has no field '%s'", name);
    push_named(L, &v->pdu, code);
  }
  return count;
}

#define SELECTED_MAX 32

struct selection {
  int count;
  uint32_t codes[SELECTED_MAX];
};

/* What `selector` makes: (pdu) -> what pdu[name] is, of each name */
static int view_select(lua_State *L) {
  const struct selection *selection = lua_touserdata(L, lua_upvalueindex(1));
  struct view *v = check_view(L, 1);
  luaL_checkstack(L, selection->count + 4, "values");
  for (int i = 0; i < selection->count; i++) push_named(L, &v->pdu, selection->codes[i]);
  return selection->count;
}

/* selector(name, ...) -> a function that reads these fields of any PDU, as pdu:values(name, ...) does, without looking the names up */
int codec_selector(lua_State *L) {
  int count = lua_gettop(L);
  luaL_argcheck(L, count <= SELECTED_MAX, SELECTED_MAX + 1, "expected at most 32 names");
  struct selection *selection = lua_newuserdatauv(L, sizeof *selection, 0);
  selection->count = count;
  for (int i = 1; i <= count; i++) {
    const char *name = luaL_checkstring(L, i);
    selection->codes[i - 1] = name_code(L, i);
    if (selection->codes[i - 1] == 0) return luaL_error(L, "a PDU has no field '%s'", name);
  }
  lua_pushcclosure(L, view_select, 1);
  return 1;
}

/* pdu:octets() */
static int view_octets(lua_State *L) {
  struct view *v = check_view(L, 1);
  lua_pushlstring(L, (const char *)v->pdu.octets, v->pdu.length);
  return 1;
}

static void push_tlv_record(lua_State *L, const struct smpp_tlv *tlv, bool with_value) {
  lua_createtable(L, 0, with_value ? 4 : 2);
  lua_pushinteger(L, tlv->tag);
  lua_setfield(L, -2, "tag");
  lua_pushlstring(L, (const char *)tlv->octets, tlv->length);
  lua_setfield(L, -2, "octets");
  if (!with_value) return;
  unsigned kind = push_tag_name(L, tlv->tag);
  lua_setfield(L, -2, "name");
  push_tlv_value(L, tlv, kind);
  lua_setfield(L, -2, "value");
}

static int push_tlvs(lua_State *L, const struct smpp_pdu *pdu, bool with_value) {
  struct smpp_tlv tlv;
  uint32_t offset = pdu->tlv_offset;
  int n = 0;
  lua_newtable(L);
  while (smpp_pdu_next_tlv(pdu, &offset, &tlv)) {
    push_tlv_record(L, &tlv, with_value);
    lua_rawseti(L, -2, ++n);
  }
  return n;
}

/* pdu:tlvs() -> { { tag, octets, name, value } ... } in wire order */
static int view_tlvs(lua_State *L) {
  struct view *v = check_view(L, 1);
  push_tlvs(L, &v->pdu, true);
  return 1;
}

/* pdu:tlv(tag or name) -> octets or nil */
static int view_tlv(lua_State *L) {
  struct view *v = check_view(L, 1);
  struct smpp_tlv tlv;
  uint32_t tag = 0;
  if (lua_type(L, 2) == LUA_TSTRING) {
    lua_pushvalue(L, 2);
    uint32_t code = 0;
    if (lua_rawget(L, lua_upvalueindex(UP_NAMES)) == LUA_TNUMBER) (void)to_u32(L, -1, &code);
    tag = NAME_TAG(code);
    if (tag == 0) {
      push_suggestion(L, lua_upvalueindex(UP_NAMES), lua_tostring(L, 2));
      const char *like = lua_tostring(L, -1);
      return luaL_error(L, "unknown TLV '%s'%s%s%s", lua_tostring(L, 2), like ? "; did you mean '" : "",
                        like ? like : "", like ? "'?" : "");
    }
  } else {
    tag = check_u32(L, 2);
  }
  if (!smpp_pdu_find_tlv(&v->pdu, tag, &tlv)) return 0;
  lua_pushlstring(L, (const char *)tlv.octets, tlv.length);
  return 1;
}

/* pdu:totable() -> what smpp.encode takes */
static int view_totable(lua_State *L) {
  struct view *v = check_view(L, 1);
  const struct smpp_pdu *pdu = &v->pdu;
  lua_createtable(L, 0, pdu->param_count + 5);
  push_command_name(L, pdu);
  lua_setfield(L, -2, "command");
  push_u32(L, pdu->status);
  lua_setfield(L, -2, "command_status");
  push_u32(L, pdu->sequence);
  lua_setfield(L, -2, "sequence_number");
  for (unsigned i = 0; i < pdu->param_count; i++) {
    lua_rawgeti(L, lua_upvalueindex(UP_FIELDS), pdu->command->params[i].field + 1);
    push_param(L, pdu, i);
    lua_rawset(L, -3);
  }
  push_tlvs(L, pdu, false);
  lua_setfield(L, -2, "tlvs");
  if (push_item(L, pdu, ITEM_PADDING)) lua_setfield(L, -2, "padding");
  if (push_item(L, pdu, ITEM_TRAILING)) lua_setfield(L, -2, "trailing");
  return 1;
}

static void push_place(lua_State *L, int n, uint32_t offset, uint32_t length) {
  lua_createtable(L, 0, 6);
  push_u32(L, offset);
  lua_setfield(L, -2, "offset");
  push_u32(L, length);
  lua_setfield(L, -2, "length");
  lua_pushvalue(L, -1);
  lua_rawseti(L, -3, n);
}

/* pdu:layout() -> { { name, value, offset, length, tag } ... }: where everything after the header lies,
 * in wire order; length octets, TLV headers and NULs included */
static int view_layout(lua_State *L) {
  struct view *v = check_view(L, 1);
  const struct smpp_pdu *pdu = &v->pdu;
  int n = 0;
  uint32_t start = SMPP_HEADER_OCTETS;
  lua_newtable(L);
  for (unsigned i = 0; i < pdu->param_count; i++) {
    unsigned kind = pdu->command->params[i].kind;
    uint32_t end = pdu->params[i].offset + pdu->params[i].length;
    if ((kind == SMPP_CSTRING || kind == SMPP_TIME) && end < pdu->length) end++;
    push_place(L, ++n, start, end - start);
    lua_rawgeti(L, lua_upvalueindex(UP_FIELDS), pdu->command->params[i].field + 1);
    lua_setfield(L, -2, "name");
    push_param(L, pdu, i);
    lua_setfield(L, -2, "value");
    lua_pop(L, 1);
    start = end;
  }
  start = params_end(pdu);
  if (start < pdu->tlv_offset) {
    push_place(L, ++n, start, pdu->tlv_offset - start);
    push_item(L, pdu, ITEM_PADDING);
    lua_setfield(L, -2, "value");
    lua_pop(L, 1);
  }
  struct smpp_tlv tlv;
  uint32_t offset = pdu->tlv_offset;
  while (smpp_pdu_next_tlv(pdu, &offset, &tlv)) {
    push_place(L, ++n, offset - 4u - tlv.length, 4u + tlv.length);
    lua_pushinteger(L, tlv.tag);
    lua_setfield(L, -2, "tag");
    unsigned tlv_kind = push_tag_name(L, tlv.tag);
    lua_setfield(L, -2, "name");
    push_tlv_value(L, &tlv, tlv_kind);
    lua_setfield(L, -2, "value");
    lua_pop(L, 1);
  }
  if (pdu->tlv_end < pdu->length) {
    push_place(L, ++n, pdu->tlv_end, pdu->length - pdu->tlv_end);
    push_item(L, pdu, ITEM_TRAILING);
    lua_setfield(L, -2, "value");
    lua_pop(L, 1);
  }
  return 1;
}

static void set_string(lua_State *L, const char *key, const char *value) {
  if (value == NULL) return;
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

#define PROBLEMS_MAX 64

/* pdu:problems() -> { { code, field, offset, severity, message, status } ... } */
static int view_problems(lua_State *L) {
  static const char *const severities[] = {"note", "warning", "fault"};
  struct view *v = check_view(L, 1);
  struct smpp_problem found[PROBLEMS_MAX];
  size_t n = smpp_pdu_problems(&v->pdu, found, PROBLEMS_MAX);
  int count = 0;
  lua_newtable(L);
  for (size_t i = 0; i < n && i < PROBLEMS_MAX; i++) {
    const struct smpp_problem *p = &found[i];
    if (p->field == NULL && p->tag != 0 && p->severity == SMPP_NOTE) { /* declared by the profile */
      bool declared = lua_rawgeti(L, lua_upvalueindex(UP_TAGS), (int)p->tag) == LUA_TSTRING;
      lua_pop(L, 1);
      if (declared && strcmp(p->code, "unknown_tlv") == 0) continue;
    }
    lua_createtable(L, 0, 6);
    set_string(L, "code", p->code);
    if (p->field != NULL)
      set_string(L, "field", p->field);
    else if (p->tag != 0) {
      push_tag_name(L, p->tag);
      lua_setfield(L, -2, "field");
    }
    if (p->tag != 0) {
      push_u32(L, p->tag);
      lua_setfield(L, -2, "tag");
    }
    push_u32(L, p->offset);
    lua_setfield(L, -2, "offset");
    set_string(L, "severity", severities[p->severity]);
    set_string(L, "message", p->text);
    if (p->status != 0) {
      push_status_name(L, p->status);
      lua_setfield(L, -2, "status");
    }
    lua_rawseti(L, -2, ++count);
  }
  return 1;
}

const luaL_Reg view_methods[] = {
    {"octets", view_octets}, {"tlvs", view_tlvs},     {"tlv", view_tlv},           {"totable", view_totable},
    {"layout", view_layout}, {"problems", view_problems}, {"values", view_values},   {NULL, NULL},
};
