/* bind_iconv.c - core.iconv: the East Asian character sets, through libc's iconv.
 *
 * While a converter is open nothing may raise: room is made before, results are
 * pushed after. */
#include <errno.h>
#include <iconv.h>
#include <string.h>

#include "bind_text.h"
#include "smpp/chars.h"

/* What libcs call them, best first: CP932 is Shift-JIS with a true backslash and
 * the characters that Japanese phones add. */
static const struct charset {
  const char *encoding, *names[3];
  bool has_states;
} charsets[] = {
    {"shift_jis", {"CP932", "SHIFT_JIS", "SJIS"}, false},
    {"euc-jp", {"EUC-JP", "EUCJP", NULL}, false},
    {"iso-2022-jp", {"ISO-2022-JP", NULL, NULL}, true},
    {"euc-kr", {"EUC-KR", "EUCKR", NULL}, false},
};

static const struct charset *check_charset(lua_State *L, int arg) {
  const char *encoding = luaL_checkstring(L, arg);
  for (size_t i = 0; i < sizeof charsets / sizeof *charsets; i++) {
    if (strcmp(charsets[i].encoding, encoding) == 0) return &charsets[i];
  }
  luaL_argerror(L, arg, "unsupported encoding: not converted by iconv");
  return NULL;
}

static bool open_converter(const struct charset *charset, bool to_utf8, iconv_t *out) {
  for (size_t i = 0; i < 3 && charset->names[i] != NULL; i++) {
    *out = to_utf8 ? iconv_open("UTF-8", charset->names[i]) : iconv_open(charset->names[i], "UTF-8");
    if (*out != (iconv_t)-1) return true; /* NOLINT(performance-no-int-to-ptr): POSIX says so */
  }
  return false;
}

static int push_missing(lua_State *L, const struct charset *charset) {
  lua_pushnil(L);
  lua_pushfstring(L, "libc's iconv has no converter for %s", charset->names[0]);
  lua_pushstring(L, "bad_value");
  return 3;
}

/* One call of iconv, whose in-pointer is not const although it never writes there. */
static size_t convert(iconv_t converter, char **in, size_t *in_left, char **out, size_t *out_left) {
  return iconv(converter, in, in_left, out, out_left);
}

/* Octets a character may become: a shift sequence before it, two octets, a shift back. */
enum { MOST_PER_CHARACTER = 12, ESCAPE = 0x1B };

/* True when what iconv wrote would not read back as |c|: the yen sign as a
 * backslash, an escape among escape sequences. */
static bool is_lossy(uint32_t c, const char *out, size_t written, bool has_states) {
  return has_states ? c == ESCAPE : c >= 0x80 && written == 1 && (uint8_t)*out < 0x80;
}

/* Encodes character by character: so an unmappable one is found where libc only
 * counts it.  Returns the octets written; |fault|->octet is 0 unless it failed. */
static size_t encode(iconv_t converter, bool has_states, char *text, size_t length, char *out, size_t room,
                     struct smpp_text_fault *fault, bool *ill_formed) {
  char *in = text, *start = out;
  size_t left = length;
  memset(fault, 0, sizeof *fault);
  for (fault->character = 1; left > 0; fault->character++) {
    const uint8_t *p = (const uint8_t *)in;
    unsigned used = smpp_utf8_get(p, p + left, &fault->codepoint);
    size_t one = used, lost = 1;
    char *before = out;
    if (used != 0) lost = convert(converter, &in, &one, &out, &room);
    if (lost != 0 || one != 0 || is_lossy(fault->codepoint, before, (size_t)(out - before), has_states)) {
      *ill_formed = used == 0;
      fault->octet = length - left + 1;
      return 0;
    }
    left -= used;
  }
  (void)convert(converter, NULL, NULL, &out, &room); /* back to the first shift state */
  return (size_t)(out - start);
}

/* encode(text, encoding) -> octets | nil, message, code */
static int iconv_encode(lua_State *L) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  const struct charset *charset = check_charset(L, 2);
  luaL_argcheck(L, length < SMPP_TEXT_MAX, 1, "text too long");
  size_t size = MOST_PER_CHARACTER * (length + 1);
  char *room = lua_newuserdatauv(L, size + length, 0);
  struct smpp_text_fault fault;
  bool ill_formed = false;
  memcpy(room + size, text, length); /* iconv takes a non-const pointer */
  iconv_t converter;
  if (!open_converter(charset, false, &converter)) return push_missing(L, charset);
  size_t written = encode(converter, charset->has_states, room + size, length, room, size, &fault, &ill_formed);
  (void)iconv_close(converter);
  if (fault.octet != 0) {
    return push_text_fault(L, ill_formed ? SMPP_ERR_BAD_VALUE : SMPP_ERR_UNMAPPABLE, charset->encoding, &fault);
  }
  lua_pushlstring(L, room, written);
  return 1;
}

/* Decodes; malformed octets become U+FFFD.  |bad|: position of the first such octet, from 1. */
static size_t decode(iconv_t converter, char *in, size_t length, char *out, size_t room, size_t *bad) {
  char *start = out;
  size_t left = length;
  *bad = 0;
  while (left > 0 && convert(converter, &in, &left, &out, &room) == (size_t)-1) {
    if (errno == E2BIG || room < 4) break;
    if (*bad == 0) *bad = length - left + 1;
    unsigned used = smpp_utf8_put((uint8_t *)out, SMPP_REPLACEMENT);
    out += used;
    room -= used;
    if (errno == EINVAL) break; /* the last character is cut short */
    in++;
    left--;
  }
  return (size_t)(out - start);
}

/* decode(octets, encoding) -> text [, position of the first malformed octet]
 * | nil, message, code */
static int iconv_decode(lua_State *L) {
  size_t length, bad = 0;
  const char *octets = luaL_checklstring(L, 1, &length);
  const struct charset *charset = check_charset(L, 2);
  luaL_argcheck(L, length < SMPP_TEXT_MAX, 1, "text too long");
  size_t size = 4 * length + 4;
  char *room = lua_newuserdatauv(L, size + length, 0);
  memcpy(room + size, octets, length);
  iconv_t converter;
  if (!open_converter(charset, true, &converter)) return push_missing(L, charset);
  size_t written = decode(converter, room + size, length, room, size, &bad);
  (void)iconv_close(converter);
  lua_pushlstring(L, room, written);
  if (bad == 0) return 1;
  lua_pushinteger(L, (lua_Integer)bad);
  return 2;
}

void smpp_open_iconv(lua_State *L) {
  static const luaL_Reg functions[] = {{"encode", iconv_encode}, {"decode", iconv_decode}, {NULL, NULL}};
  luaL_newlib(L, functions);
  lua_setfield(L, -2, "iconv");
}
