/* binding.h - shared by the files of the binding.  Lua C API only: protocol
 * knowledge stays in csrc/smpp. */
#ifndef SMPP_BINDING_H
#define SMPP_BINDING_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "module.h"
#include "smpp/pdu.h"

/* Each group of functions adds its table to the module, which is on top. */
void smpp_open_codec(lua_State *L);
void smpp_open_protocol(lua_State *L);
void smpp_open_text(lua_State *L);
void smpp_open_receipt(lua_State *L);
void smpp_open_submit(lua_State *L);
void smpp_open_relay(lua_State *L);
void smpp_open_reply(lua_State *L);

/* Pushes nil, message, code name; returns 3.  |message| NULL: the error's own text. */
int push_error(lua_State *L, int error, const char *message);

/* 32-bit wire numbers: a lua_Integer may be 32 bits before 5.3. */
static inline void push_u32(lua_State *L, uint32_t v) {
#if LUA_VERSION_NUM >= 503
  lua_pushinteger(L, (lua_Integer)v);
#else
  lua_pushnumber(L, (lua_Number)v);
#endif
}

/* A counter: a whole number, exact up to 2^53. */
static inline void push_u64(lua_State *L, uint64_t v) {
#if LUA_VERSION_NUM >= 503
  lua_pushinteger(L, (lua_Integer)v);
#else
  lua_pushnumber(L, (lua_Number)v);
#endif
}

/* Pushes the number as text, for messages. */
static inline const char *u32_text(lua_State *L, uint32_t v) {
  push_u32(L, v);
  return lua_tostring(L, -1);
}

/* A whole number from 0 to 0xFFFFFFFF? */
static inline bool number_to_u32(lua_Number n, uint32_t *out) {
  if (!(n >= 0 && n <= 4294967295.0)) return false;
  uint32_t v = (uint32_t)n;
  if ((lua_Number)v != n) return false;
  *out = v;
  return true;
}

/* Raises unless argument |arg| is an integer from 0 to 0xFFFFFFFF. */
uint32_t check_u32(lua_State *L, int arg);

/* A whole number from 0 to 0xFFFFFFFF at |index|?  Never raises. */
int to_u32(lua_State *L, int index, uint32_t *out);

/* Pushes the string key of the table at |names| that looks most like |name|, or
 * nil.  Ties go to the first in the alphabet. */
void push_suggestion(lua_State *L, int names, const char *name);
void push_field_suggestion(lua_State *L, const struct smpp_command *command, const char *name);

/* ---- codec: names of fields and TLVs for one profile (bind_codec.c) ----
 *
 * Every function of a codec, its views and its sessions is a closure over
 * these; so names resolve with one table access and two profiles cannot mix. */
enum {
  UP_NAMES = 1, /* name -> number (see below), or a method of views */
  UP_TAGS,      /* tag -> name of vendor TLVs */
  UP_FIELDS,    /* parameter's number + 1 -> name; interned once */
  UP_VIEW,      /* metatable of received PDUs */
  UP_SESSION,   /* metatable of sessions */
  UP_NONE,      /* smpp.none */
  UP_DECLARED,  /* struct smpp_declared: commands outside the tables */
  UP_OWN,       /* name -> struct own_command of these (bind_declare.c), which keeps them */
  UP_KNOWN,     /* struct name_cache of UP_NAMES */
  UP_SPARE,     /* views that nobody uses, see spare_view: a table, and */
  UP_SPARES,    /* struct spares, their numbers */
  UP_COUNT = UP_SPARES
};

enum { NAME_CACHE_SIZE = 256, SHORT_NAME_MAX = 40 };

/* Numbers of names by the address of the string.  Lua has one string of each short content, and UP_NAMES keeps that of a name
 * in it; so an address stands for its name, until a name changes or goes. */
struct name_cache {
  struct {
    const char *name;
    uint32_t code;
  } at[NAME_CACHE_SIZE];
};

static inline void forget_names(lua_State *L) {
  struct name_cache *cache = lua_touserdata(L, lua_upvalueindex(UP_KNOWN));
  memset(cache, 0, sizeof *cache);
}

/* The number of the name at |index|, a string; 0: it has none.  |cache|: that at UP_KNOWN. */
static inline uint32_t name_code_in(lua_State *L, struct name_cache *cache, int index) {
  size_t length = 0;
  const char *name = lua_tolstring(L, index, &length);
  size_t place = ((uintptr_t)name >> 4 ^ (uintptr_t)name >> 12) % NAME_CACHE_SIZE;
  if (cache->at[place].name == name) return cache->at[place].code;
  uint32_t code = 0;
  lua_pushvalue(L, index);
  if (lua_rawget(L, lua_upvalueindex(UP_NAMES)) == LUA_TNUMBER) code = (uint32_t)lua_tonumber(L, -1);
  lua_pop(L, 1);
  if (code != 0 && length <= SHORT_NAME_MAX) {
    cache->at[place].name = name;
    cache->at[place].code = code;
  }
  return code;
}

/* The same of a key of a table, which need not be a string: one call of Lua's API where that has addresses of strings themselves (Lua 5.4, LuaJIT);
 * no such address is that of another string's octets. */
static inline uint32_t key_code(lua_State *L, struct name_cache *cache, int index) {
  const void *key = lua_topointer(L, index);
  size_t place = ((uintptr_t)key >> 4 ^ (uintptr_t)key >> 12) % NAME_CACHE_SIZE;
  if (key != NULL && cache->at[place].name == key) return cache->at[place].code;
  if (lua_type(L, index) != LUA_TSTRING) return 0;
  uint32_t code = name_code_in(L, cache, index);
  if (key != NULL && code != 0 && lua_rawlen(L, index) <= SHORT_NAME_MAX) {
    cache->at[place].name = key;
    cache->at[place].code = code;
  }
  return code;
}

static inline uint32_t name_code(lua_State *L, int index) {
  return name_code_in(L, lua_touserdata(L, lua_upvalueindex(UP_KNOWN)), index);
}

/* The commands that a codec adds to those of the tables. */
static inline const struct smpp_declared *declared_commands(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(UP_DECLARED));
}

/* A name's number: parameter + 1, TLV tag and kind, header item; 0 if unknown. */
#define NAME_FIELD(code) ((code)&0xFFu)
#define NAME_TAG(code) ((code) >> 8 & 0xFFFFu)
#define NAME_KIND(code) ((code) >> 24 & 0xFu)
#define NAME_ITEM(code) ((code) >> 28)

enum {
  ITEM_COMMAND = 1,
  ITEM_STATUS,
  ITEM_COMMAND_ID,
  ITEM_COMMAND_STATUS,
  ITEM_SEQUENCE,
  ITEM_LENGTH,
  ITEM_TRAILING,
  ITEM_SM_LENGTH, /* the counts: a parameter of some commands, derived in others */
  ITEM_NUMBER_OF_DESTS,
  ITEM_NO_UNSUCCESS,
  ITEM_NUMBER_MSGS,
  ITEM_PADDING
};

/* Functions of a codec that add to it (bind_declare.c). */
int codec_declare(lua_State *L);
int codec_declare_command(lua_State *L);

/* Pushes a command as a table (bind_protocol.c). */
void push_command_row(lua_State *L, const struct smpp_command *command);

/* ---- views: received PDUs (bind_view.c) ---- */

/* The offset behind the last parameter; less than |tlv_offset| where a stray NUL follows. */
uint32_t params_end(const struct smpp_pdu *pdu);

struct view {
  bool answered;
  bool spent;   /* nobody uses it once it is answered */
  uint8_t size; /* which of the sizes of spare views it has, from 1; 0: none */
  double session; /* number of the session that received it; 0: none */
  double received; /* when that was */
  struct smpp_pdu pdu; /* cut after its last parameter; the octets follow */
};

/* Pushes a userdata that owns a copy of |pdu| and its octets.  |session|: the number of the one that received it, or 0. */
struct view *push_view(lua_State *L, const struct smpp_pdu *pdu, double session);

enum { SPARE_SIZES = 2 };

struct spares {
  bool wanted; /* a view has been spent: new ones have the size of spare ones */
  int count[SPARE_SIZES];
};

/* Nobody uses the view at |index|, which is of this codec, any more: one that is pushed later may be it. */
void spare_view(lua_State *L, int index, struct view *v);

/* Marks the metatable on top as one of views, under a key that no script can make. */
void mark_view_metatable(lua_State *L);

/* The view at argument |arg|; raises on anything else. */
struct view *check_view(lua_State *L, int arg);
struct view *test_view(lua_State *L, int index);

/* Methods of views, each a closure over the codec. */
extern const luaL_Reg view_methods[];
int view_index(lua_State *L);
int codec_selector(lua_State *L);

/* ---- drafts: what Lua wants to send (bind_draft.c) ---- */

#define DRAFT_TLVS_MAX 128

struct draft {
  struct smpp_message message;
  bool has_status, has_sequence, drops_tlvs;
  uint32_t command_id; /* 0: not given */
  uint32_t given[16];  /* derived fields given, by ITEM_.., to be compared */
  uint16_t given_set;
  uint32_t numbers[DRAFT_TLVS_MAX]; /* wire form of TLVs that are numbers */
  struct smpp_tlv_out named[DRAFT_TLVS_MAX];
  bool dropped[DRAFT_TLVS_MAX]; /* smpp.none */
  size_t named_count;
  const struct smpp_pdu *base; /* what a change starts from, or NULL */
};

/* Reads the table at |index| into |draft|, which points into strings and userdata
 * left on the stack: keep them until the PDU is written.  The table itself keeps
 * nothing alive: a finalizer that runs meanwhile may empty it.  |command|:
 * NULL: the table names it.  |base|: a view's PDU that the table changes.
 * 0, or the count of values pushed: nil, message, code.  Raises on misuse. */
int read_draft(lua_State *L, int index, const struct smpp_command *command, const struct smpp_pdu *base,
               uint8_t version, struct draft *draft);

/* As read_draft of the usual table: its keys are parameters of the command, its values strings and numbers of their kinds.  Nothing is left
 * on the stack: the table keeps its strings, as long as Lua allocates nothing.  false: another table, which read_draft reads.  Never raises. */
bool read_usual(lua_State *L, int index, const struct smpp_command *command, struct smpp_message *message);

/* Pushes nil, message, code for what smpp_pdu_encode refused. */
int push_pdu_fault(lua_State *L, int error, const struct smpp_fault *fault, const struct draft *draft);

/* command_status at |index|: number, or a name or alias.  False: neither. */
bool to_status(lua_State *L, int index, uint32_t *status);

/* ---- sessions (bind_session.c) ---- */
extern const luaL_Reg session_methods[];
int session_new(lua_State *L);
int session_gc(lua_State *L);
void smpp_open_session(lua_State *L); /* session_events of the module's table, on top */

/* ---- what sessions count (bind_tally.c) ---- */
struct smpp_tally;
/* The tally at |index|, NULL: nil.  Raises on anything else. */
struct smpp_tally *opt_tally(lua_State *L, int index);
void smpp_open_tally(lua_State *L);
struct smpp_counts;
/* The counts at |index|, likewise (bind_counts.c). */
struct smpp_counts *opt_counts(lua_State *L, int index);
void smpp_open_counts(lua_State *L);
void smpp_open_digest(lua_State *L);
void smpp_open_notify(lua_State *L); /* notify, process_id */
void smpp_open_lock(lua_State *L);   /* lock */

#endif
