/* bind_records_due.c - the usual life of a message in a store in memory: it is added with its plan, and gets its planned state. */
#include "bind_records.h"

#include <string.h>

#include "binding.h"
#include "smpp/alloc.h"
#include "smpp/submit.h"

enum { TAG_USER_MESSAGE_REFERENCE = 0x0204 };

void read_places(lua_State *L, struct store *store) {
#define SUBMITTED_NAME(name) #name,
  static const char *const names[] = {SUBMITTED(SUBMITTED_NAME)};
#undef SUBMITTED_NAME
  for (int i = 0; i < SUBMITTED_FIELDS; i++) {
    lua_pushstring(L, names[i]);
    store->places[i] = record_place_of(L, -1);
    lua_pop(L, 1);
    if (store->places[i] == 0) luaL_error(L, "'%s' is not among the names", names[i]);
  }
}

/* ---- additions ---- */

struct writing {
  struct record_out *out;
  const uint8_t *places;
  struct record_places written;
};

static void begin_field(struct writing *w, int field) {
  record_put_octet(w->out, w->places[field]);
  record_add_place(&w->written, w->places[field]);
}

static void write_string(struct writing *w, int field, const char *octets, size_t length) {
  begin_field(w, field);
  record_put_string(w->out, octets, length);
}

static void write_number(struct writing *w, int field, double number) {
  begin_field(w, field);
  record_put_number(w->out, number);
}

/* The string at argument |arg|. */
static void write_argument(lua_State *L, struct writing *w, int field, int arg) {
  size_t length;
  const char *octets = luaL_checklstring(L, arg, &length);
  write_string(w, field, octets, length);
}

static void write_message(lua_State *L, struct writing *w, const struct smpp_pdu *pdu) {
  struct smpp_tlv reference;
  uint32_t length;
  const uint8_t *octets = smpp_submit_octets(pdu, SMPP_F_SHORT_MESSAGE, &length);
  write_argument(L, w, SUBMITTED_key, 3);
  write_argument(L, w, SUBMITTED_id, 3);
  write_string(w, SUBMITTED_state, "ENROUTE", 7);
  write_string(w, SUBMITTED_command, "submit_sm", 9);
  write_argument(L, w, SUBMITTED_system_id, 4);
  write_number(w, SUBMITTED_version, (double)luaL_checknumber(L, 5));
  if (!lua_isnil(L, 6)) write_number(w, SUBMITTED_bind, (double)luaL_checknumber(L, 6));
  write_number(w, SUBMITTED_submitted, (double)luaL_checknumber(L, 7));
  write_number(w, SUBMITTED_error, 0);
  if (lua_toboolean(L, 8)) {
    write_argument(L, w, SUBMITTED_planned, 8);
    write_number(w, SUBMITTED_planned_at, (double)luaL_checknumber(L, 9));
    write_number(w, SUBMITTED_planned_error, (double)luaL_checknumber(L, 10));
  } else {
    begin_field(w, SUBMITTED_planned);
    record_put_octet(w->out, SMPP_RECORD_FALSE);
  }
  if (!lua_isnil(L, 11)) write_number(w, SUBMITTED_expires, (double)luaL_checknumber(L, 11));
  if (smpp_pdu_find_tlv(pdu, TAG_USER_MESSAGE_REFERENCE, &reference) && reference.length == 2) /* other lengths are not an integer */
    write_number(w, SUBMITTED_user_message_reference, smpp_get_u16(reference.octets));
  write_string(w, SUBMITTED_octets, (const char *)octets, length);
  record_put_params(w->out, pdu, &w->written);
}

/* add_due(pdu, id, system_id, version, bind, now, planned, planned_at, planned_error, expires) -> true; nil, message, code.  A submit_sm
 * that is usual (smpp/submit.h) becomes a message that is ENROUTE, with its plan. */
int records_add_due(lua_State *L) {
  struct store *store = check_store(L);
  struct view *view = check_view(L, 2);
  struct commit commit;
  size_t length;
  const char *key = luaL_checklstring(L, 3, &length);
  luaL_argcheck(L, smpp_submit_is_usual(&view->pdu), 2, "expected a usual submit_sm");
  lua_settop(L, 11);
  if (store->message < 0) return luaL_error(L, "no kind has final states");
  begin_commit(L, store, &commit);
  struct records_kind *kind = &store->kinds[store->message];
  if (smpp_records_find(&kind->records, key, length) != SMPP_NO_SLOT) return refuse_commit(L, "duplicate key", "duplicate");
  struct writing writing = {&commit.out, store->places, {{0}, 0}};
  write_message(L, &writing, &view->pdu);
  struct change change = {ADD, kind, 0, SMPP_NO_SLOT, 0, commit.out.size, NULL};
  commit.opened = 1;
  count_addition(&commit, &change);
  return perform_commit(L, &commit, &change, 1);
}

/* ---- final states ---- */

/* The message whose key is at 2, with its planned state written to |out|; SMPP_NO_SLOT: there is nothing to do. */
static uint32_t finish(lua_State *L, struct store *store, struct record_copy *copy, const struct finishing *o, struct record_out *out, struct finished *done) {
  if (store->message < 0) return SMPP_NO_SLOT;
  const struct smpp_records *records = &store->kinds[store->message].records;
  size_t length;
  const char *key = luaL_checklstring(L, 2, &length);
  uint32_t slot = smpp_records_find(records, key, length);
  if (slot == SMPP_NO_SLOT) return slot;
  uint64_t changes = store->changes;
  copy_record(L, copy, records, slot);
  record_out_init(out, L);
  if (!record_write_finished(out, lua_touserdata(L, UP_FINISHER), copy->in, o, done)) return SMPP_NO_SLOT;
  return store->changes == changes ? slot : SMPP_NO_SLOT; /* else a finalizer has changed something */
}

/* finish_due(key, now, latest) -> state; nothing: nothing has changed */
int records_finish_due(lua_State *L) {
  struct store *store = check_store(L);
  struct finishing o = {(double)luaL_checknumber(L, 3), (double)luaL_checknumber(L, 4), false, false};
  struct record_copy copy;
  struct record_out out;
  struct finished done;
  uint32_t slot = finish(L, store, &copy, &o, &out, &done);
  if (slot == SMPP_NO_SLOT) return 0;
  struct records_kind *kind = &store->kinds[store->message];
  struct smpp_stored *stored = &kind->records.slots[slot];
  if (!smpp_records_is_final(&kind->records.kind, done.state, done.state_length) || out.size > stored->length) return 0;
  memcpy(stored->octets, out.octets, out.size);
  uint8_t *smaller = smpp_realloc(stored->octets, out.size);
  if (smaller == NULL) smaller = stored->octets;
  stored->octets = smaller;
  smpp_records_replace(&kind->records, slot, smaller, (uint32_t)out.size);
  keep_few(store, kind);
  smpp_records_trim(&kind->records);
  store->changes++;
  lua_pushlstring(L, done.state, done.state_length);
  return 1;
}

/* draft_due(key, now, latest, has_tlvs) -> state; if a receipt is asked for, also whom it goes to and bind.  Nothing changes before
 * commit_due. */
int records_draft_due(lua_State *L) {
  struct store *store = check_store(L);
  struct finishing o = {(double)luaL_checknumber(L, 3), (double)luaL_checknumber(L, 4), true, lua_toboolean(L, 5)};
  struct record_copy copy;
  struct record_out out;
  struct finished done;
  uint32_t slot = finish(L, store, &copy, &o, &out, &done);
  struct draft_of_record *draft = &store->draft;
  if (slot == SMPP_NO_SLOT || out.size > RECORD_OCTETS_MAX) return 0;
  if (draft->capacity < out.size) {
    uint8_t *larger = smpp_realloc(draft->octets, out.size);
    if (larger == NULL) return 0;
    draft->octets = larger;
    draft->capacity = (uint32_t)out.size;
  }
  memcpy(draft->octets, out.octets, out.size);
  draft->length = (uint32_t)out.size;
  memcpy(draft->receipt, done.receipt, done.receipt_length);
  draft->receipt_length = done.receipt_length;
  draft->has_bind = done.has_bind;
  draft->bind = done.bind;
  draft->slot = slot;
  draft->serial = smpp_records_serial(&store->kinds[store->message].records, slot);
  draft->changes = store->changes;
  lua_pushlstring(L, done.state, done.state_length);
  if (done.receipt_length == 0) return 1;
  lua_pushlstring(L, done.system_id, done.system_id_length);
  if (done.has_bind) lua_pushnumber(L, (lua_Number)done.bind);
  else lua_pushnil(L);
  return 3;
}

enum { ITEM_KEY_MAX = 64, ITEM_KEY_DIGITS = 20 };

/* The key of an item: the string at 4, and the number at 5 in decimal. */
static size_t write_item_key(lua_State *L, char out[ITEM_KEY_MAX]) {
  size_t length;
  const char *run = luaL_checklstring(L, 4, &length);
  lua_Number given = luaL_checknumber(L, 5);
  char digits[ITEM_KEY_DIGITS];
  int n = 0;
  luaL_argcheck(L, length <= ITEM_KEY_MAX - ITEM_KEY_DIGITS, 4, "expected at most 44 octets");
  luaL_argcheck(L, given >= 0 && given < 9007199254740992.0, 5, "expected a whole number");
  uint64_t number = (uint64_t)given;
  do digits[n++] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  memcpy(out, run, length);
  while (n > 0) out[length++] = digits[--n];
  return length;
}

/* The record of the receipt that was drafted. */
static void write_receipt_record(struct writing *w, const struct store *store, const char *key, size_t key_length, double since) {
  const struct draft_of_record *draft = &store->draft;
  size_t length;
  const char *system_id = smpp_record_string(draft->octets, draft->length, store->places[SUBMITTED_system_id], &length);
  write_string(w, SUBMITTED_key, key, key_length);
  write_string(w, SUBMITTED_system_id, system_id, length);
  write_string(w, SUBMITTED_octets, (const char *)draft->receipt, draft->receipt_length);
  write_number(w, SUBMITTED_since, since);
  if (draft->has_bind) write_number(w, SUBMITTED_bind, draft->bind);
}

/* The draft is of the message with this key? */
static bool is_drafted(const struct store *store, const struct smpp_records *messages, const char *key, size_t length) {
  const struct draft_of_record *draft = &store->draft;
  if (draft->receipt_length == 0 || draft->changes != store->changes || !smpp_records_is(messages, draft->slot, draft->serial)) return false;
  return smpp_records_has_key(messages, draft->slot, key, length);
}

/* commit_due(key, kind, run, number, since) -> serial; nil, message, code.  The message gets what draft_due has just drafted for it,
 * and its receipt becomes a record of another kind, whose key is run and number: all of it, or nothing. */
int records_commit_due(lua_State *L) {
  struct store *store = check_store(L);
  struct records_kind *items = check_kind(L, store, 3);
  struct commit commit;
  char item_key[ITEM_KEY_MAX];
  size_t length, item_length = write_item_key(L, item_key);
  const char *key = luaL_checklstring(L, 2, &length);
  double since = (double)luaL_checknumber(L, 6);
  if (store->message < 0 || items == &store->kinds[store->message]) return luaL_argerror(L, 3, "expected another kind");
  struct records_kind *kind = &store->kinds[store->message];
  begin_commit(L, store, &commit);
  if (!is_drafted(store, &kind->records, key, length)) return refuse_commit(L, "conflict: the record has changed", "conflict");
  if (smpp_records_find(&items->records, item_key, item_length) != SMPP_NO_SLOT) return refuse_commit(L, "duplicate key", "duplicate");
  const struct draft_of_record *draft = &store->draft;
  struct change changes[2] = {{CHANGE, kind, draft->serial, draft->slot, 0, draft->length, NULL}, {ADD, items, 0, SMPP_NO_SLOT, draft->length, 0, NULL}};
  record_put_octets(&commit.out, draft->octets, draft->length);
  commit.octets = (double)draft->length - kind->records.slots[draft->slot].length;
  struct writing writing = {&commit.out, store->places, {{0}, 0}};
  write_receipt_record(&writing, store, item_key, item_length, since);
  changes[1].size = commit.out.size - changes[1].at;
  count_addition(&commit, &changes[1]);
  int results = perform_commit(L, &commit, changes, 2);
  if (results == 1) push_u64(L, items->records.last_serial);
  return results;
}

/* ---- by serial ---- */

/* octets_at(kind, serial) -> the field octets of a record; nothing: it is gone, or has none */
int records_octets_at(lua_State *L) {
  struct store *store = check_store(L);
  const struct smpp_records *records = &check_kind(L, store, 2)->records;
  lua_Number serial = luaL_checknumber(L, 3);
  uint32_t slot = serial > 0 && serial < 9007199254740992.0 ? smpp_records_at(records, (uint64_t)serial) : SMPP_NO_SLOT;
  size_t length;
  const char *octets = slot == SMPP_NO_SLOT ? NULL
                                            : smpp_record_string(records->slots[slot].octets, records->slots[slot].length, store->places[SUBMITTED_octets], &length);
  if (octets == NULL) return 0;
  struct record_copy copy;
  if (length > COPY_OCTETS) { /* making the string may run finalizers, which may remove the record */
    uint8_t *larger = lua_newuserdatauv(L, length, 0);
    if (!smpp_records_is(records, slot, (uint64_t)serial)) return 0;
    octets = smpp_record_string(records->slots[slot].octets, records->slots[slot].length, store->places[SUBMITTED_octets], &length);
    if (octets == NULL || length > lua_rawlen(L, -1)) return 0;
    memcpy(larger, octets, length);
    lua_pushlstring(L, (const char *)larger, length);
  } else {
    memcpy(copy.small, octets, length);
    lua_pushlstring(L, (const char *)copy.small, length);
  }
  return 1;
}

/* remove_at(kind, serials, count): removes records; those that are gone already are no error */
int records_remove_at(lua_State *L) {
  struct store *store = check_store(L);
  struct smpp_records *records = &check_kind(L, store, 2)->records;
  luaL_checktype(L, 3, LUA_TTABLE);
  int count = (int)luaL_checkinteger(L, 4);
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, 3, i);
    lua_Number serial = lua_tonumber(L, -1);
    uint32_t slot = serial > 0 && serial < 9007199254740992.0 ? smpp_records_at(records, (uint64_t)serial) : SMPP_NO_SLOT;
    if (slot != SMPP_NO_SLOT) smpp_records_remove(records, slot);
    lua_pop(L, 1);
  }
  smpp_records_trim(records);
  store->changes++;
  return 0;
}
