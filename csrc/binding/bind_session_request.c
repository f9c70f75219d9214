/* bind_session_request.c - requests of a session: sent, and waited for. */
#include <string.h>

#include "bind_session.h"
#include "smpp/reply.h"
#include "smpp/text.h"

#define INFLIGHT_MAX 0x1000000 /* places of requests in flight */

/* The request sent last by the session at 1 is in flight: keeps the values at |waiter| and |fields| for its event. */
static uint32_t keep_request(lua_State *L, struct session *own, int waiter, int fields) {
  int place = (int)smpp_session_newest_place(own->core);
  push_own_table(L, own);
  lua_pushvalue(L, waiter);
  lua_rawseti(L, -2, 2 * place + 1);
  lua_pushvalue(L, fields);
  lua_rawseti(L, -2, 2 * place + 2);
  lua_pop(L, 1);
  return (uint32_t)place;
}
static int push_refused(lua_State *L, const struct smpp_session *s, int error, const char *command) {
  if (error == SMPP_ERR_NOT_SENT) {
    lua_pushfstring(L, "%s not allowed in state %s%s", command, smpp_state_name(smpp_session_state(s)),
                    smpp_session_is_unbinding(s) ? " (unbinding)" : "");
    return push_error(L, error, lua_tostring(L, -1));
  }
  return push_error(L, error, NULL);
}

/* A request was sent: keeps waiter and fields, unless it has no response.  -> sequence_number, cookie */
static int push_sent(lua_State *L, const struct smpp_command *command, uint32_t sequence, int waiter, int fields) {
  uint32_t cookie = 0;
  if (command->response_id != 0) cookie = keep_request(L, lua_touserdata(L, 1), waiter, fields) + 1;
  push_u32(L, sequence);
  push_u32(L, cookie);
  return 2;
}

/* The octets of the PDU at |index|: a view, or a string; NULL: neither. */
static const uint8_t *request_octets(lua_State *L, int index, size_t *length) {
  if (lua_type(L, index) == LUA_TSTRING) return (const uint8_t *)lua_tolstring(L, index, length);
  const struct view *v = test_view(L, index);
  if (v == NULL) return NULL;
  *length = v->pdu.length;
  return v->pdu.octets;
}

/* session:request(command_id, fields or PDU, waiter, now) -> sequence_number, cookie | nil, message, code.  PDU: a view, or octets.  The
 * waiter, any value (nil: false), and the fields come with the event that ends the request; the cookie names it until then */
int session_request(lua_State *L) {
  struct smpp_session *s = check_session(L);
  uint32_t sequence = 0;
  const struct smpp_command *command = smpp_command_by_id(declared_commands(L), check_u32(L, 2));
  luaL_argcheck(L, command != NULL, 2, "unknown command");
  luaL_checkany(L, 4);
  double now = check_now(L, 5);
  size_t length = 0;
  const uint8_t *octets = request_octets(L, 3, &length);
  int error = 0;
  if (octets != NULL && (length < SMPP_HEADER_OCTETS || smpp_get_u32(octets + 4) != command->id)) {
    lua_pushfstring(L, "command: expected %s, got a PDU of another", command->name);
    return push_error(L, SMPP_ERR_BAD_VALUE, lua_tostring(L, -1));
  } else if (octets != NULL) {
    error = smpp_session_request_octets(s, octets, length, 0, now, &sequence);
  } else {
    struct draft d;
    struct smpp_fault fault = {0};
    luaL_checktype(L, 3, LUA_TTABLE);
    int results = read_draft(L, 3, command, NULL, smpp_session_version(s), &d);
    if (results != 0) return results;
    error = smpp_session_request(s, &d.message, 0, now, &sequence, &fault);
    if (error != 0 && fault.text != NULL) return push_pdu_fault(L, error, &fault, &d);
  }
  if (error != 0) return push_refused(L, s, error, command->name);
  return push_sent(L, command, sequence, 4, 3);
}

/* session:ask(command_id, fields, task, now): what `request` does for a task that waits at once: sends, and yields; what the task is resumed
 * with are the results.  false, and nothing was done: the task is not the coroutine that calls this, the fields are not the usual
 * ones (read_usual) nor a PDU, or this cannot be sent, and `request` tells why. */
int session_ask(lua_State *L) {
  struct smpp_session *s = check_session(L);
  double now = check_now(L, 5);
  uint32_t sequence = 0;
  int error = SMPP_ERR_BAD_VALUE;
  const struct smpp_command *command = smpp_command_by_id(declared_commands(L), check_u32(L, 2));
  if (command != NULL && command->response_id != 0 && lua_tothread(L, 4) == L) {
    if (lua_istable(L, 3)) {
      struct smpp_message message;
      struct smpp_fault fault;
      if (read_usual(L, 3, command, &message)) error = smpp_session_request(s, &message, 0, now, &sequence, &fault);
    } else {
      size_t length = 0;
      const uint8_t *octets = request_octets(L, 3, &length);
      if (octets != NULL && length >= SMPP_HEADER_OCTETS && smpp_get_u32(octets + 4) == command->id)
        error = smpp_session_request_octets(s, octets, length, 0, now, &sequence);
    }
  }
  if (error != 0) {
    lua_pushboolean(L, 0);
    return 1;
  }
  (void)keep_request(L, lua_touserdata(L, 1), 4, 3);
  return lua_yield(L, 0);
}

/* The octets of a text in one part, of GSM 7-bit, else UCS-2, as smpp.text.plan chooses without options; 0: it has more, or cannot be sent. */
static size_t encode_part(const char *text, size_t length, struct smpp_coding *coding, uint8_t *out) {
  struct smpp_text_fault fault = {0, 0, 0};
  size_t octets = 0, units = 0;
  int err = smpp_text_encode(coding, (const uint8_t *)text, length, 0, out, &octets, &units, &fault);
  if (err == SMPP_ERR_UNMAPPABLE) {
    coding->encoding = SMPP_UCS2;
    err = smpp_text_encode(coding, (const uint8_t *)text, length, 0, out, &octets, &units, &fault);
  }
  return err == 0 && units <= smpp_text_capacity(coding->encoding, 0) ? octets : 0;
}

enum { REPLY_TEXT_MAX = 3 * SMPP_REPLY_OCTETS_MAX }; /* octets of UTF-8 that one part can hold */

/* session:reply(view, text, waiter, now) -> as request: a submit_sm with this text, from where the deliver_sm was sent to, to its sender; the
 * fields of its event are the octets of that submit_sm.  Nothing: the text does not fit one part, or is empty */
int session_reply(lua_State *L) {
  struct smpp_session *s = check_session(L);
  const struct view *v = check_view(L, 2);
  uint8_t out[2 * REPLY_TEXT_MAX + 4]; /* smpp_text_encode_bound */
  struct smpp_coding coding = {SMPP_GSM7, 0, 0};
  struct smpp_message message;
  struct smpp_fault fault = {0};
  size_t length = 0, before = 0, after = 0;
  uint32_t sequence = 0;
  const char *text = luaL_checklstring(L, 3, &length);
  luaL_checkany(L, 4);
  double now = check_now(L, 5);
  size_t octets = length <= REPLY_TEXT_MAX ? encode_part(text, length, &coding, out) : 0;
  if (octets == 0 || !smpp_reply_to(&v->pdu, out, (uint32_t)octets, (uint32_t)smpp_encoding_data_coding(coding.encoding), &message)) return 0;
  (void)smpp_session_output(s, &before);
  int error = smpp_session_request(s, &message, 0, now, &sequence, &fault);
  if (error != 0 && fault.text != NULL) return push_pdu_fault(L, error, &fault, NULL);
  if (error != 0) return push_refused(L, s, error, message.command->name);
  const uint8_t *output = smpp_session_output(s, &after);
  if (output != NULL && after > before) lua_pushlstring(L, (const char *)output + before, after - before);
  else lua_pushboolean(L, 0);
  return push_sent(L, message.command, sequence, 4, lua_gettop(L));
}

/* session:forward(view, changes or nil, waiter, now) -> as request; the fields of its event are the view */
int session_forward(lua_State *L) {
  struct smpp_session *s = check_session(L);
  struct view *v = check_view(L, 2);
  luaL_checkany(L, 4);
  double now = check_now(L, 5);
  uint32_t sequence = 0;
  int error = 0;
  luaL_argcheck(L, v->pdu.command != NULL, 2, "unknown command");
  if (lua_isnoneornil(L, 3)) {
    error = smpp_session_request_octets(s, v->pdu.octets, v->pdu.length, 0, now, &sequence);
  } else {
    struct draft d;
    struct smpp_fault fault = {0};
    luaL_checktype(L, 3, LUA_TTABLE);
    int results = read_draft(L, 3, NULL, &v->pdu, smpp_session_version(s), &d);
    if (results != 0) return results;
    error = smpp_session_request(s, &d.message, 0, now, &sequence, &fault);
    if (error != 0 && fault.text != NULL) return push_pdu_fault(L, error, &fault, &d);
  }
  if (error != 0) return push_refused(L, s, error, v->pdu.command->name);
  return push_sent(L, v->pdu.command, sequence, 4, 2);
}

/* session:stop_waiting(cookie, waiter) -> true: the event of that request has no waiter any more; false: it is not its waiter */
int session_stop_waiting(lua_State *L) {
  (void)check_session(L);
  const struct session *own = lua_touserdata(L, 1);
  uint32_t cookie = check_u32(L, 2);
  luaL_checkany(L, 3);
  bool same = false;
  if (own->keeps && cookie >= 1 && cookie <= INFLIGHT_MAX) {
    int index = 2 * ((int)cookie - 1) + 1;
    push_kept_table(L, 1);
    lua_rawgeti(L, -1, index);
    same = lua_toboolean(L, -1) && lua_rawequal(L, -1, 3);
    if (same) {
      lua_pushboolean(L, 0);
      lua_rawseti(L, -3, index);
    }
  }
  lua_pushboolean(L, same);
  return 1;
}

/* session:waiting() -> requests in flight that have a waiter */
int session_waiting(lua_State *L) {
  const struct smpp_session *s = check_session(L);
  const struct session *own = lua_touserdata(L, 1);
  uint32_t count = 0, place = 0;
  if (own->keeps) {
    push_kept_table(L, 1);
    for (bool more = smpp_session_next_place(s, true, &place); more; more = smpp_session_next_place(s, false, &place)) {
      lua_rawgeti(L, -1, 2 * (int)place + 1);
      if (lua_toboolean(L, -1)) count++;
      lua_pop(L, 1);
    }
  }
  push_u32(L, count);
  return 1;
}
