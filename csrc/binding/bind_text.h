/* bind_text.h - the parts of core.text that have a file of their own. */
#ifndef SMPP_BIND_TEXT_H
#define SMPP_BIND_TEXT_H

#include "binding.h"
#include "smpp/chars.h"

/* Longer texts are refused: what they may become could not be counted in a size_t. */
#define SMPP_TEXT_MAX (SIZE_MAX / 16)

/* Adds the table `udh` to the module, which is on top. */
void smpp_open_udh(lua_State *L);

/* Adds the table `iconv`. */
void smpp_open_iconv(lua_State *L);

/* Pushes a character as UTF-8. */
void push_character(lua_State *L, uint32_t codepoint);

/* Pushes nil, message, code for a text that could not be encoded; returns 3. */
int push_text_fault(lua_State *L, int error, const char *encoding, const struct smpp_text_fault *fault);

#endif
