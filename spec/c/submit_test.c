/* Which submit_sm are plain, and which are usual: one that is both, and each with one field another. */
#include "check.h"
#include "smpp/submit.h"

struct row {
  unsigned field;
  uint32_t number;
  const char *octets; /* instead of |number| */
  bool is_plain, is_usual;
};

static const struct row ROWS[] = {
    {SMPP_F_SOURCE_ADDR_TON, 6, NULL, true, true},         {SMPP_F_SOURCE_ADDR_TON, 7, NULL, false, true},
    {SMPP_F_SOURCE_ADDR_NPI, 18, NULL, true, true},        {SMPP_F_SOURCE_ADDR_NPI, 2, NULL, false, true},
    {SMPP_F_DEST_ADDR_TON, 7, NULL, false, true},          {SMPP_F_DEST_ADDR_NPI, 19, NULL, false, true},
    {SMPP_F_DESTINATION_ADDR, 0, "", false, true},         {SMPP_F_DESTINATION_ADDR, 0, "+", false, true},
    {SMPP_F_DESTINATION_ADDR, 0, "+49", true, true},       {SMPP_F_DESTINATION_ADDR, 0, "4a", false, true},
    {SMPP_F_ESM_CLASS, 0x43, NULL, true, true},            {SMPP_F_ESM_CLASS, 2, NULL, true, false},
    {SMPP_F_ESM_CLASS, 4, NULL, false, true},              {SMPP_F_ESM_CLASS, 0x10, NULL, true, true},
    {SMPP_F_REGISTERED_DELIVERY, 3, NULL, false, true},    {SMPP_F_REGISTERED_DELIVERY, 0x11, NULL, true, false},
    {SMPP_F_REGISTERED_DELIVERY, 0x21, NULL, false, true}, {SMPP_F_PRIORITY_FLAG, 4, NULL, false, true},
    {SMPP_F_REPLACE_IF_PRESENT_FLAG, 1, NULL, true, false}, {SMPP_F_REPLACE_IF_PRESENT_FLAG, 2, NULL, false, true},
    {SMPP_F_SM_DEFAULT_MSG_ID, 9, NULL, false, true},      {SMPP_F_SHORT_MESSAGE, 0, "12345678901", false, true},
    {SMPP_F_SHORT_MESSAGE, 0, "", true, true},             {SMPP_F_VALIDITY_PERIOD, 0, "000000000002000R", false, false},
    {SMPP_F_SCHEDULE_DELIVERY_TIME, 0, "000000000002000R", false, false}};

static void set(struct smpp_message *m, unsigned field, uint32_t number, const char *octets) {
  int position = smpp_param_position(m->command, field);
  if (!CHECK(position >= 0)) return;
  m->params[position].is = octets != NULL ? SMPP_STRING : SMPP_NUMBER;
  m->params[position].number = number;
  m->params[position].octets = (const uint8_t *)octets;
  m->params[position].length = octets != NULL ? (uint32_t)strlen(octets) : 0;
}

static uint8_t *encoded(struct smpp_message *m, struct smpp_pdu *pdu) {
  uint8_t out[512];
  struct smpp_writer w = {out, sizeof out, 0};
  struct smpp_fault fault;
  CHECK(smpp_pdu_encode(m, &w, &fault) == 0 && smpp_write_fits(&w));
  uint8_t *octets = exactly(out, w.length);
  smpp_pdu_decode(octets, (uint32_t)w.length, 0, NULL, pdu);
  return octets;
}

static void start(struct smpp_message *m, uint32_t command) {
  memset(m, 0, sizeof *m);
  m->command = smpp_command_by_id(NULL, command);
  set(m, SMPP_F_DEST_ADDR_TON, 1, NULL);
  set(m, SMPP_F_DESTINATION_ADDR, 0, "4917");
}

static const struct smpp_submit_limits LIMITS = {10, 8, true};

static void check_tlv(uint16_t tag, uint32_t length, uint8_t version, bool is_plain, bool is_usual) {
  struct smpp_message m;
  struct smpp_pdu pdu;
  const struct smpp_tlv_out tlv = {tag, length, (const uint8_t *)"\1\2\3\4"};
  start(&m, 4);
  m.tlvs = &tlv;
  m.tlv_count = 1;
  uint8_t *octets = encoded(&m, &pdu);
  CHECK(smpp_submit_is_plain(&pdu, version, &LIMITS) == is_plain);
  CHECK(smpp_submit_is_usual(&pdu) == is_usual);
  free(octets);
}

int main(void) {
  struct smpp_message m;
  struct smpp_pdu pdu;
  uint32_t length;
  uint8_t *octets;
  for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    start(&m, 4);
    set(&m, SMPP_F_SHORT_MESSAGE, 0, "text");
    set(&m, ROWS[i].field, ROWS[i].number, ROWS[i].octets);
    octets = encoded(&m, &pdu);
    CHECK_FOR(smpp_submit_is_plain(&pdu, SMPP_34, &LIMITS) == ROWS[i].is_plain, smpp_field_name(ROWS[i].field));
    CHECK_FOR(smpp_submit_is_usual(&pdu) == ROWS[i].is_usual, smpp_field_name(ROWS[i].field));
    if (ROWS[i].octets == NULL) CHECK(smpp_submit_number(&pdu, ROWS[i].field) == ROWS[i].number);
    CHECK(ROWS[i].field == SMPP_F_SHORT_MESSAGE || (memcmp(smpp_submit_octets(&pdu, SMPP_F_SHORT_MESSAGE, &length), "text", 4) == 0 && length == 4));
    free(octets);
  }
  start(&m, 4);
  set(&m, SMPP_F_PRIORITY_FLAG, 4, NULL);
  set(&m, SMPP_F_REGISTERED_DELIVERY, 3, NULL);
  octets = encoded(&m, &pdu);
  CHECK(smpp_submit_is_plain(&pdu, SMPP_50, &LIMITS) && !smpp_submit_is_plain(&pdu, SMPP_34, &LIMITS));
  free(octets);
  start(&m, 4);
  set(&m, SMPP_F_DESTINATION_ADDR, 0, "shop");
  octets = encoded(&m, &pdu);
  CHECK(smpp_submit_is_plain(&pdu, SMPP_34, &(struct smpp_submit_limits){10, 8, false}));
  free(octets);
  check_tlv(0x0204, 2, SMPP_34, true, true);
  check_tlv(0x0204, 2, SMPP_50, false, true);
  check_tlv(0x0204, 1, SMPP_34, false, true); /* of the wrong length */
  check_tlv(0x0424, 4, SMPP_34, false, false);
  check_tlv(0x0017, 4, SMPP_34, false, false);
  check_tlv(0x0501, 1, SMPP_34, true, false);
  check_tlv(0x1383, 2, SMPP_34, true, false);
  memset(&m, 0, sizeof m);
  m.command = smpp_command_by_id(NULL, 0x15); /* enquire_link */
  octets = encoded(&m, &pdu);
  CHECK(!smpp_submit_is_plain(&pdu, SMPP_34, &LIMITS) && !smpp_submit_is_usual(&pdu));
  CHECK(smpp_submit_number(&pdu, SMPP_F_ESM_CLASS) == 0 && smpp_submit_octets(&pdu, SMPP_F_SHORT_MESSAGE, &length) == NULL && length == 0);
  free(octets);
  return report();
}
