/* bind_text.c - core.text: encodings, and cutting a text into parts. */
#include <string.h>

#include "bind_text.h"
#include "smpp/datacoding.h"
#include "smpp/gsm7.h"
#include "smpp/shown.h"
#include "smpp/text.h"

enum { ON_STACK = 1024 };

/* |local| if it is big enough, else a userdata that stays on the stack. */
static uint8_t *room(lua_State *L, size_t size, uint8_t *local) {
  return size <= ON_STACK ? local : lua_newuserdatauv(L, size, 0);
}

static const char *const encoding_names[] = {
#define NAME(code, name, data_coding, unit, table) name,
    SMPP_ENCODINGS(NAME)
#undef NAME
    NULL};

/* encoding, locking, single at |arg| and the two after it. */
static struct smpp_coding check_coding(lua_State *L, int arg) {
  struct smpp_coding coding;
  coding.encoding = (enum smpp_encoding)luaL_checkoption(L, arg, NULL, encoding_names);
  coding.locking = (unsigned)luaL_optinteger(L, arg + 1, 0) & 0xFF;
  coding.single = (unsigned)luaL_optinteger(L, arg + 2, 0) & 0xFF;
  return coding;
}

static const uint8_t *check_octets(lua_State *L, int arg, size_t *length) {
  const char *octets = luaL_checklstring(L, arg, length);
  luaL_argcheck(L, *length < SMPP_TEXT_MAX, arg, "text too long");
  return (const uint8_t *)octets;
}

static unsigned check_fill(lua_State *L, int arg) {
  lua_Integer fill = luaL_optinteger(L, arg, 0);
  luaL_argcheck(L, fill >= 0 && fill <= 6, arg, "fill out of range: expected 0 to 6 bits");
  return (unsigned)fill;
}

/* encode(text, encoding [, locking, single, fill]) -> octets, units */
static int text_encode(lua_State *L) {
  uint8_t local[ON_STACK];
  size_t length, octets = 0, units = 0;
  const uint8_t *text = check_octets(L, 1, &length);
  struct smpp_coding coding = check_coding(L, 2);
  unsigned fill = check_fill(L, 5);
  struct smpp_text_fault fault = {0, 0, 0};
  uint8_t *out = room(L, smpp_text_encode_bound(length), local);
  int err = smpp_text_encode(&coding, text, length, fill, out, &octets, &units, &fault);
  if (err != 0) return push_text_fault(L, err, smpp_encoding_name(coding.encoding), &fault);
  lua_pushlstring(L, (const char *)out, octets);
  lua_pushinteger(L, (lua_Integer)units);
  return 2;
}

static void push_problems(lua_State *L, const struct smpp_text_problems *problems) {
  static const struct {
    const char *name, *text;
  } words[] = {
#define WORDS(code, name, text) {name, text},
      SMPP_TEXT_PROBLEMS(WORDS)
#undef WORDS
  };
  size_t kept = problems->count < SMPP_TEXT_PROBLEMS_KEPT ? problems->count : SMPP_TEXT_PROBLEMS_KEPT;
  lua_createtable(L, (int)kept, 1);
  for (size_t i = 0; i < kept; i++) {
    lua_createtable(L, 0, 3);
    lua_pushstring(L, words[problems->kept[i].problem].name);
    lua_setfield(L, -2, "code");
    lua_pushinteger(L, (lua_Integer)problems->kept[i].octet);
    lua_setfield(L, -2, "offset");
    lua_pushstring(L, words[problems->kept[i].problem].text);
    lua_setfield(L, -2, "message");
    lua_rawseti(L, -2, (int)i + 1);
  }
  lua_pushinteger(L, (lua_Integer)problems->count);
  lua_setfield(L, -2, "total");
}

/* decode(octets, encoding [, locking, single, fill, septets]) -> text [, problems] */
static int text_decode(lua_State *L) {
  uint8_t local[ON_STACK];
  size_t length;
  const uint8_t *octets = check_octets(L, 1, &length);
  struct smpp_coding coding = check_coding(L, 2);
  unsigned fill = check_fill(L, 5);
  size_t septets = SIZE_MAX;
  if (!lua_isnoneornil(L, 6)) {
    lua_Integer n = luaL_checkinteger(L, 6);
    luaL_argcheck(L, n >= 0, 6, "septets must not be negative");
    septets = (size_t)n;
  }
  struct smpp_text_problems problems;
  problems.count = 0;
  uint8_t *out = room(L, smpp_text_decode_bound(length), local);
  size_t written = smpp_text_decode(&coding, octets, length, fill, septets, out, &problems);
  lua_pushlstring(L, (const char *)out, written);
  if (problems.count == 0) return 1;
  push_problems(L, &problems);
  return 2;
}

/* cut(text, encoding, locking, single, capacity [, graphemes, foreign]) -> ends, units of the last part.
 * |ends| are the octets of the text at which the parts end; |foreign| the text in a foreign encoding. */
static int text_cut(lua_State *L) {
  size_t length, foreign_length = 0, octets = 0, units = 0;
  struct smpp_cutter cutter;
  const uint8_t *text = check_octets(L, 1, &length);
  cutter.coding = check_coding(L, 2);
  lua_Integer capacity = luaL_checkinteger(L, 5);
  luaL_argcheck(L, capacity >= 0, 5, "capacity must not be negative");
  cutter.graphemes = lua_toboolean(L, 6);
  cutter.text = text;
  cutter.end = text + length;
  cutter.foreign = lua_isnoneornil(L, 7) ? NULL : check_octets(L, 7, &foreign_length);
  cutter.foreign_end = cutter.foreign == NULL ? NULL : cutter.foreign + foreign_length;
  lua_newtable(L);
  for (int i = 1; cutter.text < cutter.end; i++) {
    int err = smpp_text_cut(&cutter, (size_t)capacity, &octets, &units);
    if (err != 0) return push_error(L, err, NULL);
    lua_pushinteger(L, (lua_Integer)(cutter.text - text));
    lua_rawseti(L, -2, i);
  }
  lua_pushinteger(L, (lua_Integer)units);
  return 2;
}

/* True if a message has only the fields from, to, text and receipt, and its text is a string. */
static bool is_usual(lua_State *L, int message) {
  static const char *const known[] = {"from", "to", "text", "receipt"};
  bool has_text = false;
  if (lua_getmetatable(L, message)) {
    lua_pop(L, 1);
    return false; /* which may have more fields */
  }
  lua_pushnil(L);
  while (lua_next(L, message) != 0) {
    bool found = false;
    if (lua_type(L, -2) == LUA_TSTRING) {
      const char *name = lua_tostring(L, -2);
      for (size_t i = 0; i < sizeof known / sizeof *known && !found; i++) found = strcmp(name, known[i]) == 0;
      if (found && name[0] == 't' && name[1] == 'e') has_text = lua_type(L, -1) == LUA_TSTRING;
    }
    lua_pop(L, 1);
    if (!found) {
      lua_pop(L, 1);
      return false;
    }
  }
  return has_text;
}

/* The parts of a text behind headers of |header| octets: pushes a table of their octets, or returns an error. */
static int push_parts(lua_State *L, struct smpp_coding coding, const uint8_t *text, size_t length, const uint8_t *octets,
                      size_t header) {
  size_t capacity = smpp_text_capacity(coding.encoding, header), per_unit = coding.encoding == SMPP_UCS2 ? 2 : 1;
  struct smpp_cutter cutter = {coding, text, text + length, NULL, NULL, true};
  lua_createtable(L, 4, 0);
  for (unsigned i = 1; cutter.text < cutter.end; i++) {
    size_t taken = 0, units = 0;
    int err = smpp_text_cut(&cutter, capacity, &taken, &units);
    if (err != 0) return err;
    if (i > SMPP_MAX_PARTS) return SMPP_ERR_TOO_LONG;
    lua_pushlstring(L, (const char *)octets, units * per_unit);
    lua_rawseti(L, -2, (int)i);
    octets += units * per_unit;
  }
  return 0;
}

/* usual({ from, to, text, receipt }) -> octets of the text in one part, or a table of those of each part behind an 8-bit
 * concatenation header, data_coding.  GSM 7-bit, else UCS-2, as smpp.text.plan chooses without options.  No results: the
 * message has other fields, or its text cannot be sent. */
static int text_usual(lua_State *L) {
  uint8_t local[ON_STACK];
  size_t length, octets = 0, units = 0;
  struct smpp_coding coding = {SMPP_GSM7, 0, 0};
  struct smpp_text_fault fault = {0, 0, 0};
  lua_settop(L, 1);
  if (!lua_istable(L, 1) || !is_usual(L, 1)) return 0;
  lua_pushliteral(L, "text");
  lua_rawget(L, 1); /* stays: |text| is its */
  const uint8_t *text = (const uint8_t *)lua_tolstring(L, -1, &length);
  if (length >= SMPP_TEXT_MAX) return 0;
  uint8_t *out = room(L, smpp_text_encode_bound(length), local);
  int err = smpp_text_encode(&coding, text, length, 0, out, &octets, &units, &fault);
  if (err == SMPP_ERR_UNMAPPABLE) {
    coding.encoding = SMPP_UCS2;
    err = smpp_text_encode(&coding, text, length, 0, out, &octets, &units, &fault);
  }
  if (err != 0) return 0;
  if (units <= smpp_text_capacity(coding.encoding, 0)) lua_pushlstring(L, (const char *)out, octets);
  else if (push_parts(L, coding, text, length, out, 6) != 0) return 0;
  lua_pushinteger(L, smpp_encoding_data_coding(coding.encoding));
  return 2;
}

static void push_culprit(lua_State *L, uint32_t codepoint, size_t position, size_t octet, unsigned units) {
  lua_createtable(L, 0, 5);
  push_character(L, codepoint);
  lua_setfield(L, -2, "character");
  push_u32(L, codepoint);
  lua_setfield(L, -2, "codepoint");
  lua_pushinteger(L, (lua_Integer)position);
  lua_setfield(L, -2, "position");
  lua_pushinteger(L, (lua_Integer)octet);
  lua_setfield(L, -2, "octet");
  lua_pushinteger(L, (lua_Integer)units);
  lua_setfield(L, -2, "units");
}

/* unmappable(text, encoding, locking, single, other encoding, locking, single) -> the characters of a
 * well-formed text that the first lacks: { { character, codepoint, position, octet, units }, … };
 * units are what the character takes in the other. */
static int text_unmappable(lua_State *L) {
  size_t length;
  const uint8_t *text = check_octets(L, 1, &length), *end = text + length;
  struct smpp_coding coding = check_coding(L, 2), other = check_coding(L, 5);
  lua_newtable(L);
  int found = 0;
  size_t position = 1;
  for (const uint8_t *p = text; p < end; position++) {
    uint32_t c = 0;
    unsigned used = smpp_utf8_get(p, end, &c);
    if (used == 0) break;
    if (smpp_coding_units(&coding, c) == 0) {
      push_culprit(L, c, position, (size_t)(p - text) + 1, smpp_coding_units(&other, c));
      lua_rawseti(L, -2, ++found);
    }
    p += used;
  }
  return 1;
}

/* capacity(encoding, header_octets) -> units of one message behind a header */
static int text_capacity(lua_State *L) {
  int encoding = luaL_checkoption(L, 1, NULL, encoding_names);
  lua_Integer header = luaL_checkinteger(L, 2);
  luaL_argcheck(L, header >= 0, 2, "header_octets must not be negative");
  lua_pushinteger(L, (lua_Integer)smpp_text_capacity((enum smpp_encoding)encoding, (size_t)header));
  return 1;
}

/* shown(octets, "plain" | "quoted" | "lines" | "styled") -> text with terminal control escaped */
static int text_shown(lua_State *L) {
  static const char *const ways[] = {"plain", "quoted", "lines", "styled", NULL};
  uint8_t local[ON_STACK];
  size_t length;
  const uint8_t *octets = check_octets(L, 1, &length);
  enum smpp_shown_as as = (enum smpp_shown_as)luaL_checkoption(L, 2, "plain", ways);
  uint8_t *out = room(L, smpp_shown_bound(length), local);
  lua_pushlstring(L, (const char *)out, smpp_shown(octets, length, as, out));
  return 1;
}

/* is_utf8(octets) -> true if all of them are well-formed UTF-8 */
static int text_is_utf8(lua_State *L) {
  size_t length;
  const uint8_t *octets = check_octets(L, 1, &length);
  lua_pushboolean(L, smpp_utf8_prefix(octets, length) == length);
  return 1;
}

/* data_coding(octet) -> { encoding, default, reserved, compressed, auto_delete, class, flash, mwi } */
static int text_data_coding(lua_State *L) {
  static const char *const mwi_names[] = {"voicemail", "fax", "email", "other"};
  uint32_t octet = check_u32(L, 1);
  luaL_argcheck(L, octet <= 0xFF, 1, "data_coding out of range: expected 0 to 255");
  struct smpp_data_coding d = smpp_data_coding_read((uint8_t)octet);
  lua_createtable(L, 0, 9);
  push_u32(L, octet);
  lua_setfield(L, -2, "data_coding");
  lua_pushstring(L, smpp_encoding_name(d.encoding));
  lua_setfield(L, -2, "encoding");
  const struct {
    const char *name;
    bool value;
  } flags[] = {{"default", d.is_default},         {"reserved", d.reserved},         {"compressed", d.compressed},
               {"auto_delete", d.auto_delete}, {"flash", d.message_class == 0}};
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
    lua_pushboolean(L, flags[i].value);
    lua_setfield(L, -2, flags[i].name);
  }
  if (d.message_class >= 0) {
    lua_pushinteger(L, d.message_class);
    lua_setfield(L, -2, "class");
  }
  if (d.mwi) {
    lua_createtable(L, 0, 3);
    lua_pushstring(L, mwi_names[d.mwi_type]);
    lua_setfield(L, -2, "type");
    lua_pushboolean(L, d.mwi_active);
    lua_setfield(L, -2, "active");
    lua_pushboolean(L, d.mwi_store);
    lua_setfield(L, -2, "store");
    lua_setfield(L, -2, "mwi");
  }
  return 1;
}

/* with_class(encoding, class) -> data_coding | nil: the encoding has no classes */
static int text_with_class(lua_State *L) {
  int encoding = luaL_checkoption(L, 1, NULL, encoding_names);
  int octet = smpp_data_coding_with_class((enum smpp_encoding)encoding, (unsigned)check_u32(L, 2));
  if (octet < 0) return 0;
  lua_pushinteger(L, octet);
  return 1;
}

static const char *const unit_names[] = {"septet", "octet", "unit16"};

/* { name = { data_coding = , unit = , foreign = }, … } */
static void push_encodings(lua_State *L) {
  lua_createtable(L, 0, SMPP_ENCODING_COUNT);
  for (int i = 0; i < SMPP_ENCODING_COUNT; i++) {
    enum smpp_encoding encoding = (enum smpp_encoding)i;
    lua_createtable(L, 0, 3);
    if (smpp_encoding_data_coding(encoding) != SMPP_NO_DATA_CODING) {
      lua_pushinteger(L, smpp_encoding_data_coding(encoding));
      lua_setfield(L, -2, "data_coding");
    }
    lua_pushstring(L, unit_names[smpp_encoding_unit(encoding)]);
    lua_setfield(L, -2, "unit");
    lua_pushboolean(L, smpp_encoding_is_foreign(encoding));
    lua_setfield(L, -2, "foreign");
    lua_setfield(L, -2, smpp_encoding_name(encoding));
  }
}

/* { [id] = { name = , locking = boolean, single = boolean }, … } from id 0 */
static void push_languages(lua_State *L) {
  lua_createtable(L, (int)SMPP_LANGUAGES, 1);
  for (unsigned id = 0; id < SMPP_LANGUAGES; id++) {
    lua_createtable(L, 0, 3);
    lua_pushstring(L, smpp_language_name(id));
    lua_setfield(L, -2, "name");
    lua_pushboolean(L, smpp_language_has_locking(id));
    lua_setfield(L, -2, "locking");
    lua_pushboolean(L, smpp_language_has_single(id));
    lua_setfield(L, -2, "single");
    lua_rawseti(L, -2, (int)id);
  }
}

void smpp_open_text(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"encode", text_encode},         {"decode", text_decode},     {"cut", text_cut},
      {"unmappable", text_unmappable}, {"capacity", text_capacity},
      {"data_coding", text_data_coding}, {"with_class", text_with_class},
      {"usual", text_usual},
      {"shown", text_shown},           {"is_utf8", text_is_utf8},    {NULL, NULL},
  };
  luaL_newlib(L, functions);
  push_encodings(L);
  lua_setfield(L, -2, "encodings");
  push_languages(L);
  lua_setfield(L, -2, "languages");
  lua_setfield(L, -2, "text");
  smpp_open_udh(L);
  smpp_open_iconv(L);
}
