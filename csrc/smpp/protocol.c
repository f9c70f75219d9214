#include "protocol.h"

#include <string.h>

#define SMPP_PROTOCOL_DATA
#undef SMPP_FIELDS
#include "protocol_data.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct field_row {
  const char *name;
  uint8_t enum_set;
};

#define FIELD_ROW(upper, lower, enum_set) {#lower, enum_set},
static const struct field_row fields[] = {SMPP_FIELDS(FIELD_ROW)};

const struct smpp_command smpp_unknown_command = {.name = "unknown", .versions = SMPP_V33 | SMPP_V34 | SMPP_V50};

/* Place of the first declared command whose id is not below |id|. */
static size_t declared_place(const struct smpp_declared *declared, uint32_t id) {
  size_t low = 0, high = declared->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (declared->commands[middle]->id < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

const struct smpp_command *smpp_command_by_id(const struct smpp_declared *declared, uint32_t id) {
  size_t low = 0, high = COUNT(commands);
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (commands[middle].id == id) return &commands[middle];
    if (commands[middle].id < id)
      low = middle + 1;
    else
      high = middle;
  }
  if (declared == NULL) return NULL;
  size_t place = declared_place(declared, id);
  return place < declared->count && declared->commands[place]->id == id ? declared->commands[place] : NULL;
}

const struct smpp_command *smpp_command_by_name(const struct smpp_declared *declared, const char *name) {
  for (size_t i = 0; i < COUNT(commands); i++)
    if (strcmp(commands[i].name, name) == 0) return &commands[i];
  for (size_t i = 0; declared != NULL && i < declared->count; i++)
    if (strcmp(declared->commands[i]->name, name) == 0) return declared->commands[i];
  return NULL;
}

bool smpp_declare(struct smpp_declared *declared, const struct smpp_command *command) {
  if (declared->count == SMPP_DECLARED_MAX || smpp_command_by_id(declared, command->id) != NULL ||
      smpp_command_by_name(declared, command->name) != NULL)
    return false;
  size_t place = declared_place(declared, command->id);
  for (size_t i = declared->count++; i > place; i--) declared->commands[i] = declared->commands[i - 1];
  declared->commands[place] = command;
  return true;
}

const struct smpp_command *smpp_command_at(size_t index) {
  return index < COUNT(commands) ? &commands[index] : NULL;
}

const char *smpp_role_name(unsigned bit) {
#define ROLE_NAME(upper, lower) #lower,
  static const char *const names[] = {SMPP_ROLES(ROLE_NAME)};
#undef ROLE_NAME
  return names[bit];
}

const char *smpp_field_name(unsigned field) { return fields[field].name; }

unsigned smpp_field_enum_set(unsigned field) { return fields[field].enum_set; }

const struct smpp_tlv_row *smpp_tlv_by_tag(uint32_t tag) {
  size_t low = 0, high = COUNT(tlvs);
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (tlvs[middle].tag == tag) return &tlvs[middle];
    if (tlvs[middle].tag < tag)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

const struct smpp_tlv_row *smpp_tlv_at(size_t index) {
  return index < COUNT(tlvs) ? &tlvs[index] : NULL;
}

const struct smpp_required_tlv *smpp_required_tlv_at(size_t index) {
  return index < COUNT(required_tlvs) ? &required_tlvs[index] : NULL;
}

const struct smpp_status_row *smpp_status_by_code(uint32_t code) {
  size_t low = 0, high = COUNT(statuses);
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (statuses[middle].code == code) return &statuses[middle];
    if (statuses[middle].code < code)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

const struct smpp_status_row *smpp_status_by_name(const char *name) {
  for (size_t i = 0; i < COUNT(statuses); i++) {
    const struct smpp_status_row *row = &statuses[i];
    if (strcmp(row->name, name) == 0) return row;
  }
  for (size_t i = 0; i < COUNT(statuses); i++) {
    const struct smpp_status_row *row = &statuses[i];
    if (row->alias != NULL && strcmp(row->alias, name) == 0) return row;
  }
  return NULL;
}

const struct smpp_status_row *smpp_status_at(size_t index) {
  return index < COUNT(statuses) ? &statuses[index] : NULL;
}

const struct smpp_enum_set *smpp_enum_set_at(size_t index) {
  return index < COUNT(enum_sets) ? &enum_sets[index] : NULL;
}

const struct smpp_enum *smpp_enums(const struct smpp_enum_set *set) { return enums + set->first; }

bool smpp_enum_value(unsigned set, const char *sub, const char *name, uint32_t *value) {
  const struct smpp_enum_set *names = &enum_sets[set];
  for (const struct smpp_enum *e = enums + names->first, *end = e + names->count; e < end; e++) {
    if ((sub == NULL || strcmp(e->sub, sub) == 0) && strcmp(e->name, name) == 0) {
      *value = e->low;
      return true;
    }
  }
  return false;
}
