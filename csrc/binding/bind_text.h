/* bind_text.h - the parts of core.text that have a file of their own. */
#ifndef SMPP_BIND_TEXT_H
#define SMPP_BIND_TEXT_H

#include "binding.h"

/* Adds the table `udh` to the module, which is on top. */
void smpp_open_udh(lua_State *L);

#endif
