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

#define SMPP_FIELD_ENUM(upper, lower, enum_set) SMPP_F_##upper,
enum smpp_field { SMPP_FIELDS(SMPP_FIELD_ENUM) SMPP_FIELD_COUNT };
#undef SMPP_FIELD_ENUM

/* Most parameters a command has. */
#define SMPP_PARAMS_MAX 18

/* roles as sets */
#define SMPP_ROLE_BIT(upper, lower) SMPP_ROLE_BIT_##upper,
enum smpp_role_bit { SMPP_ROLES(SMPP_ROLE_BIT) SMPP_ROLE_COUNT };
#undef SMPP_ROLE_BIT
#define SMPP_ROLE_SET(upper, lower) SMPP_ROLE_##upper = 1 << SMPP_ROLE_BIT_##upper,
enum smpp_role_set { SMPP_ROLES(SMPP_ROLE_SET) SMPP_NO_ROLE = 0 };
#undef SMPP_ROLE_SET

struct smpp_param {
  const char *name;
  uint8_t field; /* enum smpp_field */
  uint8_t kind;  /* enum smpp_kind */
  uint8_t max[3]; /* most octets in 3.3, 3.4, 5.0, a NUL included; lists: entries; 0: not there */
  uint8_t enum_set;
  uint8_t status; /* command_status that refuses a PDU whose parameter cannot be read */
};

struct smpp_command {
  uint32_t id;
  const char *name;
  uint8_t versions;     /* set of SMPP_V.. that define it */
  uint8_t tlv_versions; /* set of SMPP_V.. that list TLVs for it */
  uint8_t esme_sends_in, mc_sends_in; /* sets of SMPP_IN_.. */
  uint16_t roles; /* set of SMPP_ROLE_.. */
  uint32_t response_id; /* 0: never answered */
  const struct smpp_param *params; /* in wire order */
  uint8_t param_count;
  const uint8_t *positions; /* [field] -> place among the params plus 1 */
  uint8_t position_count;
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
  const char *note;         /* the version of the alias, or of a name of 3.3 alone: "3.3; number inferred"; or NULL */
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

/* Commands outside the tables, as a vendor defines them; owned by the caller that declares them. */
#define SMPP_DECLARED_MAX 128
struct smpp_declared {
  size_t count;
  const struct smpp_command *commands[SMPP_DECLARED_MAX]; /* in ascending order of their ids */
};

/* Adds a command.  False: |declared| is full, or its id or name is in use, here or in the tables. */
bool smpp_declare(struct smpp_declared *declared, const struct smpp_command *command);

/* Of the tables, then of |declared|, which may be NULL. */
const struct smpp_command *smpp_command_by_id(const struct smpp_declared *declared, uint32_t id);
const struct smpp_command *smpp_command_by_name(const struct smpp_declared *declared, const char *name);
/* The |index|-th command, NULL past the last. */
const struct smpp_command *smpp_command_at(size_t index);

/* Place of |field| among the command's parameters, -1 if it has none such. */
static inline int smpp_param_position(const struct smpp_command *command, unsigned field) {
  return field < command->position_count ? (int)command->positions[field] - 1 : -1;
}

const char *smpp_role_name(unsigned bit);

const char *smpp_field_name(unsigned field);
unsigned smpp_field_enum_set(unsigned field);

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

/* Most octets of the string in an entry of a list, its NUL included.  Message ids have 8 characters in 3.3, else 64. */
static inline unsigned smpp_entry_limit(const struct smpp_param *param) {
  if (param->kind != SMPP_IDS) return 21;
  return param->max[1] == 0 && param->max[2] == 0 ? 9 : 65;
}

#endif
