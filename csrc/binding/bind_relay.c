/* bind_relay.c - core.relay: handles of messages, receipts for their senders, and the addresses that rules ask for. */
#include <math.h>

#include "bind_map.h"
#include "binding.h"
#include "smpp/error.h"
#include "smpp/receipt_pdu.h"
#include "smpp/relay.h"
#include "smpp/submit.h"

static struct smpp_relay_text check_text(lua_State *L, int arg) {
  struct smpp_relay_text text;
  text.octets = (const uint8_t *)luaL_optlstring(L, arg, "", &text.length);
  return text;
}

static void push_text(lua_State *L, const struct smpp_relay_text *text) { lua_pushlstring(L, (const char *)text->octets, text->length); }

/* handle(view, id, account, submitted [, books]) -> the handle of a submit_sm or data_sm; nil: of no usual one */
static int relay_handle(lua_State *L) {
  uint8_t out[SMPP_HANDLE_ROOM];
  const struct view *view = check_view(L, 1);
  struct smpp_relay_text id = check_text(L, 2), account = check_text(L, 3), books = check_text(L, 5);
  size_t length = smpp_relay_handle(&view->pdu, &id, &account, &books, (double)luaL_checknumber(L, 4), out);
  if (length == 0) lua_pushnil(L);
  else lua_pushlstring(L, (const char *)out, length);
  return 1;
}

static bool is_wanted(const struct smpp_relay_text *delivery, const struct smpp_message_state *state) {
  unsigned value = 0;
  for (size_t i = 0; i < delivery->length && i < 3; i++) value = value * 10 + (unsigned)(delivery->octets[i] - '0');
  bool is_delivered = state->number == 2;
  return value % 4 == 1 || (value % 4 == 2 && !is_delivered) || (value % 4 == 3 && is_delivered);
}

/* receipt(view, handle) -> the octets of a final receipt for the sender of this message, account, books; nothing: it is not
 * usual, or was not asked for */
static int relay_receipt(lua_State *L) {
  size_t length;
  uint8_t out[1024];
  struct smpp_relay message;
  struct smpp_usual_receipt receipt;
  const struct view *view = check_view(L, 1);
  const uint8_t *handle = (const uint8_t *)luaL_checklstring(L, 2, &length);
  if (!smpp_relay_read(handle, length, &message) || !smpp_receipt_of_pdu(&view->pdu, &receipt) || !receipt.state->final ||
      !is_wanted(&message.field[SMPP_RELAY_REGISTERED_DELIVERY], receipt.state))
    return 0;
  length = smpp_relay_receipt(&view->pdu, &message, out, sizeof out);
  if (length == 0) return 0;
  lua_pushlstring(L, (const char *)out, length);
  push_text(L, &message.field[SMPP_RELAY_ACCOUNT]);
  push_text(L, &message.field[SMPP_RELAY_BOOKS]);
  return 3;
}

/* Pushes an address without + and blanks, and its TON. */
static void push_address(lua_State *L, const struct smpp_pdu *pdu, unsigned field, unsigned ton_field) {
  uint32_t length, n = 0;
  char plain[256];
  const uint8_t *octets = smpp_submit_octets(pdu, field, &length);
  if (length <= sizeof plain) {
    for (uint32_t i = 0; i < length; i++) {
      if (octets[i] != '+' && octets[i] != ' ') plain[n++] = (char)octets[i];
    }
    lua_pushlstring(L, plain, n);
  } else {
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (uint32_t i = 0; i < length; i++) {
      if (octets[i] != '+' && octets[i] != ' ') luaL_addchar(&buffer, (char)octets[i]);
    }
    luaL_pushresult(&buffer);
  }
  lua_pushinteger(L, (lua_Integer)smpp_submit_number(pdu, ton_field));
}

/* addresses(view) -> source, its TON, destination, its TON; the addresses without + and blanks, "" and 0 for what it has not */
static int relay_addresses(lua_State *L) {
  const struct smpp_pdu *pdu = &check_view(L, 1)->pdu;
  push_address(L, pdu, SMPP_F_SOURCE_ADDR, SMPP_F_SOURCE_ADDR_TON);
  push_address(L, pdu, SMPP_F_DESTINATION_ADDR, SMPP_F_DEST_ADDR_TON);
  return 4;
}

/* Octets that stand one after the other, each but the last with a NUL behind it. */
struct place {
  size_t length;
  bool fits;
  char octets[SMPP_MAP_MAX_OCTETS];
};

static void put_part(struct place *place, const void *octets, size_t length, bool is_last) {
  size_t room = sizeof place->octets - place->length;
  place->fits = place->fits && length + (is_last ? 0 : 1) <= room;
  if (!place->fits) return;
  if (length > 0) memcpy(place->octets + place->length, octets, length);
  place->length += length;
  if (!is_last) place->octets[place->length++] = 0;
}

/* remember(map, id, carrier, response, account, view, source or nil, now): puts where a message is, under its id: the carrier, its id there,
 * the account, the source of the view, and the source that was sent, nil: the same.  At the limit of the map the oldest goes.
 * -> whether there was room */
static int relay_remember(lua_State *L) {
  struct smpp_map *map = check_map(L, 1);
  struct smpp_relay_text id = check_text(L, 2), carrier = check_text(L, 3), account = check_text(L, 5);
  const struct view *response = check_view(L, 4), *view = check_view(L, 6);
  double now = check_now(L, 8);
  struct place place = {0, true, {0}};
  uint32_t length;
  const uint8_t *octets = smpp_submit_octets(&response->pdu, SMPP_F_MESSAGE_ID, &length);
  put_part(&place, carrier.octets, carrier.length, false);
  put_part(&place, octets, length, false);
  put_part(&place, account.octets, account.length, false);
  octets = smpp_submit_octets(&view->pdu, SMPP_F_SOURCE_ADDR, &length);
  put_part(&place, octets, length, false);
  struct smpp_relay_text source = {octets, length};
  if (!lua_isnoneornil(L, 7)) source = check_text(L, 7);
  put_part(&place, source.octets, source.length, true);
  int err = SMPP_ERR_TOO_LONG;
  if (place.fits) {
    const struct smpp_map_entry *oldest;
    while ((err = smpp_map_put(map, id.octets, id.length, place.octets, place.length, MAP_OCTETS, now)) == SMPP_ERR_WINDOW_FULL &&
           (oldest = smpp_map_expired(map, (double)INFINITY)) != NULL)
      smpp_map_remove(map, oldest);
  }
  lua_pushboolean(L, err == 0);
  return 1;
}

void smpp_open_relay(lua_State *L) {
  static const luaL_Reg functions[] = {{"handle", relay_handle}, {"receipt", relay_receipt}, {"addresses", relay_addresses},
                                      {"remember", relay_remember}, {NULL, NULL}};
  luaL_newlib(L, functions);
  lua_setfield(L, -2, "relay");
}
