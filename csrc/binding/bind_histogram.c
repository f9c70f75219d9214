/* bind_histogram.c - core.histogram(): durations of a load test (smpp/histogram.h).  smpp.load.histogram adds methods to
 * core.histogram_methods. */
#include <string.h>

#include "bind_batch.h"
#include "binding.h"

#define HISTOGRAM_T "smpp.histogram"

struct smpp_histogram *check_histogram(lua_State *L, int arg) { return luaL_checkudata(L, arg, HISTOGRAM_T); }

static int histogram_new(lua_State *L) {
  struct smpp_histogram *h = lua_newuserdatauv(L, sizeof *h, 0);
  memset(h, 0, sizeof *h);
  luaL_setmetatable(L, HISTOGRAM_T);
  return 1;
}

/* histogram:record(seconds) */
static int histogram_record(lua_State *L) {
  smpp_histogram_record(check_histogram(L, 1), (double)luaL_checknumber(L, 2));
  return 0;
}

/* histogram:add(other) */
static int histogram_add(lua_State *L) {
  struct smpp_histogram *other = check_histogram(L, 2);
  smpp_histogram_add(check_histogram(L, 1), other);
  return 0;
}

/* histogram:clear() */
static int histogram_clear(lua_State *L) {
  smpp_histogram_clear(check_histogram(L, 1));
  return 0;
}

/* histogram:put(index, times): counts the highest value of an index; false: there is no such index */
static int histogram_put(lua_State *L) {
  struct smpp_histogram *h = check_histogram(L, 1);
  uint32_t index = check_u32(L, 2);
  lua_Number times = luaL_checknumber(L, 3);
  bool fits = index < SMPP_HISTOGRAM_SIZE && times >= 0 && times <= 9007199254740992.0;
  if (fits) smpp_histogram_put(h, smpp_histogram_highest(index), (uint64_t)times);
  lua_pushboolean(L, fits);
  return 1;
}

/* histogram:after(index) -> index, times, microseconds of the next index that was counted, from -1 on; nil: there is none */
static int histogram_after(lua_State *L) {
  const struct smpp_histogram *h = check_histogram(L, 1);
  lua_Number from = luaL_checknumber(L, 2) + 1;
  if (h->count == 0 || !(from < SMPP_HISTOGRAM_SIZE)) return 0;
  uint32_t i = smpp_histogram_index(h->min_us), last = smpp_histogram_index(h->max_us);
  if (from > (lua_Number)i) i = (uint32_t)from;
  while (i <= last && h->counts[i] == 0) i++;
  if (i > last) return 0;
  push_u32(L, i);
  push_u64(L, h->counts[i]);
  push_u32(L, smpp_histogram_highest(i));
  return 3;
}

/* histogram:value(wanted) -> microseconds that so many of the values do not exceed; nil: nothing was counted */
static int histogram_value(lua_State *L) {
  const struct smpp_histogram *h = check_histogram(L, 1);
  lua_Number wanted = luaL_checknumber(L, 2);
  if (h->count == 0) return 0;
  push_u32(L, smpp_histogram_value(h, wanted >= 1 ? (uint64_t)wanted : 1));
  return 1;
}

/* histogram:count() -> values, values above an hour */
static int histogram_count(lua_State *L) {
  const struct smpp_histogram *h = check_histogram(L, 1);
  push_u64(L, h->count);
  push_u64(L, h->clamped);
  return 2;
}

/* histogram:extent() -> sum, smallest, largest in microseconds, as recorded; nil: nothing was counted */
static int histogram_extent(lua_State *L) {
  const struct smpp_histogram *h = check_histogram(L, 1);
  if (h->count == 0) return 0;
  lua_pushnumber(L, (lua_Number)h->sum_us);
  push_u32(L, h->min_us);
  push_u32(L, h->max_us);
  return 3;
}

/* histogram:set_extent(sum, smallest, largest), where they are known better than from the values put */
static int histogram_set_extent(lua_State *L) {
  struct smpp_histogram *h = check_histogram(L, 1);
  lua_Number sum = luaL_checknumber(L, 2);
  uint32_t least = check_u32(L, 3), most = check_u32(L, 4);
  luaL_argcheck(L, h->count > 0 && smpp_histogram_index(least) == smpp_histogram_index(h->min_us), 3, "not in the index of the smallest value");
  luaL_argcheck(L, most >= least && smpp_histogram_index(most) == smpp_histogram_index(h->max_us), 4, "not in the index of the largest value");
  h->sum_us = (double)sum;
  h->min_us = least;
  h->max_us = most;
  return 0;
}

void smpp_open_histogram(lua_State *L) {
  static const luaL_Reg methods[] = {{"record", histogram_record}, {"add", histogram_add},     {"clear", histogram_clear},
                                     {"put", histogram_put},       {"after", histogram_after}, {"value", histogram_value},
                                     {"count", histogram_count},   {"extent", histogram_extent},
                                     {"set_extent", histogram_set_extent}, {NULL, NULL}};
  luaL_newmetatable(L, HISTOGRAM_T);
  lua_pushliteral(L, HISTOGRAM_T);
  lua_setfield(L, -2, "__metatable");
  luaL_newlib(L, methods);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "__index");
  lua_setfield(L, -3, "histogram_methods");
  lua_pop(L, 1);
  lua_pushcfunction(L, histogram_new);
  lua_setfield(L, -2, "histogram");
}
