/* bind_finish.c - core.record: a message that is due gets its planned state, and its receipt, in one call. */
#include <math.h>
#include <string.h>

#include "bind_record.h"
#include "binding.h"
#include "smpp/receipt.h"

/* The fields that decide it, and those that a receipt has. */
#define FINISH_FIELDS(F)                                                                                              \
  F(state) F(planned) F(planned_at) F(planned_error) F(notify_at) F(outcome) F(registered_delivery) F(done) F(error)  \
  F(receipt) F(id) F(system_id) F(bind) F(submitted) F(version) F(data_coding) F(esm_class) F(octets)                 \
  F(source_addr_ton) F(source_addr_npi) F(source_addr) F(dest_addr_ton) F(dest_addr_npi) F(destination_addr)          \
  F(user_message_reference)

#define FIELD_ENUM(name) IS_##name,
enum { FINISH_FIELDS(FIELD_ENUM) FIELD_COUNT };
#undef FIELD_ENUM

struct finisher {
  struct record_places gone;
  uint8_t place[FIELD_COUNT];
  uint8_t field[256]; /* of a place, + 1; 0: another */
};

struct value {
  enum { ABSENT, NUMBER, STRING, OTHER } is;
  double number;
  const char *octets;
  size_t length;
};

static void read_value(struct smpp_record_in *in, struct value *value) {
  uint8_t tag = smpp_record_take_octet(in);
  if (smpp_record_take_number(in, tag, &value->number)) {
    value->is = NUMBER;
  } else if (smpp_record_is_string(tag)) {
    value->is = STRING;
    value->octets = smpp_record_take_string(in, tag, &value->length);
  } else {
    value->is = OTHER;
    smpp_record_skip_value(in, tag);
  }
}

static bool is_word(const struct value *value, const char *word) {
  return value->is == STRING && value->length == strlen(word) && memcmp(value->octets, word, value->length) == 0;
}

/* A whole number from 0 to |most|. */
static bool is_whole(const struct value *value, double most) {
  return value->is == NUMBER && value->number >= 0 && value->number <= most && floor(value->number) == value->number;
}

/* Whether a message gets its planned state now, and nothing is unusual about that. */
static bool is_due(const struct value *v, double latest) {
  return is_word(&v[IS_state], "ENROUTE") && v[IS_planned].is == STRING && v[IS_planned_at].is == NUMBER && v[IS_planned_at].number <= latest &&
         is_whole(&v[IS_registered_delivery], 0xFF) && v[IS_notify_at].is == ABSENT && v[IS_outcome].is == ABSENT &&
         (v[IS_planned_error].is == ABSENT || v[IS_planned_error].is == NUMBER);
}

/* Whether its registered_delivery asks for a receipt of its state. */
static bool wants_receipt(const struct value *v) {
  double which = fmod(v[IS_registered_delivery].number, 4);
  bool is_delivered = is_word(&v[IS_planned], "DELIVERED");
  return which == 1 || (which == 2 && !is_delivered) || (which == 3 && is_delivered);
}

/* ---- receipts ---- */

enum { EXCERPT_MAX = 20, ESCAPE = 27, UDHI = 0x40, RECEIPT_CLASS = 4, DIGITS = 10, DELIVER_SM = 5 };
#define FAR_S 1e10
enum { TAG_RECEIPTED_MESSAGE_ID = 0x001E, TAG_USER_MESSAGE_REFERENCE = 0x0204, TAG_MESSAGE_STATE = 0x0427 };

static struct smpp_receipt_field field_of(const char *octets, size_t length) {
  return (struct smpp_receipt_field){(const uint8_t *)octets, length};
}

/* At least three digits. */
static size_t write_error(uint32_t error, char out[DIGITS]) {
  size_t n = 3;
  for (uint32_t rest = error / 1000; rest > 0; rest /= 10) n++;
  for (size_t i = n; i-- > 0; error /= 10) out[i] = (char)('0' + error % 10);
  return n;
}

/* The text; 0: something is unusual. */
static size_t write_text(const struct value *v, const struct smpp_message_state *state, double now, uint8_t out[SMPP_RECEIPT_TEXT_MAX]) {
  struct smpp_receipt_text text;
  char error[DIGITS];
  enum smpp_receipt_key wrong;
  size_t length = v[IS_octets].length < EXCERPT_MAX ? v[IS_octets].length : EXCERPT_MAX;
  memset(&text, 0, sizeof text);
  if (v[IS_id].is != STRING || v[IS_octets].is != STRING || v[IS_submitted].is != NUMBER) return 0;
  if (!(v[IS_submitted].number >= 0 && v[IS_submitted].number <= FAR_S && now >= 0 && now <= FAR_S)) return 0;
  if (!is_whole(&v[IS_data_coding], 0) || !is_whole(&v[IS_esm_class], UDHI - 1)) return 0;
  for (size_t i = 0; i < length; i++) {
    uint8_t c = (uint8_t)v[IS_octets].octets[i];
    if (c == ESCAPE || c >= 0x80) return 0; /* not one octet, or no octet, for a character */
  }
  if (v[IS_planned_error].is != ABSENT && !is_whole(&v[IS_planned_error], 0xFFFF)) return 0;
  text.field[SMPP_RECEIPT_ID] = field_of(v[IS_id].octets, v[IS_id].length);
  text.field[SMPP_RECEIPT_SUB] = field_of("001", 3);
  text.field[SMPP_RECEIPT_DLVRD] = field_of(state->number == 2 ? "001" : "000", 3);
  text.field[SMPP_RECEIPT_STAT] = field_of(state->stat, strlen(state->stat));
  text.field[SMPP_RECEIPT_ERR] = field_of(error, write_error((uint32_t)v[IS_planned_error].number, error));
  text.field[SMPP_RECEIPT_TEXT] = field_of(v[IS_octets].octets, length);
  text.has_date[0] = text.has_date[1] = true;
  text.date_s[0] = (int64_t)floor(v[IS_submitted].number);
  text.date_s[1] = (int64_t)floor(now);
  return smpp_receipt_write(&text, out, &wrong);
}

static bool set_number(struct smpp_message *m, unsigned field, const struct value *value) {
  int position = smpp_param_position(m->command, field);
  if (position < 0 || !is_whole(value, 0xFF)) return false;
  m->params[position].is = SMPP_NUMBER;
  m->params[position].number = (uint32_t)value->number;
  return true;
}

static bool set_string(struct smpp_message *m, unsigned field, const struct value *value) {
  int position = smpp_param_position(m->command, field);
  if (position < 0 || value->is != STRING || value->length > UINT32_MAX) return false;
  m->params[position].is = SMPP_STRING;
  m->params[position].octets = (const uint8_t *)value->octets;
  m->params[position].length = (uint32_t)value->length;
  return true;
}

/* The deliver_sm that carries a receipt to the sender: its addresses, swapped.  |has_tlvs|: id and state are in TLVs, too.
 * Returns its length; 0: something is unusual. */
static size_t write_receipt(const struct value *v, bool has_tlvs, double now, uint8_t *out, size_t capacity) {
  uint8_t text[SMPP_RECEIPT_TEXT_MAX], number[2], state_number;
  char id[SMPP_MESSAGE_ID_MAX];
  struct smpp_tlv_out tlvs[3];
  struct smpp_message m;
  struct smpp_fault fault;
  struct smpp_writer w = {out, capacity, 0};
  const struct smpp_message_state *state = smpp_state_by_stat((const uint8_t *)v[IS_planned].octets, v[IS_planned].length);
  const struct value *reference = &v[IS_user_message_reference];
  if (state == NULL || strlen(state->name) != v[IS_planned].length || v[IS_receipt].is != ABSENT || v[IS_version].is != NUMBER) return 0;
  size_t length = write_text(v, state, now, text);
  if (length == 0 || v[IS_id].length >= sizeof id) return 0;
  const struct value words = {STRING, 0, (const char *)text, length}, receipt_class = {NUMBER, RECEIPT_CLASS, NULL, 0};
  memset(&m, 0, sizeof m);
  m.command = smpp_command_by_id(NULL, DELIVER_SM);
  if (m.command == NULL || !set_number(&m, SMPP_F_ESM_CLASS, &receipt_class) || !set_string(&m, SMPP_F_SHORT_MESSAGE, &words) ||
      !set_number(&m, SMPP_F_SOURCE_ADDR_TON, &v[IS_dest_addr_ton]) || !set_number(&m, SMPP_F_SOURCE_ADDR_NPI, &v[IS_dest_addr_npi]) ||
      !set_string(&m, SMPP_F_SOURCE_ADDR, &v[IS_destination_addr]) || !set_number(&m, SMPP_F_DEST_ADDR_TON, &v[IS_source_addr_ton]) ||
      !set_number(&m, SMPP_F_DEST_ADDR_NPI, &v[IS_source_addr_npi]) || !set_string(&m, SMPP_F_DESTINATION_ADDR, &v[IS_source_addr]))
    return 0;
  if (v[IS_version].number >= SMPP_34) {
    memcpy(id, v[IS_id].octets, v[IS_id].length);
    id[v[IS_id].length] = 0;
    state_number = (uint8_t)state->number;
    if (has_tlvs) tlvs[m.tlv_count++] = (struct smpp_tlv_out){TAG_RECEIPTED_MESSAGE_ID, (uint32_t)v[IS_id].length + 1, (const uint8_t *)id};
    if (reference->is != ABSENT) {
      if (!is_whole(reference, 0xFFFF)) return 0;
      number[0] = (uint8_t)((uint32_t)reference->number >> 8);
      number[1] = (uint8_t)(uint32_t)reference->number;
      tlvs[m.tlv_count++] = (struct smpp_tlv_out){TAG_USER_MESSAGE_REFERENCE, 2, number};
    }
    if (has_tlvs) tlvs[m.tlv_count++] = (struct smpp_tlv_out){TAG_MESSAGE_STATE, 1, &state_number};
    m.tlvs = tlvs;
  }
  return smpp_pdu_encode(&m, &w, &fault) == 0 && smpp_write_fits(&w) ? w.length : 0;
}

/* ---- the functions ---- */

bool record_write_finished(struct record_out *out, const struct finisher *f, struct smpp_record_in in, const struct finishing *o, struct finished *done) {
  struct value values[FIELD_COUNT];
  memset(values, 0, sizeof values);
  while (in.at < in.end) {
    const uint8_t *from = in.at;
    uint8_t place = smpp_record_take_octet(&in);
    if (place == 0) smpp_record_skip_value(&in, smpp_record_take_octet(&in)); /* its name */
    if (f->field[place] != 0) read_value(&in, &values[f->field[place] - 1]);
    else smpp_record_skip_value(&in, smpp_record_take_octet(&in));
    if (in.is_bad) return false;
    if (!record_has_place(&f->gone, place)) record_put_octets(out, from, (size_t)(in.at - from));
  }
  if (!is_due(values, o->latest)) return false;
  done->receipt_length = 0;
  if (fmod(values[IS_registered_delivery].number, 4) != 0) {
    if (!o->may_report) return false;
    if (wants_receipt(values)) {
      done->receipt_length = write_receipt(values, o->has_tlvs, o->now, done->receipt, sizeof done->receipt);
      if (done->receipt_length == 0 || values[IS_system_id].is != STRING) return false;
    }
  }
  record_put_octet(out, f->place[IS_state]);
  record_put_string(out, values[IS_planned].octets, values[IS_planned].length);
  record_put_octet(out, f->place[IS_done]);
  record_put_number(out, o->now);
  record_put_octet(out, f->place[IS_error]);
  record_put_number(out, values[IS_planned_error].number);
  done->state = values[IS_planned].octets;
  done->state_length = values[IS_planned].length;
  done->system_id = values[IS_system_id].octets;
  done->system_id_length = values[IS_system_id].length;
  done->has_bind = values[IS_bind].is == NUMBER;
  done->bind = values[IS_bind].number;
  return true;
}

/* What `finisher` makes: (octets, now, latest [, has_tlvs]) -> octets with the planned state, that state; if a receipt is asked for,
 * also its deliver_sm, system_id and bind.  Nothing: it is not due by |latest|, not ENROUTE, wants a notification, has an outcome of
 * its own, asks for a receipt and |has_tlvs| is absent, or something is unusual or malformed. */
static int record_finish(lua_State *L) {
  struct smpp_record_in in = record_check_octets(L, 1);
  struct finishing o = {(double)luaL_checknumber(L, 2), (double)luaL_checknumber(L, 3), !lua_isnoneornil(L, 4), lua_toboolean(L, 4)};
  struct record_out out;
  struct finished done;
  record_out_init(&out, L);
  if (!record_write_finished(&out, lua_touserdata(L, UP_RECORD_WANTED), in, &o, &done)) return 0;
  lua_pushlstring(L, (const char *)out.octets, out.size);
  lua_pushlstring(L, done.state, done.state_length);
  if (done.receipt_length == 0) return 2;
  lua_pushlstring(L, (const char *)done.receipt, done.receipt_length);
  lua_pushlstring(L, done.system_id, done.system_id_length);
  if (done.has_bind) lua_pushnumber(L, (lua_Number)done.bind);
  else lua_pushnil(L);
  return 5;
}

/* The place of a declared name. */
static uint8_t known_place(lua_State *L, const char *name) {
  lua_pushstring(L, name);
  uint8_t place = record_place_of(L, -1);
  lua_pop(L, 1);
  if (place == 0) luaL_error(L, "'%s' is not among the names", name);
  return place;
}

void push_finisher(lua_State *L, int index) {
#define FIELD_NAME(name) #name,
  static const char *const names[] = {FINISH_FIELDS(FIELD_NAME)};
#undef FIELD_NAME
  struct finisher *f = lua_newuserdatauv(L, sizeof *f, 0);
  memset(f, 0, sizeof *f);
  for (unsigned i = 0; i < FIELD_COUNT; i++) {
    f->place[i] = known_place(L, names[i]);
    f->field[f->place[i]] = (uint8_t)(i + 1);
  }
  record_add_place(&f->gone, f->place[IS_state]);
  record_add_place(&f->gone, f->place[IS_done]);
  record_add_place(&f->gone, f->place[IS_error]);
  int count = (int)lua_rawlen(L, index);
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, index, i);
    record_add_place(&f->gone, known_place(L, luaL_checkstring(L, -1)));
    lua_pop(L, 1);
  }
}

/* finisher(names) -> a function that gives a message its planned state, and takes these fields out of its record */
int record_finisher(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_pushvalue(L, UP_RECORD_NAMES);
  lua_pushvalue(L, UP_RECORD_PARAMS);
  push_finisher(L, 1);
  lua_pushcclosure(L, record_finish, 3);
  return 1;
}
