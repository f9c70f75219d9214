/* error.h - error codes of the core.
 *
 * Every function that can fail returns 0 or one of the negative codes below
 * and is marked SMPP_MUST_CHECK. */
#ifndef SMPP_ERROR_H
#define SMPP_ERROR_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SMPP_MUST_CHECK __attribute__((warn_unused_result))
#else
#define SMPP_MUST_CHECK
#endif

/* code, number, name in Lua, text for people */
#define SMPP_ERRORS(E)                                                        \
  E(TRUNCATED, -1, "truncated", "truncated")                                  \
  E(BAD_LENGTH, -2, "bad_length", "length out of range")                      \
  E(TOO_LONG, -3, "too_long", "too long")                                     \
  E(BAD_VALUE, -4, "bad_value", "invalid value")                              \
  E(MISSING, -5, "missing", "required but missing")                           \
  E(UNKNOWN_FIELD, -6, "unknown_field", "unknown field")                      \
  E(UNMAPPABLE, -7, "unmappable", "character not in this alphabet")           \
  E(NOT_SENT, -8, "not_sent", "invalid in this state, nothing was sent")      \
  E(WINDOW_FULL, -9, "window_full", "window full: too many pending requests") \
  E(CLOSED, -10, "closed", "session is closed")                               \
  E(NO_MEMORY, -11, "no_memory", "out of memory")

#define SMPP_ERROR_ENUM(code, number, name, text) SMPP_ERR_##code = (number),
enum smpp_error { SMPP_OK = 0, SMPP_ERRORS(SMPP_ERROR_ENUM) };
#undef SMPP_ERROR_ENUM

/* "too_long" for SMPP_ERR_TOO_LONG; "ok" for 0; never NULL. */
const char *smpp_error_name(int error);

/* "too long" for SMPP_ERR_TOO_LONG; never NULL. */
const char *smpp_error_text(int error);

#endif
