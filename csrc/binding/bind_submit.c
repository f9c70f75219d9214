/* bind_submit.c - core.submit: what a message centre asks of most submit_sm. */
#include "binding.h"
#include "smpp/submit.h"

/* is_plain(pdu, version, digits, default_messages, max_octets) -> boolean */
static int submit_is_plain(lua_State *L) {
  const struct view *view = check_view(L, 1);
  struct smpp_submit_limits limits = {check_u32(L, 5), check_u32(L, 4), lua_toboolean(L, 3)};
  lua_pushboolean(L, smpp_submit_is_plain(&view->pdu, (uint8_t)check_u32(L, 2), &limits));
  return 1;
}

/* usual(pdu) -> its text, priority_flag; nothing: it is not usual */
static int submit_usual(lua_State *L) {
  const struct smpp_pdu *pdu = &check_view(L, 1)->pdu;
  uint32_t length;
  if (!smpp_submit_is_usual(pdu)) return 0;
  const uint8_t *octets = smpp_submit_octets(pdu, SMPP_F_SHORT_MESSAGE, &length);
  lua_pushlstring(L, (const char *)octets, length);
  push_u32(L, smpp_submit_number(pdu, SMPP_F_PRIORITY_FLAG));
  return 2;
}

void smpp_open_submit(lua_State *L) {
  static const luaL_Reg functions[] = {{"is_plain", submit_is_plain}, {"usual", submit_usual}, {NULL, NULL}};
  luaL_newlib(L, functions);
  lua_setfield(L, -2, "submit");
}
