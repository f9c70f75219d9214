/* bind_records.h - the records of a store in memory, shared by bind_records.c and bind_records_due.c.
 *
 * Octets of a record are copied before Lua is asked for anything: what takes memory may run finalizers, and these may
 * change the store.  For the same reason a commit looks at Lua's tables first; what it then does asks Lua for nothing. */
#ifndef SMPP_BIND_RECORDS_H
#define SMPP_BIND_RECORDS_H

#include "bind_record.h"
#include "smpp/records.h"

#define UP_FINISHER lua_upvalueindex(3)
#define UP_METATABLE lua_upvalueindex(4)

#define RECORD_OCTETS_MAX 0x40000000u

enum { RECORDS_KINDS_MAX = 8, RECORDS_NAME_MAX = 24, COPY_OCTETS = 1024 };

struct records_kind {
  char name[RECORDS_NAME_MAX];
  uint8_t age; /* the place of its field; 0: records do not expire */
  struct smpp_records records;
};

/* What draft_due has written, for commit_due. */
struct draft_of_record {
  uint64_t serial, changes;
  uint32_t slot;
  uint8_t *octets;
  uint32_t length, capacity;
  uint8_t receipt[512]; /* its deliver_sm */
  size_t receipt_length;
  bool has_bind;
  double bind;
};

/* The fields that a store writes itself. */
#define SUBMITTED(F) \
  F(key) F(id) F(state) F(command) F(system_id) F(version) F(bind) F(submitted) F(error) F(octets) F(planned) F(planned_at) F(planned_error) F(expires) \
  F(user_message_reference) F(since)

#define SUBMITTED_ENUM(name) SUBMITTED_##name,
enum { SUBMITTED(SUBMITTED_ENUM) SUBMITTED_FIELDS };
#undef SUBMITTED_ENUM

struct store {
  struct records_kind kinds[RECORDS_KINDS_MAX];
  unsigned count;
  int message; /* the kind with final states: the limits are about that */
  double limit, max_octets, keep_final;
  uint64_t changes; /* counts commits */
  struct draft_of_record draft;
  uint8_t places[SUBMITTED_FIELDS]; /* of these fields */
};

/* The records at argument 1. */
struct store *check_store(lua_State *L);

/* A copy of a record's octets that nothing changes. */
struct record_copy {
  uint8_t small[COPY_OCTETS];
  struct smpp_record_in in;
};

/* Makes it, and leaves one value on the stack. */
void copy_record(lua_State *L, struct record_copy *copy, const struct smpp_records *records, uint32_t slot);

/* Removes final messages above the limit. */
void keep_few(struct store *store, struct records_kind *kind);

/* ---- commits ---- */

enum change_op { ADD, CHANGE, REMOVE };

struct change {
  enum change_op op;
  struct records_kind *kind;
  uint64_t serial; /* CHANGE, REMOVE */
  uint32_t slot;
  size_t at, size; /* ADD, CHANGE: where its octets lie among those that are written */
  uint8_t *octets; /* its block */
};

struct commit {
  struct store *store;
  uint64_t changes; /* of the store at the start */
  double octets;    /* more than now */
  unsigned opened;  /* messages that are not final */
  struct record_out out;
};

/* Begins a commit; leaves one value on the stack. */
void begin_commit(lua_State *L, struct store *store, struct commit *commit);

/* Pushes nil, message, code. */
int refuse_commit(lua_State *L, const char *message, const char *code);

/* The kind whose name is at |index|. */
struct records_kind *check_kind(lua_State *L, struct store *store, int index);

/* Counts the octets of an addition. */
void count_addition(struct commit *commit, const struct change *change);

/* Makes all changes, or none.  Pushes true; or nil, message, code. */
int perform_commit(lua_State *L, struct commit *commit, struct change *changes, size_t count);

/* Methods of records (bind_records_due.c). */
int records_finish_due(lua_State *L);
int records_draft_due(lua_State *L);
int records_add_due(lua_State *L);
int records_commit_due(lua_State *L);
int records_octets_at(lua_State *L);
int records_remove_at(lua_State *L);

/* Looks the fields up that a store writes itself. */
void read_places(lua_State *L, struct store *store);

#endif
