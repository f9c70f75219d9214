/* bind_reply.c - core.reply: usual messages of subscribers in one call each (lua/smpp/bot/quick.lua), and loop protection. */
#include <string.h>

#include "bind_map.h"
#include "binding.h"
#include "smpp/echo.h"
#include "smpp/reply.h"
#include "smpp/text.h"

enum { TEXT_MAX = 255, WORD_MAX = 40, INTERNATIONAL = 1 };

static bool is_letter_or_digit(uint8_t c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* Pushes the first letters and digits of a text in ASCII, in lower case; nil: there are none, or too many, or it is not ASCII. */
static void push_first_word(lua_State *L, const uint8_t *text, size_t length) {
  char word[WORD_MAX];
  size_t at = 0, n = 0;
  while (at < length && !is_letter_or_digit(text[at]) && text[at] < 0x80) at++;
  for (; at < length && is_letter_or_digit(text[at]) && n < WORD_MAX; at++) word[n++] = (char)(text[at] >= 'A' && text[at] <= 'Z' ? text[at] + 32 : text[at]);
  while (at < length && text[at] < 0x80) at++;
  if (n == 0 || n == WORD_MAX || at < length)
    lua_pushnil(L);
  else
    lua_pushlstring(L, word, n);
}

/* read(pdu, only_international) -> source_addr, octets of the destination (dest_addr_ton, dest_addr_npi, destination_addr), text, its first
 * letters and digits in lower case (nil: it is not ASCII, or has none) of a usual message (smpp/reply.h); nothing for all others */
static int reply_read(lua_State *L) {
  struct smpp_usual_message m;
  struct smpp_text_problems problems;
  uint8_t text[4 * TEXT_MAX + 4]; /* smpp_text_decode_bound */
  const struct smpp_pdu *pdu = &check_view(L, 1)->pdu;
  if (!smpp_message_is_usual(pdu, &m) || m.length > TEXT_MAX || (lua_toboolean(L, 2) && m.source_ton != INTERNATIONAL)) return 0;
  struct smpp_coding coding = {m.is_ucs2 ? SMPP_UCS2 : SMPP_GSM7, 0, 0};
  problems.count = 0;
  size_t length = smpp_text_decode(&coding, m.octets, m.length, 0, SIZE_MAX, text, &problems);
  lua_pushlstring(L, (const char *)m.source, m.source_length);
  lua_pushlstring(L, (const char *)m.destination, m.destination_length);
  lua_pushlstring(L, (const char *)text, length);
  push_first_word(L, text, length);
  return 4;
}

/* ---- loop protection ---- */

#define ECHOES_T "smpp.echoes"

static struct smpp_echoes *check_echoes(lua_State *L) { return luaL_checkudata(L, 1, ECHOES_T); }

/* echoes(ttl_s, seed of 8 octets) */
static int echoes_new(lua_State *L) {
  size_t length;
  lua_Number ttl_s = luaL_checknumber(L, 1);
  const char *octets = luaL_checklstring(L, 2, &length);
  uint32_t seed[2];
  luaL_argcheck(L, ttl_s >= 0, 1, "expected seconds");
  luaL_argcheck(L, length == sizeof seed, 2, "expected 8 octets");
  memcpy(seed, octets, sizeof seed);
  struct smpp_echoes *all = lua_newuserdatauv(L, sizeof *all, 0);
  smpp_echoes_init(all, (double)ttl_s, seed);
  luaL_setmetatable(L, ECHOES_T);
  return 1;
}

static int echoes_gc(lua_State *L) {
  smpp_echoes_clear(check_echoes(L));
  return 0;
}

/* A whole number from 0 to |most|, or nil: 0. */
static uint32_t opt_count(lua_State *L, int arg, uint32_t most) {
  uint32_t count = lua_isnoneornil(L, arg) ? 0 : check_u32(L, arg);
  luaL_argcheck(L, count <= most, arg, "out of range");
  return count;
}

static uint32_t check_limit(lua_State *L, int arg) {
  lua_Number limit = luaL_checknumber(L, arg);
  return limit >= 0 && limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
}

/* echoes:heard(sender, text, now, n, per_s, repeats) -> true: counted; false: the sender may be a bot, nothing is changed */
static int echoes_heard(lua_State *L) {
  size_t sender_length, length;
  struct smpp_echoes *all = check_echoes(L);
  const char *sender = luaL_checklstring(L, 2, &sender_length), *text = luaL_checklstring(L, 3, &length);
  double now = check_now(L, 4);
  struct smpp_echo_limits limits = {(double)luaL_checknumber(L, 6), check_limit(L, 5), check_limit(L, 7)};
  lua_pushboolean(L, smpp_echoes_heard(all, sender, sender_length, text, length, now, &limits));
  return 1;
}

/* echoes:said(sender, text) -> true: noted as the first answer to the sender's last text; false: there is no state of that sender */
static int echoes_said(lua_State *L) {
  size_t sender_length, length;
  struct smpp_echoes *all = check_echoes(L);
  const char *sender = luaL_checklstring(L, 2, &sender_length), *text = luaL_checklstring(L, 3, &length);
  lua_pushboolean(L, smpp_echoes_said(all, sender, sender_length, text, length));
  return 1;
}

/* echoes:mark(text) -> what a text is known by again: a number */
static int echoes_mark(lua_State *L) {
  size_t length;
  const struct smpp_echoes *all = check_echoes(L);
  const char *text = luaL_checklstring(L, 2, &length);
  push_u32(L, smpp_echoes_mark(all, text, length));
  return 1;
}

static void push_mark(lua_State *L, uint32_t mark) {
  if (mark != 0) push_u32(L, mark);
  else lua_pushnil(L);
}

/* echoes:take(sender) -> since, n, repeats, marks of the last text and the answer, nil: none; forgets them.  Nothing: there is no state */
static int echoes_take(lua_State *L) {
  size_t length;
  struct smpp_echoes *all = check_echoes(L);
  const char *sender = luaL_checklstring(L, 2, &length);
  struct smpp_echo *found = smpp_echoes_find(all, sender, length);
  if (found == NULL) return 0;
  struct smpp_echo echo = *found;
  smpp_echoes_remove(all, found);
  lua_pushnumber(L, (lua_Number)echo.since);
  lua_pushinteger(L, echo.n);
  lua_pushinteger(L, echo.repeats);
  push_mark(L, echo.heard);
  push_mark(L, echo.said);
  return 5;
}

/* echoes:put(sender, now, since, n, repeats, heard, said) -> true; false: no memory.  As `take` returns them */
static int echoes_put(lua_State *L) {
  size_t length;
  struct smpp_echoes *all = check_echoes(L);
  const char *sender = luaL_checklstring(L, 2, &length);
  double now = check_now(L, 3), since = check_now(L, 4);
  uint32_t n = opt_count(L, 5, UINT16_MAX), repeats = opt_count(L, 6, UINT16_MAX), heard = opt_count(L, 7, UINT32_MAX), said = opt_count(L, 8, UINT32_MAX);
  struct smpp_echo *echo = smpp_echoes_add(all, sender, length, now);
  if (echo != NULL) *echo = (struct smpp_echo){echo->sender, since, heard, said, (uint16_t)n, (uint16_t)repeats};
  lua_pushboolean(L, echo != NULL);
  return 1;
}

/* echoes:drop(now): forgets those whose time is up */
static int echoes_drop(lua_State *L) {
  struct smpp_echoes *all = check_echoes(L);
  smpp_echoes_drop(all, check_now(L, 2));
  return 0;
}

/* echoes:count() -> senders, octets */
static int echoes_count(lua_State *L) {
  const struct smpp_echoes *all = check_echoes(L);
  lua_pushinteger(L, (lua_Integer)all->count);
  lua_pushinteger(L, (lua_Integer)(all->place_count * sizeof *all->places));
  return 2;
}

void smpp_open_reply(lua_State *L) {
  static const luaL_Reg methods[] = {{"heard", echoes_heard}, {"said", echoes_said}, {"mark", echoes_mark},   {"take", echoes_take},
                                     {"put", echoes_put},     {"drop", echoes_drop}, {"count", echoes_count}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"read", reply_read}, {"echoes", echoes_new}, {NULL, NULL}};
  new_class(L, ECHOES_T, methods, echoes_gc);
  luaL_newlib(L, functions);
  lua_setfield(L, -2, "reply");
}
