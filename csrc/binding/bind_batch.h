/* bind_batch.h - core.histogram, and core.batch: messages of a load test that are made, sent and counted in C. */
#ifndef SMPP_BIND_BATCH_H
#define SMPP_BIND_BATCH_H

#include "lua_compat.h"
#include "smpp/histogram.h"
#include "smpp/session.h"

/* Add their functions to the module, which is on top. */
void smpp_open_histogram(lua_State *L);
void smpp_open_batch(lua_State *L);

/* The histogram at argument |arg|; raises on anything else. */
struct smpp_histogram *check_histogram(lua_State *L, int arg);

/* Cookies of requests of a batch have this bit; no other cookie is so large. */
#define BATCH_COOKIE ((uint64_t)1 << 52)

/* Shared by its userdata and the sessions with requests of it. */
struct batch;
struct batch *batch_keep(struct batch *b);
void batch_release(struct batch *b);

/* The outcome of a request of the batch. */
void batch_end(struct batch *b, const struct smpp_event *event);

/* session:send_batch(...) */
int session_send_batch(lua_State *L);

/* The session at argument 1, which keeps |b| and tells it outcomes from now on (bind_session.c). */
struct smpp_session *check_batch_session(lua_State *L, struct batch *b);

/* The status of a response: a generic_nack without a reason is ESME_RUNKNOWNERR (bind_session_events.c). */
uint32_t event_status(const struct smpp_event *event);

#endif
