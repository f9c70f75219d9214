/* bind_records.c - the records of a store in memory: all kinds, their limits, commits of changes, queries. */
#include "bind_records.h"

#include <string.h>

#include "binding.h"
#include "smpp/alloc.h"

enum { CHANGES_AT_ONCE = 8, RECORD_OCTETS = 120, FIND_LIMIT = 100 };

#define WHOLE_MAX 9007199254740992.0 /* 2^53 */
#define RESERVE 1.1 /* changes that finish messages are accepted up to this multiple of max_octets */

struct store *check_store(lua_State *L) {
  struct store *store = lua_touserdata(L, 1);
  bool is_one = store != NULL && lua_getmetatable(L, 1);
  if (is_one) {
    is_one = lua_rawequal(L, -1, UP_METATABLE);
    lua_pop(L, 1);
  }
  luaL_argcheck(L, is_one, 1, "expected records");
  return store;
}

/* The kind whose name is at |index|. */
struct records_kind *check_kind(lua_State *L, struct store *store, int index) {
  const char *name = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : NULL;
  for (unsigned i = 0; name != NULL && i < store->count; i++) {
    if (strcmp(store->kinds[i].name, name) == 0) return &store->kinds[i];
  }
  luaL_error(L, "unknown kind of records '%s'", name != NULL ? name : luaL_typename(L, index));
  return NULL;
}

static bool has_finals(const struct records_kind *kind) { return kind->records.kind.final_count > 0; }

/* Of all records, with what they take besides. */
static double octets_of(const struct store *store) {
  double octets = 0;
  for (unsigned i = 0; i < store->count; i++) octets += (double)store->kinds[i].records.octets + (double)store->kinds[i].records.count * RECORD_OCTETS;
  return octets;
}

void copy_record(lua_State *L, struct record_copy *copy, const struct smpp_records *records, uint32_t slot) {
  uint64_t serial = smpp_records_serial(records, slot);
  uint32_t length = records->slots[slot].length;
  copy->in.is_bad = false;
  uint8_t *octets = copy->small;
  if (length > COPY_OCTETS) {
    octets = lua_newuserdatauv(L, length, 0);
    bool is_there = smpp_records_is(records, slot, serial); /* a finalizer may have removed or shortened it */
    if (!is_there || records->slots[slot].length < length) length = is_there ? records->slots[slot].length : 0;
  } else {
    lua_pushnil(L);
  }
  if (length > 0) memcpy(octets, records->slots[slot].octets, length);
  copy->in = smpp_record_in(octets, length);
}

/* Pushes a record as callers get it: with its serial. */
static void push_record(lua_State *L, const struct smpp_records *records, uint32_t slot, const struct record_places *wanted) {
  struct record_copy copy;
  uint64_t serial = smpp_records_serial(records, slot);
  copy_record(L, &copy, records, slot);
  if (!record_push(L, copy.in, wanted)) luaL_error(L, "malformed record");
  lua_pushliteral(L, "serial");
  push_u64(L, serial);
  lua_rawset(L, -3);
  lua_remove(L, -2); /* the copy */
}

/* ---- making one ---- */

static uint8_t place_of_name(lua_State *L, const char *what) {
  uint8_t place = lua_type(L, -1) == LUA_TSTRING ? record_place_of(L, -1) : 0;
  if (place == 0) luaL_error(L, "%s: expected one of the names", what);
  return place;
}

/* The groups in the table on top, those with the most fields first. */
static void read_groups(lua_State *L, struct smpp_record_kind *kind) {
  for (unsigned wanted = SMPP_GROUP_FIELDS_MAX; wanted > 0; wanted--) {
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
      lua_getfield(L, -1, "fields");
      luaL_checktype(L, -1, LUA_TTABLE);
      unsigned count = (unsigned)lua_rawlen(L, -1);
      luaL_argcheck(L, count > 0 && count <= SMPP_GROUP_FIELDS_MAX, 1, "expected one to three fields in a group");
      if (count == wanted) {
        luaL_argcheck(L, kind->group_count < SMPP_GROUPS_MAX, 1, "expected two groups at most");
        for (unsigned i = 0; i < count; i++) {
          lua_rawgeti(L, -1, (int)i + 1);
          kind->groups[kind->group_count].fields[i] = place_of_name(L, "fields of a group");
          lua_pop(L, 1);
        }
        lua_getfield(L, -2, "open");
        kind->groups[kind->group_count].is_open = lua_toboolean(L, -1);
        kind->groups[kind->group_count++].field_count = count;
        lua_pop(L, 1);
      }
      lua_pop(L, 1);
    }
  }
}

static void read_final(lua_State *L, struct smpp_record_kind *kind) {
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    size_t length = 0;
    const char *state = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &length) : "";
    luaL_argcheck(L, length < SMPP_STATE_OCTETS_MAX && kind->final_count < SMPP_FINAL_STATES_MAX, 1, "expected a few short final states");
    memcpy(kind->final[kind->final_count++], state, length + 1);
  }
}

/* The kind in the table on top, with its name below. */
static void read_kind(lua_State *L, struct store *store, const uint32_t seed[2]) {
  struct smpp_record_kind kind;
  luaL_argcheck(L, store->count < RECORDS_KINDS_MAX && lua_type(L, -2) == LUA_TSTRING && lua_rawlen(L, -2) < RECORDS_NAME_MAX, 1, "expected a few kinds by name");
  struct records_kind *out = &store->kinds[store->count];
  memcpy(out->name, lua_tostring(L, -2), lua_rawlen(L, -2) + 1);
  memset(&kind, 0, sizeof kind);
  lua_pushliteral(L, "key");
  kind.key = place_of_name(L, "key");
  lua_pushliteral(L, "state");
  kind.state = place_of_name(L, "state");
  lua_pop(L, 2);
  if (lua_getfield(L, -1, "final") == LUA_TTABLE) {
    read_final(L, &kind);
    store->message = (int)store->count;
  }
  lua_pop(L, 1);
  if (lua_getfield(L, -1, "age") != LUA_TNIL) out->age = place_of_name(L, "age");
  kind.expires = out->age != 0;
  lua_pop(L, 1);
  if (lua_getfield(L, -1, "groups") == LUA_TTABLE) read_groups(L, &kind);
  lua_pop(L, 1);
  smpp_records_init(&out->records, &kind, seed);
  store->count++;
}

static void clear(struct store *store) {
  for (unsigned i = 0; i < store->count; i++) smpp_records_clear(&store->kinds[i].records);
  smpp_free(store->draft.octets);
  memset(&store->draft, 0, sizeof store->draft);
}

static int records_gc(lua_State *L) {
  clear(check_store(L));
  return 0;
}

/* ---- limits ---- */

static double check_limit(lua_State *L, int arg) {
  double limit = (double)luaL_checknumber(L, arg);
  luaL_argcheck(L, limit >= 0, arg, "expected a number from 0");
  return limit;
}

/* configure(limit, max_octets, keep_final) */
static int records_configure(lua_State *L) {
  struct store *store = check_store(L);
  store->limit = check_limit(L, 2);
  store->max_octets = check_limit(L, 3);
  store->keep_final = check_limit(L, 4);
  return 0;
}

void keep_few(struct store *store, struct records_kind *kind) {
  if (!has_finals(kind)) return;
  while (kind->records.final_count > store->keep_final) smpp_records_remove(&kind->records, kind->records.ended_first);
}

/* Whether so many more octets fit; removes final messages if needed. */
static bool has_room(struct store *store, double octets, double max) {
  double used = octets_of(store);
  struct smpp_records *records = store->message >= 0 ? &store->kinds[store->message].records : NULL;
  while (used + octets > max) {
    if (records == NULL || records->final_count == 0) return false;
    used -= (double)records->slots[records->ended_first].length + RECORD_OCTETS;
    smpp_records_remove(records, records->ended_first);
  }
  return true;
}

/* load() -> messages that are not final, octets of all records, and octets taken for them */
static int records_load(lua_State *L) {
  const struct store *store = check_store(L);
  size_t memory = 0;
  const struct smpp_records *messages = store->message >= 0 ? &store->kinds[store->message].records : NULL;
  for (unsigned i = 0; i < store->count; i++) memory += smpp_records_memory(&store->kinds[i].records);
  push_u64(L, messages != NULL ? messages->count - messages->final_count : 0);
  push_u64(L, (uint64_t)octets_of(store));
  push_u64(L, memory);
  return 3;
}

/* ---- commits ---- */

int refuse_commit(lua_State *L, const char *message, const char *code) {
  lua_pushnil(L);
  lua_pushstring(L, message);
  lua_pushstring(L, code);
  return 3;
}

static enum change_op check_op(lua_State *L, int table) {
  const char *op = lua_getfield(L, table, "op") == LUA_TSTRING ? lua_tostring(L, -1) : luaL_typename(L, -1);
  enum change_op found = ADD;
  if (strcmp(op, "change") == 0) found = CHANGE;
  else if (strcmp(op, "remove") == 0) found = REMOVE;
  else if (strcmp(op, "add") != 0) luaL_error(L, "op: expected add, change or remove, got %s", op);
  lua_pop(L, 1);
  return found;
}

void count_addition(struct commit *commit, const struct change *change) { commit->octets += (double)change->size + RECORD_OCTETS; }

/* Checks an addition, the table at |table|, and writes its octets.  Returns how many values it has pushed, if it is refused. */
static int check_addition(lua_State *L, struct commit *commit, struct change *change, int table) {
  if (lua_getfield(L, table, "record") != LUA_TTABLE) return luaL_error(L, "record: expected a table, got a %s", luaL_typename(L, -1));
  int record = lua_gettop(L);
  size_t length;
  lua_pushliteral(L, "key");
  if (lua_rawget(L, record) != LUA_TSTRING) return luaL_error(L, "invalid record: expected a string as key");
  const char *key = lua_tolstring(L, -1, &length);
  if (smpp_records_find(&change->kind->records, key, length) != SMPP_NO_SLOT) return refuse_commit(L, "duplicate key", "duplicate");
  lua_pushliteral(L, "state");
  const char *state = lua_rawget(L, record) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : "";
  if (has_finals(change->kind) && !smpp_records_is_final(&change->kind->records.kind, state, *state != '\0' ? length : 0)) commit->opened++;
  struct view *view = lua_getfield(L, table, "pdu") != LUA_TNIL ? check_view(L, lua_gettop(L)) : NULL;
  record_write_table(&commit->out, record, view != NULL ? &view->pdu : NULL);
  change->size = commit->out.size - change->at;
  count_addition(commit, change);
  return 0;
}

/* The same for a change or a removal. */
static int check_change(lua_State *L, struct commit *commit, struct change *change, int table) {
  const struct smpp_records *records = &change->kind->records;
  size_t length;
  if (lua_getfield(L, table, "key") != LUA_TSTRING) return luaL_error(L, "key: expected a string, got a %s", luaL_typename(L, -1));
  const char *key = lua_tolstring(L, -1, &length);
  uint32_t slot = smpp_records_find(records, key, length);
  if (slot == SMPP_NO_SLOT) return refuse_commit(L, "conflict: unknown record", "conflict");
  change->slot = slot;
  change->serial = smpp_records_serial(records, slot);
  if (lua_getfield(L, table, "from") != LUA_TNIL) {
    const char *from = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : NULL;
    if (from == NULL || !smpp_records_has_state(records, slot, from, length)) return refuse_commit(L, "conflict: the record has another state", "conflict");
  }
  if (change->op == REMOVE) return 0;
  uint32_t old = records->slots[slot].length;
  struct record_copy copy;
  copy_record(L, &copy, records, slot);
  if (lua_getfield(L, table, "set") != LUA_TTABLE) return luaL_error(L, "set: expected a table, got a %s", luaL_typename(L, -1));
  lua_getfield(L, table, "clear");
  if (!record_write_changed(&commit->out, copy.in, lua_gettop(L) - 1, lua_gettop(L))) return luaL_error(L, "malformed record");
  commit->octets += (double)(commit->out.size - change->at) - old;
  return 0;
}

/* Pushes a whole number as text, for messages. */
static const char *text_of(lua_State *L, double number) {
  push_u64(L, (uint64_t)(number < WHOLE_MAX ? number : WHOLE_MAX));
  return lua_tostring(L, -1);
}

static int check_limits(lua_State *L, const struct commit *commit) {
  struct store *store = commit->store;
  if (commit->opened > 0) {
    const struct smpp_records *messages = &store->kinds[store->message].records;
    uint32_t open = messages->count - messages->final_count;
    if ((double)open + commit->opened > store->limit) {
      lua_pushfstring(L, "store full: %s messages are queued, limit %s", text_of(L, open), text_of(L, store->limit));
      return refuse_commit(L, lua_tostring(L, -1), "queue_full");
    }
  }
  if (commit->octets > 0 && !has_room(store, commit->octets, commit->opened > 0 ? store->max_octets : store->max_octets * RESERVE)) {
    lua_pushfstring(L, "store full: %s octets, limit %s", text_of(L, octets_of(store)), text_of(L, store->max_octets));
    return refuse_commit(L, lua_tostring(L, -1), "queue_full");
  }
  return 0;
}

/* Takes the memory that the changes need; false: there is none, and nothing has changed. */
static bool take_memory(const struct commit *commit, struct change *changes, size_t count) {
  size_t i;
  bool ok = true;
  for (i = 0; i < count && ok; i++) {
    struct change *change = &changes[i];
    change->octets = NULL;
    if (change->op == REMOVE) continue;
    change->octets = smpp_realloc(NULL, change->size + 1); /* + 1: never 0 */
    ok = change->octets != NULL && change->size <= RECORD_OCTETS_MAX;
    if (ok) memcpy(change->octets, commit->out.octets + change->at, change->size);
    if (ok && change->op == ADD) ok = smpp_records_reserve(&change->kind->records, (uint32_t)(count - i)) == 0; /* at most */
  }
  for (; !ok && i > 0; i--) smpp_free(changes[i - 1].octets);
  return ok;
}

static void apply(struct store *store, const struct change *change, bool is_only) {
  struct smpp_records *records = &change->kind->records;
  size_t length;
  if (change->op == ADD) {
    const char *key = is_only ? NULL : smpp_record_string(change->octets, change->size, records->kind.key, &length);
    if (key != NULL && smpp_records_find(records, key, length) != SMPP_NO_SLOT) smpp_free(change->octets); /* twice in one commit */
    else (void)smpp_records_add(records, change->octets, (uint32_t)change->size);
  } else {
    if (!smpp_records_is(records, change->slot, change->serial)) smpp_free(change->octets); /* it was final, and was removed to make room */
    else if (change->op == CHANGE) smpp_records_replace(records, change->slot, change->octets, (uint32_t)change->size);
    else smpp_records_remove(records, change->slot);
  }
  keep_few(store, change->kind);
}

void begin_commit(lua_State *L, struct store *store, struct commit *commit) {
  commit->store = store;
  commit->changes = store->changes;
  commit->octets = 0;
  commit->opened = 0;
  record_out_init(&commit->out, L);
}

int perform_commit(lua_State *L, struct commit *commit, struct change *changes, size_t count) {
  struct store *store = commit->store;
  if (store->changes != commit->changes) return refuse_commit(L, "conflict: changed by a finalizer", "conflict");
  int refused = check_limits(L, commit);
  if (refused > 0) return refused;
  if (!take_memory(commit, changes, count)) return refuse_commit(L, "out of memory", "store_failed");
  for (size_t i = 0; i < count; i++) apply(store, &changes[i], count == 1);
  for (size_t i = 0; i < count; i++) smpp_records_trim(&changes[i].kind->records);
  store->changes++;
  lua_pushboolean(L, 1);
  return 1;
}

/* commit(changes) -> true; nil, message, code: nothing has changed.  All changes, or none; each key may be in them once. */
static int records_commit(lua_State *L) {
  struct store *store = check_store(L);
  struct commit commit;
  struct change few[CHANGES_AT_ONCE], *changes = few;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  size_t count = lua_rawlen(L, 2);
  if (count > CHANGES_AT_ONCE) changes = lua_newuserdatauv(L, count * sizeof *changes, 0);
  else lua_pushnil(L);
  begin_commit(L, store, &commit);
  int top = lua_gettop(L), refused = 0;
  for (size_t i = 0; i < count; i++) {
    if (lua_rawgeti(L, 2, (int)i + 1) != LUA_TTABLE) return luaL_error(L, "expected a list of changes");
    int table = top + 1;
    lua_getfield(L, table, "kind");
    changes[i] = (struct change){check_op(L, table), check_kind(L, store, top + 2), 0, SMPP_NO_SLOT, commit.out.size, 0, NULL};
    refused = changes[i].op == ADD ? check_addition(L, &commit, &changes[i], table) : check_change(L, &commit, &changes[i], table);
    if (refused > 0) return refused;
    changes[i].size = commit.out.size - changes[i].at;
    lua_settop(L, top);
  }
  return perform_commit(L, &commit, changes, count);
}

/* ---- reading ---- */

/* get(kind, key [, wanted]) -> record; nothing: it is unknown.  wanted: of codec.wanted */
static int records_get(lua_State *L) {
  struct store *store = check_store(L);
  const struct smpp_records *records = &check_kind(L, store, 2)->records;
  size_t length;
  const char *key = luaL_checklstring(L, 3, &length);
  uint32_t slot = smpp_records_find(records, key, length);
  if (slot == SMPP_NO_SLOT) return 0;
  push_record(L, records, slot, lua_touserdata(L, 4));
  return 1;
}

static double number_field(lua_State *L, int table, const char *name, double absent) {
  double number = lua_getfield(L, table, name) == LUA_TNUMBER ? (double)lua_tonumber(L, -1) : absent;
  lua_pop(L, 1);
  return number;
}

static bool flag_field(lua_State *L, int table, const char *name) {
  lua_getfield(L, table, name);
  bool is_set = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return is_set;
}

/* The fields of a group in the query at 2, left on the stack; false: it lacks one. */
static bool read_fields(lua_State *L, const struct smpp_record_kind *kind, unsigned group, struct smpp_octets field[SMPP_GROUP_FIELDS_MAX]) {
  for (unsigned i = 0; i < kind->groups[group].field_count; i++) {
    lua_rawgeti(L, UP_RECORD_NAMES, kind->groups[group].fields[i]);
    lua_rawget(L, 2);
    field[i].at = lua_tolstring(L, -1, &field[i].length);
    if (field[i].at == NULL) return false;
  }
  return true;
}

/* The narrowest range for the query at 2. */
static void read_range(lua_State *L, struct smpp_records *records, bool is_open, struct smpp_records_range *range) {
  struct smpp_octets field[SMPP_GROUP_FIELDS_MAX];
  for (unsigned i = 0; i < records->kind.group_count; i++) {
    if ((records->kind.groups[i].is_open && !is_open) || !read_fields(L, &records->kind, i, field)) continue;
    if (smpp_records_group(records, (int)i, field, range) != 0) luaL_error(L, "out of memory");
    return;
  }
}

/* find(query) -> list of records */
static int records_find(lua_State *L) {
  struct store *store = check_store(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  lua_getfield(L, 2, "kind");
  struct records_kind *kind = check_kind(L, store, 3);
  struct smpp_records *records = &kind->records;
  bool is_open = flag_field(L, 2, "open");
  double after = number_field(L, 2, "after", -1), limit = number_field(L, 2, "limit", FIND_LIMIT);
  size_t most = limit >= records->count ? records->count : limit > 1 ? (size_t)limit : 1, found = 0;
  uint64_t *serials = lua_newuserdatauv(L, (most > 0 ? most : 1) * sizeof *serials, 0);
  struct smpp_records_range range = {-1, SMPP_NO_SLOT, flag_field(L, 2, "newest")};
  luaL_checkstack(L, SMPP_GROUPS_MAX * SMPP_GROUP_FIELDS_MAX + 8, "query");
  read_range(L, records, is_open, &range);
  uint32_t slot = after >= 0 ? smpp_records_after(records, &range, (uint64_t)(after < WHOLE_MAX ? after : WHOLE_MAX)) : smpp_records_first(records, &range);
  for (; slot != SMPP_NO_SLOT && found < most; slot = smpp_records_next(records, &range, slot)) {
    if (!(is_open && has_finals(kind) && records->slots[slot].is_final)) serials[found++] = smpp_records_serial(records, slot);
  }
  lua_createtable(L, (int)found, 0);
  int n = 0;
  for (size_t i = 0; i < found; i++) {
    slot = smpp_records_at(records, serials[i]);
    if (slot == SMPP_NO_SLOT) continue; /* a finalizer has removed it */
    push_record(L, records, slot, NULL);
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}

/* discard(kind, before): removes final messages, and other records that expire, older than that */
static int records_discard(lua_State *L) {
  struct store *store = check_store(L);
  struct records_kind *kind = check_kind(L, store, 2);
  double before = (double)luaL_checknumber(L, 3), age;
  while (kind->records.final_count > 0) {
    const struct smpp_stored *stored = &kind->records.slots[kind->records.ended_first];
    struct smpp_record_in in = smpp_record_in(stored->octets, stored->length);
    if (!smpp_record_take_number(&in, smpp_record_find(&in, kind->age), &age)) age = 0;
    if (age >= before) break;
    smpp_records_remove(&kind->records, kind->records.ended_first);
  }
  smpp_records_trim(&kind->records);
  store->changes++;
  return 0;
}

/* records(kinds, over, seed) -> records in memory, without limits: `kinds` and `over` of smpp.store.kinds, eight unpredictable octets */
int records_new(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"configure", records_configure}, {"load", records_load},           {"commit", records_commit},
      {"add_due", records_add_due},     {"commit_due", records_commit_due}, {"finish_due", records_finish_due}, {"draft_due", records_draft_due},
      {"octets_at", records_octets_at}, {"remove_at", records_remove_at},   {"get", records_get},
      {"find", records_find},           {"discard", records_discard},
      {NULL, NULL}};
  static const luaL_Reg events[] = {{"__gc", records_gc}, {NULL, NULL}};
  uint32_t seed[2];
  size_t length;
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  const char *octets = luaL_checklstring(L, 3, &length);
  luaL_argcheck(L, length == sizeof seed, 3, "expected 8 octets");
  memcpy(seed, octets, sizeof seed);
  lua_settop(L, 3);
  struct store *store = lua_newuserdatauv(L, sizeof *store, 0); /* at 4 */
  memset(store, 0, sizeof *store);
  store->message = -1;
  store->limit = store->max_octets = store->keep_final = WHOLE_MAX;
  read_places(L, store);
  lua_newtable(L); /* its metatable, at 5 */
  lua_pushvalue(L, UP_RECORD_NAMES);
  lua_pushvalue(L, UP_RECORD_PARAMS);
  push_finisher(L, 2); /* at 8 */
  lua_createtable(L, 0, 8);
  for (int i = 6; i <= 8; i++) lua_pushvalue(L, i);
  lua_pushvalue(L, 5);
  luaL_setfuncs(L, methods, 4);
  lua_setfield(L, 5, "__index");
  for (int i = 6; i <= 8; i++) lua_pushvalue(L, i);
  lua_pushvalue(L, 5);
  lua_pushvalue(L, 5);
  lua_insert(L, -5);
  luaL_setfuncs(L, events, 4);
  lua_pushliteral(L, "smpp.records");
  lua_setfield(L, 5, "__metatable");
  lua_pushvalue(L, 5);
  lua_setmetatable(L, 4);
  for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
    luaL_checktype(L, -1, LUA_TTABLE);
    read_kind(L, store, seed);
  }
  lua_pushvalue(L, 4);
  return 1;
}
