/* protocol.c: what is in the tables is found by each of its keys, and nothing else is. */
#include "check.h"
#include "smpp/protocol.h"

int main(void) {
  size_t n = 0;
  for (const struct smpp_command *c; (c = smpp_command_at(n)) != NULL; n++) {
    CHECK_FOR(smpp_command_by_id(NULL, c->id) == c && smpp_command_by_name(NULL, c->name) == c, c->name);
    CHECK_FOR(c->param_count <= SMPP_PARAMS_MAX, c->name);
    for (unsigned i = 0; i < c->param_count; i++) CHECK_FOR(smpp_param_position(c, c->params[i].field) == (int)i, c->params[i].name);
    if (c->response_id != 0) {
      const struct smpp_command *response = smpp_command_by_id(NULL, c->response_id);
      CHECK_FOR(response != NULL && (c->response_id & SMPP_RESPONSE_BIT) != 0 && (response->versions & c->versions) == c->versions, c->name);
    }
  }
  CHECK(n > 30 && smpp_command_at(n + 1000) == NULL);
  static const uint32_t no_ids[] = {0, 0x10, 0x00010200, 0x7FFFFFFF, 0x80000010, 0xFFFFFFFF};
  for (size_t i = 0; i < sizeof no_ids / sizeof *no_ids; i++) CHECK(smpp_command_by_id(NULL, no_ids[i]) == NULL);
  CHECK(smpp_command_by_name(NULL, "") == NULL && smpp_command_by_name(NULL, "submit_s") == NULL && smpp_command_by_name(NULL, "submit_smx") == NULL);
  CHECK(smpp_param_position(smpp_command_by_name(NULL, "enquire_link"), 0) == -1 && smpp_unknown_command.param_count == 0);

  static struct smpp_declared declared; /* commands of a vendor's: found by id and name, each once, up to the limit */
  static struct smpp_command own[SMPP_DECLARED_MAX + 1];
  static char names[SMPP_DECLARED_MAX + 1][8];
  for (size_t i = 0; i <= SMPP_DECLARED_MAX; i++) {
    names[i][0] = 'x';
    for (size_t digit = 0, rest = i; digit < 3; digit++, rest /= 10) names[i][digit + 1] = (char)('0' + rest % 10);
    own[i] = (struct smpp_command){.id = 0x00010200u + (uint32_t)(i * 67 % 129), .name = names[i]};
    CHECK(smpp_declare(&declared, &own[i]) == (i < SMPP_DECLARED_MAX) && !smpp_declare(&declared, &own[i]));
  }
  for (size_t i = 0; i < SMPP_DECLARED_MAX; i++) {
    CHECK(i == 0 || declared.commands[i - 1]->id < declared.commands[i]->id);
    CHECK(smpp_command_by_id(&declared, own[i].id) == &own[i] && smpp_command_by_name(&declared, names[i]) == &own[i]);
  }
  CHECK(smpp_command_by_id(&declared, 0x00010300u) == NULL && smpp_command_by_id(&declared, SMPP_SUBMIT_SM) == smpp_command_by_id(NULL, SMPP_SUBMIT_SM));

  for (n = 0; smpp_tlv_at(n) != NULL; n++) CHECK(smpp_tlv_by_tag(smpp_tlv_at(n)->tag) == smpp_tlv_at(n));
  CHECK(n >= 64 && smpp_tlv_by_tag(0) == NULL && smpp_tlv_by_tag(0x10000) == NULL && smpp_tlv_by_tag(0xFFFFFFFF) == NULL);
  for (n = 0; smpp_status_at(n) != NULL; n++) {
    const struct smpp_status_row *row = smpp_status_at(n);
    CHECK_FOR(smpp_status_by_code(row->code) == row && smpp_status_by_name(row->name) == row, row->name);
    const struct smpp_status_row *found = row->alias != NULL ? smpp_status_by_name(row->alias) : row;
    CHECK_FOR(found == row || (found != NULL && strcmp(found->name, row->alias) == 0), row->name); /* a name comes before an alias */
  }
  CHECK(n > 70 && smpp_status_by_code(0xFFFFFFFF) == NULL && smpp_status_by_name("ESME_") == NULL);
  for (n = 0; smpp_required_tlv_at(n) != NULL; n++)
    CHECK(smpp_command_by_id(NULL, smpp_required_tlv_at(n)->command_id) != NULL && smpp_tlv_by_tag(smpp_required_tlv_at(n)->tag) != NULL);
  for (n = 0; smpp_enum_set_at(n) != NULL; n++) {
    const struct smpp_enum_set *set = smpp_enum_set_at(n);
    for (unsigned i = 0; i < set->count; i++) CHECK_FOR(smpp_enums(set)[i].name != NULL && smpp_enums(set)[i].low <= smpp_enums(set)[i].high, set->name);
  }
  for (unsigned field = 0; field < SMPP_FIELD_COUNT; field++) CHECK(smpp_field_name(field) != NULL);
  for (unsigned version = 0; version < 256; version++) {
    uint8_t set = smpp_version_set((uint8_t)version);
    CHECK(set == (version <= 0x33 ? SMPP_V33 : version < 0x50 ? SMPP_V34 : SMPP_V50));
  }
  return report();
}
