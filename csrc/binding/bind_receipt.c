/* bind_receipt.c - core.receipt and core.timestamp: receipts' text, states, ids and times. */
#include <string.h>

#include "bind_map.h"
#include "binding.h"
#include "smpp/open_part.h"
#include "smpp/receipt_pdu.h"
#include "smpp/timestamp.h"

/* Unix times leave 32 bits in 2038, and handles may; a lua_Integer may have no more before 5.3. */
static void push_whole(lua_State *L, int64_t number) {
  if (sizeof(lua_Integer) >= sizeof(int64_t)) lua_pushinteger(L, (lua_Integer)number);
  else lua_pushnumber(L, (lua_Number)number);
}

/* A whole number of any Lua from |low| to |high|. */
static int64_t check_whole(lua_State *L, int arg, double low, double high) {
  lua_Number n = luaL_checknumber(L, arg);
  luaL_argcheck(L, n >= low && n <= high && (lua_Number)(int64_t)n == n, arg, "number out of range, or a fraction");
  return (int64_t)n;
}

/* zone_s, first_year and lenient from |arg| on. */
static struct smpp_timestamp_rules check_rules(lua_State *L, int arg) {
  struct smpp_timestamp_rules rules = {2000, 0, false};
  if (!lua_isnoneornil(L, arg)) rules.zone_s = (int32_t)check_whole(L, arg, -86400, 86400);
  if (!lua_isnoneornil(L, arg + 1)) rules.first_year = (int)check_whole(L, arg + 1, 0, 9900);
  rules.lenient = lua_toboolean(L, arg + 2);
  return rules;
}

static const char *const key_names[] = {
#define NAME(key, text, name) name,
    SMPP_RECEIPT_KEYS(NAME)
#undef NAME
};

/* scan(text [, zone_s, first_year]) -> fields (keys that are not of the standard, in lower case, too), submitted, done */
static int receipt_scan(lua_State *L) {
  size_t length;
  const uint8_t *octets = (const uint8_t *)luaL_checklstring(L, 1, &length);
  struct smpp_timestamp_rules rules = check_rules(L, 2);
  struct smpp_receipt receipt;
  smpp_receipt_scan(octets, length, &receipt);
  lua_createtable(L, 0, SMPP_RECEIPT_KEY_COUNT + (int)receipt.extra_count);
  for (unsigned i = receipt.extra_count; i-- > 0;) { /* the first of equal ones counts */
    const struct smpp_receipt_extra *extra = &receipt.extra[i];
    char key[SMPP_RECEIPT_EXTRA_MAX];
    for (size_t k = 0; k < extra->key.length; k++) {
      uint8_t c = extra->key.octets[k];
      key[k] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    lua_pushlstring(L, key, extra->key.length);
    lua_pushlstring(L, (const char *)extra->value.octets, extra->value.length);
    lua_rawset(L, -3);
  }
  for (int key = 0; key < SMPP_RECEIPT_KEY_COUNT; key++) {
    const struct smpp_receipt_field *field = &receipt.field[key];
    if (field->octets == NULL) continue;
    lua_pushlstring(L, (const char *)field->octets, field->length);
    lua_setfield(L, -2, key_names[key]);
  }
  for (int key = SMPP_RECEIPT_SUBMIT_DATE; key <= SMPP_RECEIPT_DONE_DATE; key++) {
    const struct smpp_receipt_field *field = &receipt.field[key];
    int64_t unix_s;
    if (field->octets != NULL && smpp_receipt_date(field->octets, field->length, &rules, &unix_s))
      push_whole(L, unix_s);
    else
      lua_pushnil(L);
  }
  return 3;
}

static void push_err(lua_State *L, const struct smpp_usual_receipt *receipt) {
  char digits[5];
  unsigned code = receipt->network_error, n = code > 9999 ? 5 : code > 999 ? 4 : 3;
  if (!receipt->has_network_error) {
    lua_pushlstring(L, receipt->err.length > 0 ? (const char *)receipt->err.octets : "", receipt->err.length);
    return;
  }
  for (unsigned i = n; i-- > 0; code /= 10) digits[i] = (char)('0' + code % 10);
  lua_pushlstring(L, digits, n);
}

/* read(view) -> id, state, final, message_state, err of a usual receipt; nothing for all else */
static int receipt_read(lua_State *L) {
  struct smpp_usual_receipt receipt;
  if (!smpp_receipt_of_pdu(&check_view(L, 1)->pdu, &receipt)) return 0;
  lua_pushlstring(L, (const char *)receipt.id.octets, receipt.id.length);
  lua_pushstring(L, receipt.state->name);
  lua_pushboolean(L, receipt.state->final);
  lua_pushinteger(L, receipt.state->number);
  push_err(L, &receipt);
  return 5;
}

/* write(id, sub, dlvrd, submitted, done, stat, err, text) -> octets; nil, key of the invalid value.  The
 * dates are whole Unix times or nil, all else is strings. */
static int receipt_write(lua_State *L) {
  struct smpp_receipt_text receipt;
  uint8_t out[SMPP_RECEIPT_TEXT_MAX];
  enum smpp_receipt_key wrong;
  for (int key = 0; key < SMPP_RECEIPT_KEY_COUNT; key++) {
    unsigned date = (unsigned)key - SMPP_RECEIPT_SUBMIT_DATE;
    if (date < 2) {
      receipt.has_date[date] = !lua_isnil(L, key + 1);
      receipt.date_s[date] = receipt.has_date[date] ? check_whole(L, key + 1, -1e12, 1e12) : 0;
      continue;
    }
    receipt.field[key].octets = (const uint8_t *)luaL_checklstring(L, key + 1, &receipt.field[key].length);
  }
  size_t length = smpp_receipt_write(&receipt, out, &wrong);
  if (length == 0) {
    lua_pushnil(L);
    lua_pushstring(L, key_names[wrong]);
    return 2;
  }
  lua_pushlstring(L, (const char *)out, length);
  return 1;
}

/* state(word or number) -> name, final, number, stat; nothing when unknown */
static int receipt_state(lua_State *L) {
  const struct smpp_message_state *state;
  uint32_t number;
  if (lua_type(L, 1) == LUA_TNUMBER) {
    state = to_u32(L, 1, &number) ? smpp_state_by_number(number) : NULL;
  } else {
    size_t length;
    const char *word = luaL_checklstring(L, 1, &length);
    state = smpp_state_by_stat((const uint8_t *)word, length);
  }
  if (state == NULL) return 0;
  lua_pushstring(L, state->name);
  lua_pushboolean(L, state->final);
  lua_pushinteger(L, state->number);
  lua_pushstring(L, state->stat);
  return 4;
}

/* rebase(id, "hex" | "dec") -> the id in this base, taken to be in the other one; nil when it is not */
static int receipt_rebase(lua_State *L) {
  static const char *const bases[] = {"dec", "hex", NULL};
  uint8_t out[SMPP_REBASED_MAX];
  size_t length;
  const char *id = luaL_checklstring(L, 1, &length);
  size_t digits = smpp_message_id_rebase((const uint8_t *)id, length, luaL_checkoption(L, 2, NULL, bases) == 1, out);
  if (digits == 0) lua_pushnil(L);
  else lua_pushlstring(L, (const char *)out, digits);
  return 1;
}

/* fold(id) -> the id as equal ones have it, whether it is of digits only */
static int receipt_fold(lua_State *L) {
  uint8_t local[256];
  size_t length;
  bool digits;
  const char *id = luaL_checklstring(L, 1, &length);
  uint8_t *out = length <= sizeof local ? local : lua_newuserdatauv(L, length, 0);
  lua_pushlstring(L, (const char *)out, smpp_message_id_fold((const uint8_t *)id, length, out, &digits));
  lua_pushboolean(L, digits);
  return 2;
}

/* trim(id) -> the id up to its first NUL, without blanks at the end */
static int receipt_trim(lua_State *L) {
  size_t length;
  const char *id = luaL_checklstring(L, 1, &length);
  size_t trimmed = smpp_message_id_trim((const uint8_t *)id, length);
  if (trimmed == length) lua_settop(L, 1);
  else lua_pushlstring(L, id, trimmed);
  return 1;
}

/* number(address) -> its last digits behind a 1; 0 when it has no number to compare */
static int receipt_number(lua_State *L) {
  size_t length;
  const char *address = luaL_optlstring(L, 1, "", &length);
  push_u32(L, smpp_address_number((const uint8_t *)address, length));
  return 1;
}

/* A tracker's handle as it is kept: "n" and digits, or "s" and octets. */
static size_t check_handle(lua_State *L, int arg, uint8_t out[SMPP_HANDLE_OCTETS]) {
  if (lua_type(L, arg) == LUA_TSTRING) {
    size_t length;
    const char *octets = lua_tolstring(L, arg, &length);
    if (length >= SMPP_HANDLE_OCTETS) return 0;
    out[0] = 's';
    memcpy(out + 1, octets, length);
    return 1 + length;
  }
  uint8_t digits[20];
  size_t at = sizeof digits;
  uint64_t rest = (uint64_t)check_whole(L, arg, 0, 9007199254740991.0);
  do {
    digits[--at] = (uint8_t)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  out[0] = 'n';
  memcpy(out + 1, digits + at, sizeof digits - at);
  return 1 + sizeof digits - at;
}

/* open_part(open, ended, id, handle, address, now) -> whether it is open: the maps of a tracker, the only part of a message */
static int receipt_open_part(lua_State *L) {
  size_t id_length, to_length;
  uint8_t handle[SMPP_HANDLE_OCTETS];
  struct smpp_map *open = check_map(L, 1), *ended = check_map(L, 2);
  const uint8_t *id = (const uint8_t *)luaL_checklstring(L, 3, &id_length);
  size_t handle_length = check_handle(L, 4, handle);
  const uint8_t *to = (const uint8_t *)luaL_optlstring(L, 5, "", &to_length);
  double now = check_now(L, 6);
  lua_pushboolean(L, smpp_open_part(open, ended, id, id_length, smpp_address_number(to, to_length), handle, handle_length, now));
  return 1;
}

/* end_part(open, ended, id, now) -> its handle; nil: the tracker is to decide */
static int receipt_end_part(lua_State *L) {
  size_t length;
  struct smpp_ended_part part;
  struct smpp_map *open = check_map(L, 1), *ended = check_map(L, 2);
  const uint8_t *id = (const uint8_t *)luaL_checklstring(L, 3, &length);
  if (!smpp_end_part(open, ended, id, length, check_now(L, 4), &part)) return 0;
  if (part.handle[0] == 's') {
    lua_pushlstring(L, (const char *)part.handle + 1, part.length - 1);
    return 1;
  }
  int64_t number = 0;
  for (size_t i = 1; i < part.length; i++) number = number * 10 + (part.handle[i] - '0');
  push_whole(L, number);
  return 1;
}

/* read(octets [, zone_s, first_year, lenient]) -> "none"
 *   | "absolute", unix seconds, tenths, quarters or nil
 *   | "relative", years, months, remaining seconds */
static int timestamp_read(lua_State *L) {
  size_t length;
  const char *octets = luaL_checklstring(L, 1, &length);
  struct smpp_timestamp_rules rules = check_rules(L, 2);
  struct smpp_timestamp time;
  int err = smpp_timestamp_read((const uint8_t *)octets, length, &rules, &time);
  if (err != 0)
    return push_error(L, SMPP_ERR_BAD_VALUE, err == SMPP_ERR_BAD_LENGTH ? "invalid time: expected 16 characters" : "invalid time");
  if (time.kind == SMPP_TIME_NONE) {
    lua_pushliteral(L, "none");
    return 1;
  }
  if (time.kind == SMPP_TIME_RELATIVE) {
    lua_pushliteral(L, "relative");
    lua_pushinteger(L, (lua_Integer)time.years);
    lua_pushinteger(L, (lua_Integer)time.months);
    push_u32(L, time.rest_s);
    return 4;
  }
  lua_pushliteral(L, "absolute");
  push_whole(L, time.unix_s);
  lua_pushinteger(L, (lua_Integer)time.tenths);
  if (time.zoned) lua_pushinteger(L, time.quarters);
  else lua_pushnil(L);
  return 4;
}

static int push_written(lua_State *L, const struct smpp_timestamp *time, int first_year) {
  uint8_t out[SMPP_TIMESTAMP_OCTETS];
  size_t length;
  int err = smpp_timestamp_write(time, first_year, out, &length);
  if (err != 0) {
    return push_error(L, err, time->kind == SMPP_TIME_RELATIVE ? "period out of range: more than 99 years, months or days"
                                                               : "year out of range for two digits");
  }
  lua_pushlstring(L, (const char *)out, length);
  return 1;
}

/* absolute(unix seconds [, tenths, quarters, first_year]) -> 16 characters */
static int timestamp_absolute(lua_State *L) {
  struct smpp_timestamp time = {SMPP_TIME_ABSOLUTE, 0, 0, 0, true, 0, 0, 0};
  time.unix_s = check_whole(L, 1, -9007199254740992.0, 9007199254740992.0);
  if (!lua_isnoneornil(L, 2)) time.tenths = (unsigned)check_whole(L, 2, 0, 9);
  if (!lua_isnoneornil(L, 3)) time.quarters = (int)check_whole(L, 3, -48, 48);
  return push_written(L, &time, lua_isnoneornil(L, 4) ? 2000 : (int)check_whole(L, 4, 0, 9900));
}

/* relative(years, months, seconds) -> 16 characters */
static int timestamp_relative(lua_State *L) {
  struct smpp_timestamp time = {SMPP_TIME_RELATIVE, 0, 0, 0, false, 0, 0, 0};
  time.years = check_u32(L, 1);
  time.months = check_u32(L, 2);
  time.rest_s = check_u32(L, 3);
  return push_written(L, &time, 2000);
}

/* after(years, months, seconds, unix seconds) -> unix seconds */
static int timestamp_after(lua_State *L) {
  struct smpp_timestamp time = {SMPP_TIME_RELATIVE, 0, 0, 0, false, 0, 0, 0};
  time.years = check_u32(L, 1) % 10000;
  time.months = check_u32(L, 2) % 10000;
  time.rest_s = check_u32(L, 3);
  push_whole(L, smpp_timestamp_after(&time, check_whole(L, 4, -1e12, 1e12)));
  return 1;
}

void smpp_open_receipt(lua_State *L) {
  static const luaL_Reg receipt[] = {
      {"scan", receipt_scan}, {"read", receipt_read}, {"write", receipt_write},   {"state", receipt_state}, {"rebase", receipt_rebase},
      {"fold", receipt_fold}, {"trim", receipt_trim}, {"number", receipt_number}, {"open_part", receipt_open_part},
      {"end_part", receipt_end_part}, {NULL, NULL}};
  static const luaL_Reg timestamp[] = {{"read", timestamp_read},
                                       {"absolute", timestamp_absolute},
                                       {"relative", timestamp_relative},
                                       {"after", timestamp_after},
                                       {NULL, NULL}};
  luaL_newlib(L, receipt);
  lua_setfield(L, -2, "receipt");
  luaL_newlib(L, timestamp);
  lua_setfield(L, -2, "timestamp");
  smpp_open_map(L);
  smpp_open_parts(L);
}
