/* bind_part.c - core.part: parts of longer texts, and what they are known by (lua/smpp/text/reassembly.lua, finished.lua). */
#include <string.h>

#include "bind_map.h"
#include "binding.h"
#include "smpp/part.h"
#include "smpp/text.h"

static const uint8_t *check_digest_key(lua_State *L, int arg) {
  size_t length = 0;
  const char *key = luaL_checklstring(L, arg, &length);
  luaL_argcheck(L, length == SMPP_SIPHASH_OCTETS, arg, "expected 16 octets");
  return (const uint8_t *)key;
}

static void push_digest(lua_State *L, const uint8_t digest[SMPP_SIPHASH_OCTETS]) {
  lua_pushlstring(L, (const char *)digest, SMPP_SIPHASH_OCTETS);
}

/* The number under a key; false: there is none. */
static bool number_of(const struct smpp_map *map, const void *key, size_t length, double *number) {
  const struct smpp_map_entry *entry = smpp_map_get(map, key, length);
  if (entry == NULL || entry->value_length != sizeof *number) return false;
  memcpy(number, smpp_map_value(entry), sizeof *number);
  return true;
}

enum { READER_ACCOUNT = 1, READER_KEY, READER_INDEX }; /* upvalues of what `reader` makes */

/* What `reader` makes: (view) -> octets that the part holds, with those of its PDU; data_coding, seq, total, keys of the text and
 * of the content, and the number under which the content was put, or nil; nothing for all but usual parts */
static int part_read(lua_State *L) {
  struct smpp_usual_part part;
  uint8_t text[SMPP_SIPHASH_OCTETS], digest[SMPP_SIPHASH_OCTETS];
  size_t account_length;
  const struct smpp_pdu *pdu = &check_view(L, 1)->pdu;
  const char *account = lua_tolstring(L, lua_upvalueindex(READER_ACCOUNT), &account_length);
  const uint8_t *key = (const uint8_t *)lua_tostring(L, lua_upvalueindex(READER_KEY));
  const struct smpp_map *index = lua_touserdata(L, lua_upvalueindex(READER_INDEX));
  double number = 0;
  if (!smpp_part_of_pdu(pdu, &part) || !smpp_part_key(pdu, &part, account, account_length, key, text)) return 0;
  struct smpp_part_content content = {.text = text, .text_length = sizeof text, .seq = part.seq, .data_coding = part.data_coding,
                                      .octets = part.octets, .length = part.length};
  smpp_part_content_digest(&content, key, digest);
  bool is_known = number_of(index, digest, sizeof digest, &number);
  push_u32(L, pdu->length + (uint32_t)part.length);
  lua_pushinteger(L, part.data_coding);
  lua_pushinteger(L, part.seq);
  lua_pushinteger(L, part.total);
  push_digest(L, text);
  push_digest(L, digest);
  if (!is_known) return 6;
  lua_pushnumber(L, (lua_Number)number);
  return 7;
}

/* reader(account, digest key, index) -> a function that reads usual parts.  account: what the reassembly writes for it; index: the map
 * of what parts of whole texts are known by */
static int part_reader(lua_State *L) {
  (void)luaL_checkstring(L, 1);
  (void)check_digest_key(L, 2);
  (void)check_map(L, 3);
  lua_settop(L, 3);
  lua_pushcclosure(L, part_read, 3);
  return 1;
}

/* sender(view, account, digest key) -> key of the sender of what `read` has read, or nil */
static int part_sender(lua_State *L) {
  uint8_t sender[SMPP_SIPHASH_OCTETS];
  size_t account_length;
  const struct smpp_pdu *pdu = &check_view(L, 1)->pdu;
  const char *account = luaL_checklstring(L, 2, &account_length);
  if (pdu->command == NULL || !smpp_part_key(pdu, NULL, account, account_length, check_digest_key(L, 3), sender)) return 0;
  push_digest(L, sender);
  return 1;
}

/* content(digest key, key of the text, seq, octets, data_coding, locking, single) -> the key of a part's content */
static int part_content(lua_State *L) {
  struct smpp_part_content content;
  uint8_t digest[SMPP_SIPHASH_OCTETS];
  const uint8_t *key = check_digest_key(L, 1);
  content.text = (const uint8_t *)luaL_checklstring(L, 2, &content.text_length);
  luaL_argcheck(L, content.text_length <= SMPP_PART_TEXT_MAX, 2, "expected at most 1000 octets");
  content.seq = check_u32(L, 3);
  content.octets = (const uint8_t *)luaL_checklstring(L, 4, &content.length);
  content.data_coding = lua_isnoneornil(L, 5) ? 0 : check_u32(L, 5);
  content.locking = lua_isnoneornil(L, 6) ? 0 : check_u32(L, 6);
  content.single = lua_isnoneornil(L, 7) ? 0 : check_u32(L, 7);
  smpp_part_content_digest(&content, key, digest);
  push_digest(L, digest);
  return 1;
}

/* find(map, content) -> the number that was put for it, or nil */
static int part_find(lua_State *L) {
  size_t length;
  double number;
  const struct smpp_map *map = check_map(L, 1);
  const char *key = luaL_checklstring(L, 2, &length);
  if (!number_of(map, key, length, &number)) return 0;
  lua_pushnumber(L, (lua_Number)number);
  return 1;
}

/* put(map, number, now, parts, count) -> true | nil, message, code: their `content` as the newest entries of the map, each with the number */
static int part_put(lua_State *L) {
  struct smpp_map *map = check_map(L, 1);
  double number = (double)luaL_checknumber(L, 2), now = check_now(L, 3);
  uint32_t count = check_u32(L, 5);
  luaL_checktype(L, 4, LUA_TTABLE);
  luaL_argcheck(L, count <= 255, 5, "out of range: expected at most 255");
  for (int i = 1; i <= (int)count; i++) {
    size_t length = 0;
    lua_rawgeti(L, 4, i);
    luaL_argcheck(L, lua_istable(L, -1), 4, "expected parts");
    lua_pushliteral(L, "content");
    lua_rawget(L, -2);
    const char *key = luaL_checklstring(L, -1, &length);
    (void)smpp_map_delete(map, key, length); /* an entry keeps its age */
    int err = smpp_map_put(map, key, length, &number, sizeof number, MAP_NUMBER, now);
    if (err != 0 && err != SMPP_ERR_WINDOW_FULL) return push_error(L, err, NULL);
    lua_pop(L, 2);
  }
  lua_pushboolean(L, 1);
  return 1;
}

enum { ON_STACK = 2048, PARTS_MAX = 255, PART_OCTETS_MAX = 255 };

/* The usual part at |index| of the list at 1: the field `pdu` of a table.  False: it is another. */
static bool usual_part(lua_State *L, int index, struct smpp_usual_part *part) {
  lua_rawgeti(L, 1, index);
  if (!lua_istable(L, -1)) return false;
  lua_pushliteral(L, "pdu");
  lua_rawget(L, -2);
  const struct view *v = test_view(L, lua_gettop(L));
  lua_pop(L, 2); /* nothing runs meanwhile: the list keeps it */
  return v != NULL && smpp_part_of_pdu(&v->pdu, part);
}

/* join(parts, count, { [data_coding] = "gsm7"|"ucs2" }) -> text, encoding of usual parts, all in one of these codings, without byte order marks;
 * nothing: they take a closer look */
static int part_join(lua_State *L) {
  uint8_t local[ON_STACK], decoded[ON_STACK];
  struct smpp_usual_part part;
  uint32_t count = check_u32(L, 2), data_coding = 0;
  bool has_mark = false;
  size_t length = 0;
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 3, LUA_TTABLE);
  luaL_argcheck(L, count >= 1 && count <= PARTS_MAX, 2, "out of range: expected 1 to 255");
  lua_settop(L, 3);
  uint8_t *octets = count * PART_OCTETS_MAX <= sizeof local ? local : lua_newuserdatauv(L, count * PART_OCTETS_MAX, 0);
  for (uint32_t i = 1; i <= count; i++) {
    if (!usual_part(L, (int)i, &part) || (i > 1 && part.data_coding != data_coding)) return 0;
    has_mark = has_mark || (part.length > 0 && part.octets[0] >= 0xFE);
    data_coding = part.data_coding;
    if (part.length > 0) memcpy(octets + length, part.octets, part.length);
    length += part.length;
  }
  lua_rawgeti(L, 3, (int)data_coding);
  const char *name = lua_tostring(L, -1);
  if (name == NULL) return 0;
  struct smpp_coding coding = {strcmp(name, "ucs2") == 0 ? SMPP_UCS2 : SMPP_GSM7, 0, 0};
  if (has_mark && coding.encoding == SMPP_UCS2) return 0; /* perhaps: it may be a character of one octet of GSM 7-bit */
  struct smpp_text_problems problems;
  problems.count = 0;
  size_t bound = smpp_text_decode_bound(length);
  uint8_t *out = bound <= sizeof decoded ? decoded : lua_newuserdatauv(L, bound, 0);
  size_t written = smpp_text_decode(&coding, octets, length, 0, SIZE_MAX, out, &problems);
  lua_pushlstring(L, (const char *)out, written);
  lua_pushstring(L, name);
  return 2;
}

void smpp_open_parts(lua_State *L) {
  static const luaL_Reg functions[] = {{"reader", part_reader}, {"sender", part_sender}, {"content", part_content}, {"find", part_find},
                                       {"put", part_put},       {"join", part_join},     {NULL, NULL}};
  luaL_newlib(L, functions);
  lua_setfield(L, -2, "part");
}
