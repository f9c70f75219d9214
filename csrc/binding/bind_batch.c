/* bind_batch.c - core.batch(state): messages of a load test that one call makes of templates and sends (smpp/stamp.h), and
 * whose outcomes are kept (smpp/flights.h) until one call counts them.  Nothing crosses into Lua for each message. */
#include <string.h>

#include "bind_batch.h"
#include "binding.h"
#include "smpp/alloc.h"
#include "smpp/flights.h"
#include "smpp/stamp.h"

#define BATCH_T "smpp.batch"

struct batch {
  size_t references;
  struct smpp_flights flights;
  struct smpp_stamp stamp;
};

struct batch *batch_keep(struct batch *b) {
  if (b != NULL) b->references++;
  return b;
}

void batch_release(struct batch *b) {
  if (b == NULL || --b->references > 0) return;
  smpp_flights_free(&b->flights);
  smpp_stamp_free(&b->stamp);
  smpp_free(b);
}

void batch_end(struct batch *b, const struct smpp_event *event) {
  bool is_answered = event->kind == SMPP_EVENT_RESPONSE && event->reason == NULL;
  smpp_flights_end(&b->flights, event->cookie & ~BATCH_COOKIE, is_answered, is_answered ? event_status(event) : 0);
}

static struct batch *check_batch(lua_State *L, int arg) {
  struct batch **b = luaL_checkudata(L, arg, BATCH_T);
  if (*b == NULL) luaL_argerror(L, arg, "expected a batch");
  return *b;
}

/* batch(seed): its random numbers are those of smpp.base.random's generator(seed) */
static int batch_new(lua_State *L) {
  lua_Number seed = luaL_checknumber(L, 1);
  luaL_argcheck(L, seed >= 0 && seed <= 9007199254740992.0, 1, "out of range: expected 0 to 2^53");
  struct batch **b = lua_newuserdatauv(L, sizeof *b, 0);
  *b = NULL; /* __gc may run before there is one */
  luaL_setmetatable(L, BATCH_T);
  *b = smpp_realloc(NULL, sizeof **b);
  if (*b == NULL) return luaL_error(L, "out of memory");
  **b = (struct batch){.references = 1, .stamp = {.state = (uint32_t)((uint64_t)seed % 2147483646 + 1)}};
  for (int i = 0; i < 4; i++) (void)smpp_stamp_random(&(*b)->stamp);
  return 1;
}

static int batch_gc(lua_State *L) {
  struct batch **b = luaL_checkudata(L, 1, BATCH_T);
  batch_release(*b);
  *b = NULL;
  return 0;
}

/* batch:number("source_addr"|"destination_addr", at, "digits"|"counter"|"range", width, low, count) -> true | nil, message, code:
 * digits that change, |at| octets behind the beginning of the address; before any template */
static int batch_number(lua_State *L) {
  static const char *const addresses[] = {"source_addr", "destination_addr", NULL};
  static const char *const kinds[] = {"digits", "counter", "range", NULL}; /* enum smpp_stamp_kind */
  struct batch *b = check_batch(L, 1);
  bool is_destination = luaL_checkoption(L, 2, NULL, addresses) == 1;
  uint32_t at = check_u32(L, 3), width = check_u32(L, 5);
  int kind = luaL_checkoption(L, 4, NULL, kinds);
  lua_Number low = luaL_optnumber(L, 6, 0), count = luaL_optnumber(L, 7, 1);
  luaL_argcheck(L, at <= 255, 3, "out of range");
  luaL_argcheck(L, width >= 1 && width <= SMPP_STAMP_WIDTH_MAX, 5, "out of range: expected 1 to 15");
  luaL_argcheck(L, low >= 0 && low <= 1e15, 6, "out of range");
  luaL_argcheck(L, count >= 1 && count <= 1e15, 7, "out of range");
  struct smpp_stamp_number number = {(enum smpp_stamp_kind)kind, is_destination, (uint8_t)at, (uint8_t)width, (double)low, (double)count};
  int error = smpp_stamp_number(&b->stamp, &number);
  if (error != 0) return push_error(L, error, NULL);
  lua_pushboolean(L, 1);
  return 1;
}

/* batch:template(octets) -> how many there are | nil, message, code */
static int batch_template(lua_State *L) {
  struct batch *b = check_batch(L, 1);
  size_t length = 0;
  const char *octets = luaL_checklstring(L, 2, &length);
  int error = smpp_stamp_template(&b->stamp, (const uint8_t *)octets, length);
  if (error != 0) return push_error(L, error, NULL);
  push_u64(L, b->stamp.template_count);
  return 1;
}

/* batch:pick("in_order"|"at_random"): which template of a set the next message is */
static int batch_pick(lua_State *L) {
  static const char *const names[] = {"in_order", "at_random", NULL}; /* enum smpp_stamp_pick */
  struct batch *b = check_batch(L, 1);
  b->stamp.pick = (enum smpp_stamp_pick)luaL_checkoption(L, 2, NULL, names);
  return 0;
}

/* What happens to the messages of one call */
struct sending {
  double at, blocked_until, late_s; /* the time, when there was room again, and from when on a message is late */
  struct smpp_histogram *lateness, *waits;
  uint32_t late, waited;
};

/* Counts how late a message left: the generator's fault, or the peer's while there was no room. */
static void note_lateness(struct sending *sending, double due) {
  double late_s = sending->at - due;
  if (sending->blocked_until > due) {
    sending->waited++;
    smpp_histogram_record(sending->waits, late_s);
    late_s = sending->at - sending->blocked_until;
  }
  smpp_histogram_record(sending->lateness, late_s);
  if (late_s > sending->late_s) sending->late++;
}

/* session:send_batch(batch, first, count of templates, now, at, is_counted, messages, dues, from, blocked_until, late_s, lateness,
 * waits) -> sent, late, waited [, message, code]: sends up to |messages|, which are due at dues[from] ...; without dues each is due
 * as it leaves.  Warm-up (not is_counted) and messages without dues are never late.  message, code: why one was not sent. */
int session_send_batch(lua_State *L) {
  struct batch *b = check_batch(L, 2);
  struct smpp_session *s = check_batch_session(L, b);
  uint32_t first = check_u32(L, 3), templates = check_u32(L, 4), messages = check_u32(L, 8), sent = 0;
  double now = (double)luaL_checknumber(L, 5);
  struct sending sending = {.at = (double)luaL_checknumber(L, 6)};
  bool is_counted = lua_toboolean(L, 7), has_dues = lua_istable(L, 9);
  int error = 0, from = 0;
  luaL_argcheck(L, first >= 1 && templates >= 1 && (uint64_t)first + templates - 1 <= b->stamp.template_count, 3, "no such templates");
  if (has_dues) {
    from = (int)luaL_checkinteger(L, 10);
    sending.blocked_until = (double)luaL_checknumber(L, 11);
    sending.late_s = (double)luaL_checknumber(L, 12);
    sending.lateness = check_histogram(L, 13);
    sending.waits = check_histogram(L, 14);
  }
  for (; sent < messages; sent++) {
    double due = sending.at;
    uint32_t sequence = 0;
    if (has_dues) {
      lua_rawgeti(L, 9, from + (int)sent);
      due = (double)lua_tonumber(L, -1);
      lua_pop(L, 1);
    }
    if (!smpp_flights_reserve(&b->flights)) {
      error = SMPP_ERR_NO_MEMORY;
      break;
    }
    const struct smpp_stamp_template *t = smpp_stamp_next(&b->stamp, first - 1, templates);
    error = smpp_session_request_octets(s, t->octets, t->length, BATCH_COOKIE | b->flights.spare, now, &sequence);
    if (error != 0) break;
    (void)smpp_flights_add(&b->flights, due, sending.at, is_counted);
    smpp_stamp_sent(&b->stamp);
    if (has_dues && is_counted) note_lateness(&sending, due);
  }
  push_u32(L, sent);
  push_u32(L, sending.late);
  push_u32(L, sending.waited);
  if (error == 0) return 3;
  (void)push_error(L, error, NULL);
  lua_remove(L, -3); /* the nil */
  return 5;
}

/* Adds a refusal to the list of pairs on top. */
static void add_refusal(lua_State *L, uint32_t status) {
  int n = (int)lua_rawlen(L, -1);
  for (int i = 1; i < n; i += 2) {
    lua_rawgeti(L, -1, i);
    bool same = (uint32_t)lua_tonumber(L, -1) == status;
    lua_pop(L, 1);
    if (!same) continue;
    lua_rawgeti(L, -1, i + 1);
    lua_pushnumber(L, lua_tonumber(L, -1) + 1);
    lua_rawseti(L, -3, i + 1);
    lua_pop(L, 1);
    return;
  }
  push_u32(L, status);
  lua_rawseti(L, -2, n + 1);
  lua_pushnumber(L, 1);
  lua_rawseti(L, -2, n + 2);
}

/* batch:settle(now, latency [, service]) -> ended, answered, ok, unknown [, { status, count, ... } of refusals]: counts the outcomes
 * that have come; all but the first without those of the warm-up */
static int batch_settle(lua_State *L) {
  struct batch *b = check_batch(L, 1);
  double now = (double)luaL_checknumber(L, 2);
  struct smpp_histogram *latency = check_histogram(L, 3);
  struct smpp_histogram *service = lua_isnoneornil(L, 4) ? NULL : check_histogram(L, 4);
  struct smpp_flight flight;
  uint32_t ended = 0, answered = 0, ok = 0, unknown = 0;
  lua_settop(L, 4);
  for (; smpp_flights_take(&b->flights, &flight); ended++) {
    if (!flight.is_counted) continue;
    if (!flight.is_answered) {
      unknown++;
      continue;
    }
    answered++;
    smpp_histogram_record(latency, now - flight.due);
    if (service != NULL) smpp_histogram_record(service, now - flight.left);
    if (flight.status == 0) {
      ok++;
      continue;
    }
    if (lua_gettop(L) == 4) lua_newtable(L);
    add_refusal(L, flight.status);
  }
  bool has_refusals = lua_gettop(L) == 5;
  push_u32(L, ended);
  push_u32(L, answered);
  push_u32(L, ok);
  push_u32(L, unknown);
  if (!has_refusals) return 4;
  lua_pushvalue(L, 5);
  return 5;
}

/* batch:abandon() -> how many in flight are forgotten, without those of the warm-up */
static int batch_abandon(lua_State *L) {
  push_u32(L, smpp_flights_abandon(&check_batch(L, 1)->flights));
  return 1;
}

void smpp_open_batch(lua_State *L) {
  static const luaL_Reg methods[] = {{"number", batch_number}, {"template", batch_template}, {"pick", batch_pick},
                                     {"settle", batch_settle}, {"abandon", batch_abandon},   {NULL, NULL}};
  new_class(L, BATCH_T, methods, batch_gc);
  lua_pushcfunction(L, batch_new);
  lua_setfield(L, -2, "batch");
}
