/* bind_map.c - core.map: a compact map from octets to octets or whole numbers, with expiry. */
#include <math.h>
#include <string.h>

#include "bind_map.h"
#include "binding.h"
#include "smpp/map.h"
#include "smpp/siphash.h"

#define MAP_T "smpp.map"


struct smpp_map *check_map(lua_State *L, int arg) { return luaL_checkudata(L, arg, MAP_T); }

/* new([limit, ttl_s, seed]): at most so many entries, each for so long; seed: 8 unpredictable octets */
static int map_new(lua_State *L) {
  lua_Number limit = luaL_optnumber(L, 1, 0), ttl_s = luaL_optnumber(L, 2, (lua_Number)INFINITY);
  size_t seed_length;
  const char *octets = luaL_optlstring(L, 3, "", &seed_length);
  uint32_t seed[2] = {0, 0};
  luaL_argcheck(L, limit >= 0 && limit <= 4294967295.0, 1, "expected a number of entries");
  luaL_argcheck(L, ttl_s >= 0, 2, "expected seconds");
  memcpy(seed, octets, seed_length < sizeof seed ? seed_length : sizeof seed);
  struct smpp_map *map = lua_newuserdatauv(L, sizeof *map, 0);
  smpp_map_init(map, (size_t)limit, ttl_s, seed);
  luaL_setmetatable(L, MAP_T);
  return 1;
}

static int map_gc(lua_State *L) {
  smpp_map_clear(check_map(L, 1));
  return 0;
}

/* An entry's copy, for results: making a string may run finalizers, and these may change the map. */
struct copy {
  double since;
  size_t key_length, value_length;
  uint8_t tag;
  char octets[2 * SMPP_MAP_MAX_OCTETS]; /* key, then value */
};

static void copy_entry(struct copy *copy, const struct smpp_map_entry *entry) {
  copy->since = entry->since;
  copy->key_length = entry->key_length;
  copy->value_length = entry->value_length;
  copy->tag = entry->tag;
  memcpy(copy->octets, entry->octets, copy->key_length + copy->value_length);
}

/* Its value and its age.  Numbers are stored as the double that every Lua has. */
static void push_rest(lua_State *L, const struct copy *copy) {
  const char *value = copy->octets + copy->key_length;
  double number;
  if (copy->tag == MAP_OCTETS) {
    lua_pushlstring(L, value, copy->value_length);
  } else {
    memcpy(&number, value, sizeof number);
    if (sizeof(lua_Integer) >= 8) lua_pushinteger(L, (lua_Integer)number);
    else lua_pushnumber(L, (lua_Number)number);
  }
  lua_pushnumber(L, (lua_Number)copy->since);
}

double check_now(lua_State *L, int arg) {
  double now = (double)luaL_checknumber(L, arg);
  luaL_argcheck(L, now == now, arg, "expected seconds");
  return now;
}

/* The entry of the key at 2, copied, too; NULL: it is not there. */
static const struct smpp_map_entry *find(lua_State *L, const struct smpp_map *map, struct copy *copy) {
  size_t length;
  const char *key = luaL_checklstring(L, 2, &length);
  const struct smpp_map_entry *entry = smpp_map_get(map, key, length);
  if (entry != NULL) copy_entry(copy, entry);
  return entry;
}

/* map:get(key) -> value, since when; nil when it is not there */
static int map_get(lua_State *L) {
  struct copy copy;
  if (find(L, check_map(L, 1), &copy) == NULL) return 0;
  push_rest(L, &copy);
  return 2;
}

/* map:put(key, value, now) -> true; false at the limit; nil, message, code.  An existing entry keeps its place and age. */
static int map_put(lua_State *L) {
  struct smpp_map *map = check_map(L, 1);
  size_t key_length, value_length = sizeof(double);
  const char *key = luaL_checklstring(L, 2, &key_length);
  double number = 0;
  const char *value = (const char *)&number;
  uint8_t tag = lua_type(L, 3) == LUA_TNUMBER ? MAP_NUMBER : MAP_OCTETS;
  if (tag == MAP_NUMBER) {
    number = (double)lua_tonumber(L, 3);
    luaL_argcheck(L, number >= -9007199254740991.0 && number <= 9007199254740991.0 && floor(number) == number, 3,
                  "expected an integer of at most 53 bits");
  } else {
    value = luaL_checklstring(L, 3, &value_length);
  }
  int err = smpp_map_put(map, key, key_length, value, value_length, tag, check_now(L, 4));
  if (err != 0 && err != SMPP_ERR_WINDOW_FULL) return push_error(L, err, NULL);
  lua_pushboolean(L, err == 0);
  return 1;
}

/* map:delete(key) -> whether it was there */
static int map_delete(lua_State *L) {
  struct smpp_map *map = check_map(L, 1);
  size_t length;
  const char *key = luaL_checklstring(L, 2, &length);
  lua_pushboolean(L, smpp_map_delete(map, key, length));
  return 1;
}

/* map:take(key) -> value, since when; it is deleted; nil when it is not there */
static int map_take(lua_State *L) {
  struct smpp_map *map = check_map(L, 1);
  struct copy copy;
  const struct smpp_map_entry *entry = find(L, map, &copy);
  if (entry == NULL) return 0;
  smpp_map_remove(map, entry);
  push_rest(L, &copy);
  return 2;
}

/* map:expire(now) -> key, value, since when of the oldest entry, which is taken out if its time is up; nil when it is not */
static int map_expire(lua_State *L) {
  struct smpp_map *map = check_map(L, 1);
  const struct smpp_map_entry *entry = smpp_map_expired(map, check_now(L, 2));
  struct copy copy;
  if (entry == NULL) return 0;
  copy_entry(&copy, entry);
  smpp_map_remove(map, entry);
  lua_pushlstring(L, copy.octets, copy.key_length);
  push_rest(L, &copy);
  return 3;
}

/* map:next_expiry() -> time, nil when nothing ever expires */
static int map_next_expiry(lua_State *L) {
  double at = smpp_map_next_expiry(check_map(L, 1));
  if (at == (double)INFINITY) return 0;
  lua_pushnumber(L, (lua_Number)at);
  return 1;
}

static int map_count(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_map(L, 1)->count);
  return 1;
}

/* map:memory() -> octets taken for entries and table */
static int map_memory(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)smpp_map_octets(check_map(L, 1)));
  return 1;
}

/* digest(octets, key of 16 octets) -> 16 octets */
static int map_digest(lua_State *L) {
  size_t length, key_length;
  const char *octets = luaL_checklstring(L, 1, &length), *key = luaL_checklstring(L, 2, &key_length);
  uint8_t out[SMPP_SIPHASH_OCTETS];
  luaL_argcheck(L, key_length == SMPP_SIPHASH_OCTETS, 2, "expected 16 octets");
  smpp_siphash((const uint8_t *)key, (const uint8_t *)octets, length, out);
  lua_pushlstring(L, (const char *)out, sizeof out);
  return 1;
}

/* The text of a message: message_payload, or short_message; NULL: it has none. */
static const uint8_t *text_of(const struct smpp_pdu *pdu, size_t *length) {
  struct smpp_tlv tlv;
  int position = pdu->command == NULL ? -1 : smpp_param_position(pdu->command, SMPP_F_SHORT_MESSAGE);
  if (pdu->command != NULL && smpp_pdu_find_tlv(pdu, SMPP_TLV_MESSAGE_PAYLOAD, &tlv) && tlv.length > 0) {
    *length = tlv.length;
    return tlv.octets;
  }
  *length = 0;
  if (position < 0 || position >= pdu->param_count) return NULL;
  *length = pdu->params[position].length;
  return pdu->octets + pdu->params[position].offset;
}

/* mark(view, address, octets, key of 16 octets) -> numbers of 52 and of 16 bits for a message: of its address, and of octets or,
 * where these are nil, its text */
static int map_mark(lua_State *L) {
  size_t length, address_length, key_length;
  const struct smpp_pdu *pdu = &check_view(L, 1)->pdu;
  const char *address = luaL_checklstring(L, 2, &address_length), *octets = luaL_optlstring(L, 3, NULL, &length);
  const char *key = luaL_checklstring(L, 4, &key_length);
  uint8_t inner[SMPP_SIPHASH_OCTETS], out[SMPP_SIPHASH_OCTETS];
  double mark = 0;
  luaL_argcheck(L, key_length == SMPP_SIPHASH_OCTETS, 4, "expected 16 octets");
  const uint8_t *text = octets != NULL ? (const uint8_t *)octets : text_of(pdu, &length);
  smpp_siphash((const uint8_t *)key, text != NULL ? text : (const uint8_t *)"", length, inner);
  smpp_siphash(inner, (const uint8_t *)address, address_length, out);
  for (size_t i = 0; i < 6; i++) mark = mark * 256 + out[i];
  lua_pushnumber(L, mark * 16 + (out[6] & 15u));
  lua_pushinteger(L, out[7] * 256 + out[8]);
  return 2;
}

void smpp_open_map(lua_State *L) {
  static const luaL_Reg methods[] = {{"get", map_get},           {"put", map_put},
                                     {"delete", map_delete},     {"take", map_take},
                                     {"expire", map_expire},
                                     {"count", map_count},       {"memory", map_memory},
                                     {"clear", map_gc},          {"next_expiry", map_next_expiry},
                                     {NULL, NULL}};
  new_class(L, MAP_T, methods, map_gc);
  lua_createtable(L, 0, 3);
  lua_pushcfunction(L, map_new);
  lua_setfield(L, -2, "new");
  lua_pushcfunction(L, map_digest);
  lua_setfield(L, -2, "digest");
  lua_pushcfunction(L, map_mark);
  lua_setfield(L, -2, "mark");
  lua_setfield(L, -2, "map");
}
