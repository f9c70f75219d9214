/* core.c - luaopen_smpp_core: puts the module together. */
#include "bind_batch.h"
#include "bind_prefix.h"
#include "bind_record.h"
#include "binding.h"

SMPP_EXPORT int luaopen_smpp_core(lua_State *L);

int luaopen_smpp_core(lua_State *L) {
  lua_createtable(L, 0, 15);
  smpp_open_codec(L);
  smpp_open_protocol(L);
  smpp_open_text(L);
  smpp_open_receipt(L);
  smpp_open_record(L);
  smpp_open_resp(L);
  smpp_open_submit(L);
  smpp_open_relay(L);
  smpp_open_reply(L);
  smpp_open_prefix(L);
  smpp_open_session(L);
  smpp_open_tally(L);
  smpp_open_counts(L);
  smpp_open_notify(L);
  smpp_open_lock(L);
  smpp_open_histogram(L);
  smpp_open_batch(L);
  smpp_open_digest(L);
  return 1;
}
