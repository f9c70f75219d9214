/* session_support.h - what the C specs of sessions share: checks that count,
 * PDUs by command name, an allocator that fails on purpose, the way to a state. */
#ifndef SESSION_SUPPORT_H
#define SESSION_SUPPORT_H

#include "check.h"
#include "smpp/alloc.h"
#include "smpp/session.h"

/* ---- allocation ---- */

static long blocks_alive, allocations, fail_at, fail_until; /* fail_at 0: never */
static bool has_failed;

static inline void *failing_realloc(void *block, size_t size) {
  if (size == 0) {
    if (block == NULL) return NULL;
    blocks_alive--;
    free((uint8_t *)block - sizeof(size_t));
    return NULL;
  }
  allocations++;
  if (fail_at != 0 && allocations >= fail_at && allocations <= fail_until) {
    has_failed = true;
    return NULL;
  }
  /* Always elsewhere: who holds an old pointer is found out. */
  uint8_t *fresh = malloc(size + sizeof(size_t));
  if (fresh == NULL) abort();
  memcpy(fresh, &size, sizeof size);
  if (block == NULL) {
    blocks_alive++;
    return fresh + sizeof size;
  }
  size_t old;
  memcpy(&old, (uint8_t *)block - sizeof old, sizeof old);
  memcpy(fresh + sizeof size, block, old < size ? old : size);
  free((uint8_t *)block - sizeof old);
  return fresh + sizeof size;
}

/* ---- PDUs ---- */

#define MESSAGE_TLVS 8

struct built {
  struct smpp_message message;
  struct smpp_tlv_out tlvs[MESSAGE_TLVS];
};

/* A message with nothing in it but what its command requires. */
static inline void build(struct built *b, const struct smpp_command *command, uint32_t sequence, uint32_t status) {
  static const uint8_t zeros[16];
  memset(b, 0, sizeof *b);
  b->message.command = command;
  b->message.sequence = sequence;
  b->message.status = status;
  b->message.tlvs = b->tlvs;
  const struct smpp_required_tlv *required;
  for (size_t i = 0; (required = smpp_required_tlv_at(i)) != NULL; i++) {
    if (required->command_id != command->id || status != 0) continue;
    const struct smpp_tlv_row *row = smpp_tlv_by_tag(required->tag);
    b->tlvs[b->message.tlv_count++] = (struct smpp_tlv_out){row->tag, row->min < 16 ? row->min : 16, zeros};
  }
  /* A response with status 0 has its parameters, empty ones too. */
  int version = smpp_param_position(command, SMPP_F_INTERFACE_VERSION);
  if (version >= 0) b->message.params[version] = (struct smpp_value){.is = SMPP_NUMBER, .number = 0x34};
}

/* Octets of a message; returns how many, 0 if it cannot be written. */
static inline size_t written(const struct smpp_message *message, uint8_t *out, size_t capacity) {
  struct smpp_writer w = {out, capacity, 0};
  struct smpp_fault fault;
  if (smpp_pdu_encode(message, &w, &fault) != 0 || !smpp_write_fits(&w)) return 0;
  return w.length;
}

static inline size_t pdu_of(const struct smpp_command *command, uint32_t sequence, uint32_t status, uint8_t *out,
                            size_t capacity) {
  struct built b;
  build(&b, command, sequence, status);
  return written(&b.message, out, capacity);
}

/* One of our own requests, empty; as smpp_session_request. */
static inline int request(struct smpp_session *s, const char *command, uint64_t cookie, double now,
                          uint32_t *sequence) {
  struct built b;
  struct smpp_fault fault;
  build(&b, smpp_command_by_name(NULL, command), 0, 0);
  return smpp_session_request(s, &b.message, cookie, now, sequence, &fault);
}

/* ---- sessions ---- */

static inline void drain(struct smpp_session *s) {
  struct smpp_event e;
  size_t length = 0;
  while (smpp_session_next(s, &e)) continue;
  smpp_session_output(s, &length);
  smpp_session_sent(s, length);
}

static inline void from_peer(struct smpp_session *s, const char *command, uint32_t sequence) {
  uint8_t octets[256];
  size_t length = pdu_of(smpp_command_by_name(NULL, command), sequence, 0, octets, sizeof octets);
  CHECK_FOR(length > 0, command);
  smpp_session_feed(s, octets, length, 0);
  drain(s);
}

static inline const char *bind_for(enum smpp_state state) {
  return state == SMPP_STATE_BOUND_TX   ? "bind_transmitter"
         : state == SMPP_STATE_BOUND_RX ? "bind_receiver"
                                        : "bind_transceiver";
}

/* A session that went the way to |state| that the standard shows. */
static inline struct smpp_session *reach(enum smpp_role role, enum smpp_state state, uint8_t version, bool unchecked) {
  struct smpp_session_config config;
  uint32_t sequence = 0;
  char response[40];
  smpp_session_defaults(&config, role);
  config.version = version;
  config.unchecked = unchecked;
  struct smpp_session *s = smpp_session_new(&config, 0);
  if (state == SMPP_STATE_OUTBOUND) {
    if (role == SMPP_MC)
      CHECK(request(s, "outbind", 0, 0, &sequence) == 0);
    else
      from_peer(s, "outbind", 1);
  }
  if (state >= SMPP_STATE_BOUND_TX) {
    const char *bind = version < SMPP_34 && state > SMPP_STATE_BOUND_RX ? "bind_transmitter" : bind_for(state);
    if (role == SMPP_MC) {
      from_peer(s, bind, 1);
      CHECK(smpp_session_answer(s, smpp_command_by_name(NULL, bind)->id, 1, 0, "", 0, 0) == 0);
    } else {
      struct built b;
      struct smpp_fault fault;
      build(&b, smpp_command_by_name(NULL, bind), 0, 0);
      b.message.params[3].number = version;
      CHECK(smpp_session_request(s, &b.message, 0, 0, &sequence, &fault) == 0);
      snprintf(response, sizeof response, "%s_resp", bind);
      from_peer(s, response, sequence);
    }
  }
  if (state == SMPP_STATE_UNBOUND) { /* crossing: an MC's session is over otherwise */
    CHECK(smpp_session_unbind(s, 0, 0) == 0);
    from_peer(s, "unbind", 2);
  }
  if (state == SMPP_STATE_CLOSED) smpp_session_close(s, "closed");
  drain(s);
  return s;
}

#endif
