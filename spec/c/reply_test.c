/* The usual message of a subscriber, that all else is left to a closer look, and the submit_sm that answers it. */
#include "check.h"
#include "smpp/reply.h"

struct row {
  unsigned field;
  uint32_t number;
  const char *octets; /* instead of |number| */
  bool is_usual;
};

static const struct row ROWS[] = {
    {SMPP_F_ESM_CLASS, 0x80, NULL, true},         {SMPP_F_ESM_CLASS, 0x03, NULL, true},      {SMPP_F_ESM_CLASS, 0x04, NULL, false},
    {SMPP_F_ESM_CLASS, 0x20, NULL, false},        {SMPP_F_ESM_CLASS, 0x40, NULL, false},     {SMPP_F_DATA_CODING, 8, NULL, true},
    {SMPP_F_DATA_CODING, 3, NULL, false},         {SMPP_F_DATA_CODING, 4, NULL, false},      {SMPP_F_SHORT_MESSAGE, 0, "", false},
    {SMPP_F_SHORT_MESSAGE, 0, "\376\377", true},  {SMPP_F_SERVICE_TYPE, 0, "CMT", true},     {SMPP_F_SERVICE_TYPE, 0, "USSD", false},
    {SMPP_F_SOURCE_ADDR_TON, 5, NULL, false},     {SMPP_F_SOURCE_ADDR_TON, 2, NULL, true},   {SMPP_F_SOURCE_ADDR, 0, "", false},
    {SMPP_F_SOURCE_ADDR, 0, "+4917", false},      {SMPP_F_SOURCE_ADDR, 0, "49a", false},     {SMPP_F_DESTINATION_ADDR, 0, "", true},
    {SMPP_F_DESTINATION_ADDR, 0, "Shop", true},   {SMPP_F_REGISTERED_DELIVERY, 1, NULL, true}};

static void set(struct smpp_message *m, unsigned field, uint32_t number, const char *octets) {
  int position = smpp_param_position(m->command, field);
  if (!CHECK(position >= 0)) return;
  m->params[position].is = octets != NULL ? SMPP_STRING : SMPP_NUMBER;
  m->params[position].number = number;
  m->params[position].octets = (const uint8_t *)octets;
  m->params[position].length = octets != NULL ? (uint32_t)strlen(octets) : 0;
}

static void start(struct smpp_message *m, uint32_t command) {
  memset(m, 0, sizeof *m);
  m->command = smpp_command_by_id(NULL, command);
  set(m, SMPP_F_SOURCE_ADDR_TON, 1, NULL);
  set(m, SMPP_F_SOURCE_ADDR_NPI, 9, NULL);
  set(m, SMPP_F_SOURCE_ADDR, 0, "4917");
  set(m, SMPP_F_DEST_ADDR_TON, 3, NULL);
  set(m, SMPP_F_DEST_ADDR_NPI, 8, NULL);
  set(m, SMPP_F_DESTINATION_ADDR, 0, "12345");
  set(m, SMPP_F_SHORT_MESSAGE, 0, "Hello");
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

static void check(struct smpp_message *m, bool is_usual, const char *what) {
  struct smpp_usual_message usual;
  struct smpp_pdu pdu;
  uint8_t *octets = encoded(m, &pdu);
  CHECK_FOR(smpp_message_is_usual(&pdu, &usual) == is_usual, what);
  free(octets);
}

static void check_tlv(uint16_t tag, bool is_usual) {
  struct smpp_message m;
  const struct smpp_tlv_out tlv = {tag, 2, (const uint8_t *)"\1\2"};
  start(&m, 5);
  m.tlvs = &tlv;
  m.tlv_count = 1;
  check(&m, is_usual, "TLV");
}

static bool has(const struct smpp_pdu *pdu, unsigned field, const char *octets) {
  const struct smpp_span *span = &pdu->params[smpp_param_position(pdu->command, field)];
  return span->length == strlen(octets) && memcmp(pdu->octets + span->offset, octets, span->length) == 0;
}

static uint8_t octet(const struct smpp_pdu *pdu, unsigned field) { return pdu->octets[pdu->params[smpp_param_position(pdu->command, field)].offset]; }

int main(void) {
  struct smpp_message m, answer;
  struct smpp_usual_message usual;
  struct smpp_pdu pdu, sent;
  for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    start(&m, 5);
    set(&m, ROWS[i].field, ROWS[i].number, ROWS[i].octets);
    check(&m, ROWS[i].is_usual, smpp_field_name(ROWS[i].field));
  }
  start(&m, 5);
  set(&m, SMPP_F_DATA_CODING, 8, NULL);
  set(&m, SMPP_F_SHORT_MESSAGE, 0, "\377\376");
  check(&m, false, "a byte order mark");
  start(&m, 4);
  check(&m, false, "submit_sm");
  check_tlv(0x0204, true); /* user_message_reference */
  check_tlv(0x020C, false);
  check_tlv(0x0424, false);
  check_tlv(0x0501, false);

  start(&m, 5);
  uint8_t *octets = encoded(&m, &pdu);
  CHECK(smpp_message_is_usual(&pdu, &usual) && usual.source_ton == 1 && !usual.is_ucs2);
  CHECK(usual.source_length == 4 && memcmp(usual.source, "4917", 4) == 0 && usual.length == 5 && memcmp(usual.octets, "Hello", 5) == 0);
  CHECK(usual.destination_length == 7 && memcmp(usual.destination, "\3\10" "12345", 7) == 0);
  CHECK(smpp_reply_to(&pdu, (const uint8_t *)"Hi", 2, 8, &answer));
  uint8_t *out = encoded(&answer, &sent);
  CHECK(sent.id == 4 && has(&sent, SMPP_F_SOURCE_ADDR, "12345") && has(&sent, SMPP_F_DESTINATION_ADDR, "4917") && has(&sent, SMPP_F_SHORT_MESSAGE, "Hi"));
  CHECK(octet(&sent, SMPP_F_SOURCE_ADDR_TON) == 3 && octet(&sent, SMPP_F_SOURCE_ADDR_NPI) == 8 && octet(&sent, SMPP_F_DEST_ADDR_TON) == 1 &&
        octet(&sent, SMPP_F_DEST_ADDR_NPI) == 9 && octet(&sent, SMPP_F_DATA_CODING) == 8 && octet(&sent, SMPP_F_REGISTERED_DELIVERY) == 0);
  free(out);
  for (uint32_t length = SMPP_HEADER_OCTETS; length < pdu.length; length++) { /* cut at every octet */
    uint8_t *cut = exactly(octets, length);
    struct smpp_pdu piece;
    smpp_pdu_decode(cut, length, 0, NULL, &piece);
    CHECK(!smpp_message_is_usual(&piece, &usual));
    (void)smpp_reply_to(&piece, (const uint8_t *)"Hi", 2, 0, &answer);
    free(cut);
  }
  free(octets);
  return report();
}
