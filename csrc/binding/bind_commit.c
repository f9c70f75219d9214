/* bind_commit.c - what `committer` of core.record makes: the changes of a commit as words of a command, which scripts of a store in an
 * engine read (smpp.store.valkey_scripts).  What most changes of a kind have in common is one word, their form. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bind_record.h"
#include "binding.h"

#define UP_COMMIT_AGES lua_upvalueindex(4) /* kind -> name of the field with its age, or false */

enum { TEXT_MAX = 400 }; /* octets of any number with six places behind its point */

/* Parts of a form, in their order. */
enum { OP, KIND, FROM, GUARD, TO, HOME, MOST, SETS, STATE, NAMES, PARTS };

struct part {
  const char *octets;
  size_t length;
};

struct committer {
  struct record_places without[4]; /* of a record: the key; the state, but for 1; the id, but for 2 */
  struct record_places state;      /* of what a change sets */
  bool is_shared;
};

/* A commit that is written; strings that parts point to are on Lua's stack. */
struct commit {
  lua_State *L;
  struct record_out out, record;
  const struct committer *rules;
  int words;
};

static void put_word(struct commit *c, const char *octets, size_t length) {
  resp_put_word(&c->out, octets, length);
  c->words++;
}

/* A time with 0, 3 or 6 places behind the point. */
static void put_time(struct commit *c, int places, double time) {
  char text[TEXT_MAX], *end = text + sizeof text;
  double scaled = floor(time * (places == 6 ? 1e6 : places == 3 ? 1e3 : 1) + 0.5);
  if (!(time >= 0 && scaled < 9e15)) { /* not a number, or too large */
    put_word(c, text, (size_t)snprintf(text, sizeof text, "%.*f", places, time)); /* it fits */
    return;
  }
  uint64_t units = (uint64_t)scaled;
  for (int i = 0; i < places; i++, units /= 10) *--end = (char)('0' + units % 10);
  if (places > 0) *--end = '.';
  end = resp_put_digits(end, units);
  put_word(c, end, (size_t)(text + sizeof text - end));
}

/* The value on top, which stays on the stack: a string, or a number as one; nothing where there is none. */
static struct part part_of(lua_State *L, const char *name) {
  struct part part = {"", 0};
  if (!lua_toboolean(L, -1)) return part;
  if (!lua_isstring(L, -1)) luaL_error(L, "invalid change: %s: expected a string, got a %s", name, luaL_typename(L, -1));
  part.octets = lua_tolstring(L, -1, &part.length);
  return part;
}

static struct part field_of(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  return part_of(L, name);
}

static struct part literal(const char *text) { return (struct part){text, strlen(text)}; }

static bool is(struct part part, const char *text) { return part.length == strlen(text) && memcmp(part.octets, text, part.length) == 0; }

static void put_form(struct commit *c, const struct part form[PARTS]) {
  char sizes[PARTS * 21], *end = sizes + sizeof sizes;
  size_t length = 0;
  for (int i = PARTS - 1; i >= 0; i--) {
    *--end = i == PARTS - 1 ? ':' : ',';
    end = resp_put_digits(end, form[i].length);
    length += form[i].length;
  }
  size_t head = (size_t)(sizes + sizeof sizes - end);
  resp_put_head(&c->out, '$', head + length);
  record_put_octets(&c->out, end, head);
  for (int i = 0; i < PARTS; i++) record_put_octets(&c->out, form[i].octets, form[i].length);
  record_put_octets(&c->out, "\r\n", 2);
  c->words++;
}

/* Can the head of a record say this state?  The value is on top. */
static bool is_plain(lua_State *L) {
  size_t length;
  if (lua_type(L, -1) != LUA_TSTRING) return false;
  const char *state = lua_tolstring(L, -1, &length);
  return length > 0 && memchr(state, '\n', length) == NULL;
}

/* Writes the record at |index|, whose key is at |key|: its state and whether its id is its key are parts of the form.  Leaves the state on the stack. */
static void write_record(struct commit *c, int index, int key, struct part *state, struct part *same) {
  lua_State *L = c->L;
  lua_getfield(L, index, "id");
  bool is_same = !lua_isnil(L, -1) && lua_rawequal(L, -1, key);
  lua_pop(L, 1);
  lua_getfield(L, index, "state");
  bool is_said = lua_isnil(L, -1) || is_plain(L);
  *state = is_said ? part_of(L, "state") : (struct part){"", 0};
  *same = literal(is_same ? "i" : "");
  record_put_fields(&c->record, index, &c->rules->without[(is_said ? 0 : 1) + (is_same ? 0 : 2)]);
}

/* Writes what the table at |set| sets, which may be nil.  Leaves the state on the stack. */
static void write_set(struct commit *c, int set, struct part form[PARTS]) {
  lua_State *L = c->L;
  if (lua_isnil(L, set)) return;
  luaL_checktype(L, set, LUA_TTABLE);
  lua_getfield(L, set, "state");
  bool is_said = is_plain(L);
  if (!lua_isnil(L, -1)) form[SETS] = literal("=");
  if (is_said) form[STATE] = part_of(L, "state");
  record_put_fields(&c->record, set, is_said ? &c->rules->state : NULL);
}

/* Writes the names of a list, each as a field that is true. */
static void write_names(struct commit *c, int list) {
  lua_State *L = c->L;
  int count = lua_istable(L, list) ? (int)lua_rawlen(L, list) : 0;
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, list, i);
    if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "names to clear are strings, got a %s", luaL_typename(L, -1));
    record_put_name(&c->record, -1);
    record_put_octet(&c->record, SMPP_RECORD_TRUE);
    lua_pop(L, 1);
  }
}

/* Puts the age of a kind that has one, of the table at |index|: a number of that name, or nothing. */
static void put_age(struct commit *c, int index, int age) {
  lua_State *L = c->L;
  if (lua_type(L, age) != LUA_TSTRING) return;
  if (lua_istable(L, index)) {
    lua_pushvalue(L, age);
    lua_gettable(L, index);
    if (lua_type(L, -1) == LUA_TNUMBER) {
      double number = (double)lua_tonumber(L, -1);
      lua_pop(L, 1);
      char text[TEXT_MAX];
      if (c->rules->is_shared) put_time(c, 0, floor(number));
      else put_word(c, text, (size_t)snprintf(text, sizeof text, "%.17g", number)); /* it fits */
      return;
    }
    lua_pop(L, 1);
  }
  put_word(c, "", 0);
}

static void put_record(struct commit *c, size_t from) { put_word(c, (const char *)c->record.octets + from, c->record.size - from); }

/* Puts when the record is due at its place, and when it is over. */
static void put_times(struct commit *c, int place) {
  lua_State *L = c->L;
  lua_getfield(L, place, "due");
  put_time(c, 6, luaL_checknumber(L, -1));
  lua_getfield(L, place, "over");
  if (lua_toboolean(L, -1)) put_time(c, 3, luaL_checknumber(L, -1));
  else put_word(c, "", 0);
  lua_pop(L, 2);
}

static void put_count(struct commit *c, int set) {
  static const char *const names[] = {"by", "least", "most", "per_s"};
  lua_State *L = c->L;
  luaL_checktype(L, set, LUA_TTABLE);
  for (int i = 0; i < 4; i++) {
    lua_getfield(L, set, names[i]);
    if (!lua_toboolean(L, -1)) {
      lua_pop(L, 1);
      lua_pushliteral(L, "");
    }
    if (!resp_put_value(&c->out)) luaL_error(L, "invalid change: %s: expected a finite number", names[i]);
    c->words++;
    lua_pop(L, 1);
  }
}

static int raise_at_caller(lua_State *L, const char *format, const char *word) {
  luaL_where(L, 2);
  lua_pushfstring(L, format, word);
  lua_concat(L, 2);
  return lua_error(L);
}

/* Puts the words of the change on top of the stack. */
static void put_change(struct commit *c) {
  lua_State *L = c->L;
  struct part form[PARTS];
  int change = lua_gettop(L);
  luaL_checktype(L, change, LUA_TTABLE);
  for (int i = 0; i < PARTS; i++) form[i] = literal("");
  c->record.size = 0;

  form[KIND] = field_of(L, change, "kind");
  lua_pushvalue(L, -1);
  lua_rawget(L, UP_COMMIT_AGES);
  int age = lua_gettop(L);
  if (lua_isnil(L, age)) (void)raise_at_caller(L, "unknown kind of records '%s'", form[KIND].octets);
  form[OP] = field_of(L, change, "op");
  bool is_new = is(form[OP], "add"), is_count = is(form[OP], "count"), is_change = is(form[OP], "change");
  if (!is_new && !is_count && !is_change && !is(form[OP], "remove")) {
    lua_pushfstring(L, "op: expected add, change or remove, got %s", form[OP].octets);
    (void)lua_error(L);
  }
  lua_getfield(L, change, "record");
  int record = lua_gettop(L);
  if (is_new) luaL_checktype(L, record, LUA_TTABLE);
  lua_getfield(L, is_new ? record : change, "key");
  int key_at = lua_gettop(L);
  if (lua_type(L, key_at) != LUA_TSTRING) {
    lua_pushliteral(L, "invalid record: expected a string as key");
    (void)lua_error(L);
  }
  struct part key = part_of(L, "key");
  lua_getfield(L, change, "replaces");
  if (is_new && lua_toboolean(L, -1)) form[OP] = literal("put");
  form[FROM] = field_of(L, change, "from");
  struct part guard = field_of(L, change, "guard"), id = {NULL, 0};
  if (guard.length >= 3 && memcmp(guard.octets, "id:", 3) == 0) {
    id = (struct part){guard.octets + 3, guard.length - 3};
    guard = literal("id");
  }
  form[GUARD] = guard;
  lua_getfield(L, change, "place");
  int place = lua_gettop(L);
  bool is_placed = false;
  if (lua_istable(L, place)) {
    lua_rawgeti(L, place, 1);
    form[TO] = part_of(L, "place");
    is_placed = !is(form[TO], "none");
    if (is_placed) {
      form[HOME] = field_of(L, place, "home");
      form[MOST] = field_of(L, place, "most");
    }
  }
  lua_getfield(L, change, "set");
  int set = lua_gettop(L);
  size_t names = 0; /* octets of names before those of the record */
  if (is_new) {
    write_record(c, record, key_at, &form[STATE], &form[NAMES]);
  } else if (is_change) {
    lua_getfield(L, change, "whole");
    lua_getfield(L, change, "rest");
    struct part rest = part_of(L, "rest"), ignored;
    if (lua_toboolean(L, -2)) {
      luaL_checktype(L, -2, LUA_TTABLE);
      form[SETS] = literal("=");
      write_record(c, set + 1, key_at, &form[STATE], &ignored);
    } else {
      if (!lua_toboolean(L, -1)) {
        lua_getfield(L, change, "clear");
        write_names(c, lua_gettop(L));
        names = c->record.size;
      }
      record_put_octets(&c->record, rest.octets, rest.length);
      write_set(c, set, form);
    }
    if (lua_toboolean(L, set + 1) || lua_toboolean(L, set + 2)) form[NAMES] = literal("*");
    else form[NAMES] = (struct part){(const char *)c->record.octets, names};
  }
  put_form(c, form);
  put_word(c, key.octets, key.length);
  if (is_placed) put_times(c, place);
  if (id.octets != NULL) put_word(c, id.octets, id.length);
  if (is_new || is_change) {
    put_age(c, is_new ? record : set, age);
    put_record(c, names);
  } else if (is_count) {
    put_count(c, set);
  }
}

/* What `committer` makes: (changes) -> octets of the words, how many.  Raises for what is no change, or not plain data. */
static int commit_write(lua_State *L) {
  struct commit c;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  luaL_checkstack(L, 40, "commit");
  c.L = L;
  c.rules = lua_touserdata(L, UP_RECORD_WANTED);
  c.words = 1;
  record_out_init(&c.out, L);
  record_out_init(&c.record, L);
  int base = lua_gettop(L), count = (int)lua_rawlen(L, 1);
  lua_pushinteger(L, count);
  (void)resp_put_value(&c.out); /* a whole number is a word */
  for (int i = 1; i <= count; i++) {
    lua_settop(L, base);
    lua_rawgeti(L, 1, i);
    put_change(&c);
  }
  lua_pushlstring(L, (const char *)c.out.octets, c.out.size);
  lua_pushinteger(L, c.words);
  return 2;
}

static uint8_t place_of(lua_State *L, const char *name) {
  lua_pushstring(L, name);
  uint8_t place = record_place_of(L, -1);
  lua_pop(L, 1);
  return place;
}

int record_committer(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  bool is_shared = lua_toboolean(L, 2);
  lua_settop(L, 1);
  lua_pushvalue(L, UP_RECORD_NAMES);
  lua_pushvalue(L, UP_RECORD_PARAMS);
  struct committer *rules = lua_newuserdatauv(L, sizeof *rules, 0);
  memset(rules, 0, sizeof *rules);
  rules->is_shared = is_shared;
  uint8_t key = place_of(L, "key"), state = place_of(L, "state"), id = place_of(L, "id");
  luaL_argcheck(L, key != 0 && state != 0 && id != 0, 1, "expected a codec that knows key, state and id");
  for (int i = 0; i < 4; i++) {
    record_add_place(&rules->without[i], key);
    if ((i & 1) == 0) record_add_place(&rules->without[i], state);
    if ((i & 2) == 0) record_add_place(&rules->without[i], id);
  }
  record_add_place(&rules->state, state);
  lua_pushvalue(L, 1);
  lua_pushcclosure(L, commit_write, 4);
  return 1;
}
