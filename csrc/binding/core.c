/* core.c - luaopen_smpp_core: puts the module together. */
#include "bind_record.h"
#include "binding.h"

#if defined(__GNUC__)
#define SMPP_EXPORT __attribute__((visibility("default")))
#else
#define SMPP_EXPORT
#endif

SMPP_EXPORT int luaopen_smpp_core(lua_State *L);

int luaopen_smpp_core(lua_State *L) {
  lua_createtable(L, 0, 9);
  smpp_open_codec(L);
  smpp_open_protocol(L);
  smpp_open_text(L);
  smpp_open_receipt(L);
  smpp_open_record(L);
  smpp_open_session(L);
  return 1;
}
