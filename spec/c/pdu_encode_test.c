/* pdu_encode.c: what is measured is what is written, at every capacity; limits of every parameter in every version. */
#include "check.h"
#include "smpp/pdu.h"

static const uint8_t text[300] = {'x'};

static int encode(const struct smpp_message *message, size_t capacity, size_t *length) {
  uint8_t *out = malloc(capacity + 1);
  struct smpp_writer w = {out, capacity, 0};
  struct smpp_fault fault;
  int error = smpp_pdu_encode(message, &w, &fault);
  *length = w.length;
  if (error == 0 && capacity >= w.length) CHECK(smpp_get_u32(out) == w.length);
  free(out);
  return error;
}

int main(void) {
  const struct smpp_command *command;
  static uint8_t octets[300];
  memset(octets, 'x', sizeof octets);
  for (size_t i = 0; (command = smpp_command_at(i)) != NULL; i++) {
    for (unsigned p = 0; p < command->param_count; p++) {
      const struct smpp_param *param = &command->params[p];
      static const uint8_t versions[] = {SMPP_33, SMPP_34, SMPP_50};
      for (size_t v = 0; v < 3; v++) {
        unsigned limit = smpp_param_limit(param, versions[v]);
        if (limit == 0) continue; /* not in this version */
        struct smpp_message message = {.command = command, .sequence = 1, .version = versions[v]};
        struct smpp_value *value = &message.params[p];
        size_t length;
        if (param->kind <= SMPP_U32) {
          *value = (struct smpp_value){.is = SMPP_NUMBER, .number = param->kind == SMPP_U8 ? 0xFF : param->kind == SMPP_U16 ? 0xFFFF : 0xFFFFFFFF};
          CHECK_FOR(encode(&message, 1000, &length) == 0, param->name);
          value->number++;
          if (param->kind != SMPP_U32) CHECK_FOR(encode(&message, 1000, &length) == SMPP_ERR_BAD_VALUE && length == 0, param->name);
        } else if (param->kind == SMPP_CSTRING) {
          *value = (struct smpp_value){.is = SMPP_STRING, .octets = octets, .length = limit - 1};
          CHECK_FOR(encode(&message, 1000, &length) == 0, param->name);
          value->length = limit;
          CHECK_FOR(encode(&message, 1000, &length) == SMPP_ERR_TOO_LONG && length == 0, param->name);
          value->octets = (const uint8_t *)"a\0b";
          value->length = 3;
          if (limit > 3) CHECK_FOR(encode(&message, 1000, &length) == SMPP_ERR_BAD_VALUE && length == 0, param->name);
        } else if (param->kind == SMPP_TEXT) {
          *value = (struct smpp_value){.is = SMPP_STRING, .octets = octets, .length = limit};
          CHECK_FOR(encode(&message, 1000, &length) == 0, param->name);
          value->length = limit + 1;
          CHECK_FOR(encode(&message, 1000, &length) == SMPP_ERR_TOO_LONG && length == 0, param->name);
        }
      }
    }
  }

  /* An absent parameter is an empty one, or 0. */
  for (size_t i = 0; (command = smpp_command_at(i)) != NULL; i++) {
    struct smpp_message absent = {.command = command, .sequence = 1, .has_body = true}, empty = absent;
    uint8_t out[2][200];
    struct smpp_writer w[2] = {{out[0], sizeof out[0], 0}, {out[1], sizeof out[1], 0}};
    struct smpp_fault none;
    for (unsigned p = 0; p < command->param_count; p++) {
      unsigned kind = command->params[p].kind;
      bool is_number = kind == SMPP_U8 || kind == SMPP_U16 || kind == SMPP_U32;
      bool is_list = kind == SMPP_DESTS || kind == SMPP_UNSUCCESS || kind == SMPP_IDS;
      empty.params[p] = (struct smpp_value){.is = is_number ? SMPP_NUMBER : is_list ? SMPP_LIST : SMPP_STRING, .octets = text};
    }
    CHECK_FOR(smpp_pdu_encode(&absent, &w[0], &none) == 0 && smpp_pdu_encode(&empty, &w[1], &none) == 0, command->name);
    CHECK_FOR(w[0].length == w[1].length && memcmp(out[0], out[1], w[0].length) == 0, command->name);
  }

  static const struct smpp_tlv_out tlvs[] = {{0x0424, 200, text}, {0x1400, 0, text}};
  struct smpp_message message = {.command = smpp_command_by_name(NULL, "submit_sm"), .sequence = 1, .tlvs = tlvs, .tlv_count = 2,
    .padding = text, .padding_length = 1, .trailing = text, .trailing_length = 3};
  size_t measured, length;
  struct smpp_writer counting = {NULL, 0, 0};
  struct smpp_fault fault;
  CHECK(smpp_pdu_encode(&message, &counting, &fault) == 0 && !smpp_write_fits(&counting));
  measured = counting.length;
  for (size_t capacity = 0; capacity <= measured; capacity++) CHECK(encode(&message, capacity, &length) == 0 && length == measured);

  message = (struct smpp_message){.command = smpp_command_by_name(NULL, "submit_sm_resp"), .status = 8, .sequence = 1};
  CHECK(encode(&message, 100, &length) == 0 && length == 16); /* 3.4, 4.4.2: no body unless command_status is 0 */
  return report();
}
