/* protocol.h - SMPP as data: commands, parameters, TLVs, statuses, values.
 *
 * Everything here comes from csrc/tables.  Nothing allocates or fails but by
 * returning NULL for "not in the tables". */
#ifndef SMPP_PROTOCOL_H
#define SMPP_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol_data.h"

#define SMPP_HEADER_OCTETS 16u
#define SMPP_RESPONSE_BIT 0x80000000u

/* interface_version octets */
enum { SMPP_33 = 0x33, SMPP_34 = 0x34, SMPP_50 = 0x50 };

/* versions as sets */
enum { SMPP_V33 = 1, SMPP_V34 = 2, SMPP_V50 = 4 };

/* session states as sets (session.md, "Which side may send what") */
enum {
  SMPP_IN_OPEN = 1,
  SMPP_IN_OUTBOUND = 2,
  SMPP_IN_BOUND_TX = 4,
  SMPP_IN_BOUND_RX = 8,
  SMPP_IN_BOUND_TRX = 16,
  SMPP_IN_UNBOUND = 32
};

/* What a parameter or a TLV's value is on the wire. */
enum smpp_kind {
  SMPP_U8,
  SMPP_U16,
  SMPP_U32,
  SMPP_CSTRING,   /* up to a NUL */
  SMPP_TIME,      /* C-octet string: empty or exactly 16 characters */
  SMPP_TEXT,      /* one length octet (sm_length), then as many octets */
  SMPP_DESTS,     /* one count octet, then addresses and distribution lists */
  SMPP_UNSUCCESS, /* one count octet, then addresses with a status each */
  SMPP_IDS,       /* one count octet, then C-octet strings */
  SMPP_OCTETS,    /* TLV: any octets */
  SMPP_FLAG       /* TLV: one octet, or none at all, which counts as 0 */
};

#define SMPP_FIELD_ENUM(upper, lower, enum_set, status) SMPP_F_##upper,
enum smpp_field { SMPP_FIELDS(SMPP_FIELD_ENUM) SMPP_FIELD_COUNT };
#undef SMPP_FIELD_ENUM

/* Most parameters a command has. */
#define SMPP_PARAMS_MAX 18

enum smpp_status {
  SMPP_ROK = 0x00,
  SMPP_RINVMSGLEN = 0x01,
  SMPP_RINVCMDLEN = 0x02,
  SMPP_RINVCMDID = 0x03,
  SMPP_RINVBNDSTS = 0x04,
  SMPP_RALYBND = 0x05,
  SMPP_RSYSERR = 0x08,
  SMPP_RMSGQFUL = 0x14,
  SMPP_RTHROTTLED = 0x58,
  SMPP_RX_T_APPN = 0x64,
  SMPP_RINVTLVSTREAM = 0xC0,
  SMPP_RINVTLVLEN = 0xC2,
  SMPP_RMISSINGTLV = 0xC3
};

#define SMPP_GENERIC_NACK 0x80000000u

enum smpp_command_id {
  SMPP_BIND_RECEIVER = 0x01,
  SMPP_BIND_TRANSMITTER = 0x02,
  SMPP_SUBMIT_SM = 0x04,
  SMPP_DELIVER_SM = 0x05,
  SMPP_UNBIND = 0x06,
  SMPP_BIND_TRANSCEIVER = 0x09,
  SMPP_OUTBIND = 0x0B,
  SMPP_ENQUIRE_LINK = 0x15,
  SMPP_ALERT_NOTIFICATION = 0x102,
  SMPP_DATA_SM = 0x103,
  SMPP_BROADCAST_SM = 0x111
};

struct smpp_param {
  uint8_t field; /* enum smpp_field */
  uint8_t kind;  /* enum smpp_kind */
  uint8_t max[3]; /* most octets in 3.3, 3.4, 5.0, a NUL included; lists: entries; 0: not there */
};

struct smpp_command {
  uint32_t id;
  const char *name;
  uint8_t versions;     /* set of SMPP_V.. that define it */
  uint8_t tlv_versions; /* set of SMPP_V.. that list TLVs for it */
  uint8_t esme_sends_in, mc_sends_in; /* sets of SMPP_IN_.. */
  uint32_t response_id; /* 0: never answered */
  uint8_t first_param, param_count;
};

struct smpp_tlv_row {
  uint16_t tag;
  uint8_t kind;
  bool repeats; /* may stand more than once by design */
  uint16_t min, max; /* octets of the value */
  uint8_t versions;
  uint8_t enum_set;
  const char *name, *alias;
};

struct smpp_required_tlv {
  uint32_t command_id;
  uint16_t tag;
};

struct smpp_status_row {
  uint32_t code;
  const char *name, *alias; /* alias may be NULL */
  const char *class_name;   /* success, throttle, temporary, permanent, session */
  const char *bind;         /* bound, retry_later, give_up or NULL */
  const char *meaning, *advice;
};

struct smpp_enum {
  const char *sub; /* part of the octet, or "" */
  uint16_t mask, low, high;
  const char *name;
};

struct smpp_enum_set {
  const char *name;
  uint16_t first, count;
};

/* Stands for a command outside the tables, which has no parameters. */
extern const struct smpp_command smpp_unknown_command;

const struct smpp_command *smpp_command_by_id(uint32_t id);
const struct smpp_command *smpp_command_by_name(const char *name);
/* The |index|-th command, NULL past the last. */
const struct smpp_command *smpp_command_at(size_t index);

const struct smpp_param *smpp_params(const struct smpp_command *command);
/* Place of |field| among the command's parameters, -1 if it has none such. */
int smpp_param_position(const struct smpp_command *command, unsigned field);

const char *smpp_field_name(unsigned field);
unsigned smpp_field_enum_set(unsigned field);
/* command_status that refuses a PDU whose |field| cannot be read. */
uint32_t smpp_field_status(unsigned field);

const struct smpp_tlv_row *smpp_tlv_by_tag(uint32_t tag);
const struct smpp_tlv_row *smpp_tlv_at(size_t index);
const struct smpp_required_tlv *smpp_required_tlv_at(size_t index);

const struct smpp_status_row *smpp_status_by_code(uint32_t code);
/* By name or alias. */
const struct smpp_status_row *smpp_status_by_name(const char *name);
const struct smpp_status_row *smpp_status_at(size_t index);

const struct smpp_enum_set *smpp_enum_set_at(size_t index);
const struct smpp_enum *smpp_enums(const struct smpp_enum_set *set);
/* Value of a name in lower case, in the sub-field |sub| (NULL: any). */
bool smpp_enum_value(unsigned set, const char *sub, const char *name, uint32_t *value);

/* interface_version octet -> set member: <= 0x33 3.3, 0x34-0x4F 3.4, else 5.0. */
static inline uint8_t smpp_version_set(uint8_t version) {
  return version <= SMPP_33 ? SMPP_V33 : version < SMPP_50 ? SMPP_V34 : SMPP_V50;
}

/* Most octets of a parameter, its NUL included, or entries; |version| 0: the most that any version allows. */
static inline unsigned smpp_param_limit(const struct smpp_param *param, uint8_t version) {
  const uint8_t *max = param->max;
  if (version != 0) return max[version <= SMPP_33 ? 0 : version < SMPP_50 ? 1 : 2];
  unsigned most = max[0] > max[1] ? max[0] : max[1];
  return most > max[2] ? most : max[2];
}

#endif
