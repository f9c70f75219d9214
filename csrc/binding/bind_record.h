/* bind_record.h - core.record: its parts, shared by bind_record.c and bind_finish.c. */
#ifndef SMPP_BIND_RECORD_H
#define SMPP_BIND_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "lua_compat.h"
#include "smpp/pdu.h"
#include "smpp/record.h"

/* Adds its function to the module, which is on top. */
void smpp_open_record(lua_State *L);
void smpp_open_resp(lua_State *L); /* bind_resp.c, which writes as records do */

#define UP_RECORD_NAMES lua_upvalueindex(1)  /* place -> name, name -> place */
#define UP_RECORD_PARAMS lua_upvalueindex(2) /* uint8_t: parameter of a PDU -> place of its name, 0: not declared */
#define UP_RECORD_WANTED lua_upvalueindex(3) /* of a reader: struct record_places; of a finisher: its own */

enum {
  NAMES_MAX = 255, /* 0: the name follows as a string */
  DEPTH_MAX = 16
};

/* ---- writing ---- */

/* Grows in userdata at stack index |box|; on the C stack while small. */
struct record_out {
  lua_State *L;
  int box;
  uint8_t *octets;
  size_t size, capacity;
  uint8_t small[1024];
};

void record_out_init(struct record_out *out, lua_State *L);
void record_put_octet(struct record_out *out, uint8_t octet);
void record_put_octets(struct record_out *out, const void *octets, size_t length);
void record_put_string(struct record_out *out, const char *octets, size_t length);
void record_put_number(struct record_out *out, double number);

/* Writes the name at |index|, a string. */
void record_put_name(struct record_out *out, int index);

/* Places of names that are declared, one bit each. */
struct record_places {
  uint32_t bits[8];
  int count; /* of the list that a reader was made of */
};

static inline void record_add_place(struct record_places *set, uint8_t place) { set->bits[place / 32] |= (uint32_t)1 << place % 32; }
static inline bool record_has_place(const struct record_places *set, uint8_t place) { return set->bits[place / 32] >> place % 32 & 1; }

/* The place of the name at |index| in the list, 0: it is not there. */
uint8_t record_place_of(lua_State *L, int index);

/* Writes the parameters of a PDU whose names are declared, but those that are |written| already. */
void record_put_params(struct record_out *out, const struct smpp_pdu *pdu, const struct record_places *written);

/* Writes the fields of the table at |index| but those of |without|, which may be NULL. */
void record_put_fields(struct record_out *out, int index, const struct record_places *without);

/* Writes the table at |index|, and of |pdu|, which may be NULL, those parameters that have a declared name and that the table lacks. */
void record_write_table(struct record_out *out, int index, const struct smpp_pdu *pdu);

/* Writes a record with the fields of the table at |set|, and without the names of the list at |clear|, which may be nil. False: malformed. */
bool record_write_changed(struct record_out *out, struct smpp_record_in in, int set, int clear);

/* ---- reading ---- */

/* The octets at argument |arg|. */
struct smpp_record_in record_check_octets(lua_State *L, int arg);

/* Pushes a table of the fields; |wanted|: of these, and those that are not declared; NULL: all.  False: malformed, and the table is of no use. */
bool record_push(lua_State *L, struct smpp_record_in in, const struct record_places *wanted);

/* wanted(names) -> userdata: the places of these names */
int record_wanted(lua_State *L);

/* ---- final states (bind_finish.c) ---- */

struct finisher;

/* What becomes of a message that is due; strings lie in its old octets. */
struct finished {
  const char *state, *system_id;
  size_t state_length, system_id_length;
  bool has_bind;
  double bind;
  size_t receipt_length; /* 0: none is asked for */
  uint8_t receipt[512];
};

/* The options of `finish`. */
struct finishing {
  double now, latest;
  bool may_report, has_tlvs;
};

/* Writes the message with its planned state.  False: it is not due, or something is unusual or malformed. */
bool record_write_finished(struct record_out *out, const struct finisher *f, struct smpp_record_in in, const struct finishing *o, struct finished *done);

/* Pushes a struct finisher that takes the names of the list at |index| out. */
void push_finisher(lua_State *L, int index);

int record_finisher(lua_State *L);

/* ---- commands of an engine (bind_resp.c), and commits as words of them (bind_commit.c) ---- */

/* The digits of a whole number, before |end|: where they begin. */
char *resp_put_digits(char *end, uint64_t number);

/* Puts a type, a count and the end of a line. */
void resp_put_head(struct record_out *out, char type, size_t count);

void resp_put_word(struct record_out *out, const char *octets, size_t length);

/* Puts the word on top of the stack.  False: it is neither a string nor a finite number. */
bool resp_put_value(struct record_out *out);

/* committer(ages, is_shared) -> a function that writes commits */
int record_committer(lua_State *L);

/* ---- records in memory (bind_records.c) ---- */

int records_new(lua_State *L);

#endif
