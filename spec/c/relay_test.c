/* relay.c: handles, and receipts as the senders of messages get them. */
#include "check.h"
#include "smpp/relay.h"

enum { SUBMIT_SM = 4, DELIVER_SM = 5 };

struct message {
  uint8_t out[1024];
  struct smpp_pdu pdu;
};

static void set(struct smpp_message *m, unsigned field, uint32_t number, const char *octets) {
  int position = smpp_param_position(m->command, field);
  if (!CHECK(position >= 0)) return;
  m->params[position].is = octets != NULL ? SMPP_STRING : SMPP_NUMBER;
  m->params[position].number = number;
  m->params[position].octets = (const uint8_t *)octets;
  m->params[position].length = octets != NULL ? (uint32_t)strlen(octets) : 0;
}

static void make(struct message *message, uint32_t command, const char *text, const struct smpp_tlv_out *tlvs, size_t count) {
  struct smpp_message m;
  struct smpp_fault fault;
  struct smpp_writer w = {message->out, sizeof message->out, 0};
  memset(&m, 0, sizeof m);
  m.command = smpp_command_by_id(NULL, command);
  m.tlvs = tlvs;
  m.tlv_count = count;
  set(&m, SMPP_F_SOURCE_ADDR_TON, 5, NULL);
  set(&m, SMPP_F_SOURCE_ADDR, 0, "Shop");
  set(&m, SMPP_F_DEST_ADDR_TON, 1, NULL);
  set(&m, SMPP_F_DEST_ADDR_NPI, 255, NULL);
  set(&m, SMPP_F_DESTINATION_ADDR, 0, "4917");
  set(&m, SMPP_F_ESM_CLASS, command == DELIVER_SM ? 4 : 0, NULL);
  set(&m, SMPP_F_REGISTERED_DELIVERY, 17, NULL);
  set(&m, SMPP_F_SHORT_MESSAGE, 0, text);
  CHECK(smpp_pdu_encode(&m, &w, &fault) == 0 && smpp_write_fits(&w));
  smpp_pdu_decode(message->out, (uint32_t)w.length, 0, NULL, &message->pdu);
}

static struct smpp_relay_text text_of(const char *octets) { return (struct smpp_relay_text){(const uint8_t *)octets, strlen(octets)}; }

/* The text of the receipt for a message whose handle this is; NULL: it is not usual. */
static const char *passed_on(struct message *message, const char *handle, size_t length) {
  static uint8_t out[1024];
  static char text[255];
  struct smpp_relay relay;
  struct smpp_pdu pdu;
  if (!CHECK(smpp_relay_read((const uint8_t *)handle, length, &relay))) return NULL;
  size_t size = smpp_relay_receipt(&message->pdu, &relay, out, sizeof out);
  if (size == 0) return NULL;
  CHECK(smpp_relay_receipt(&message->pdu, &relay, out, size - 1) == 0);
  CHECK(smpp_relay_receipt(&message->pdu, &relay, out, size) == size);
  smpp_pdu_decode(out, (uint32_t)size, 0, NULL, &pdu);
  CHECK(pdu.refuse == 0);
  const struct smpp_span *span = &pdu.params[smpp_param_position(pdu.command, SMPP_F_SHORT_MESSAGE)];
  memcpy(text, out + span->offset, span->length);
  text[span->length] = 0;
  return text;
}

#define HANDLE "m1\0acme\0Shop\0005\0000\0004917\0001\000255\00017\0001000\0k"

int main(void) {
  uint8_t out[SMPP_HANDLE_ROOM];
  static char huge[SMPP_HANDLE_ROOM];
  struct message message;
  struct smpp_relay relay;
  struct smpp_relay_text id = text_of("m1"), account = text_of("acme"), books = text_of("k"), nul = {(const uint8_t *)"a\0b", 3}, long_id;
  make(&message, SUBMIT_SM, "Hello", NULL, 0);
  size_t length = smpp_relay_handle(&message.pdu, &id, &account, &books, 1000.4, out);
  CHECK(length == sizeof HANDLE - 1 && memcmp(out, HANDLE, length) == 0);
  CHECK(smpp_relay_handle(&message.pdu, &id, &account, &books, 999.6, out) == length && memcmp(out, HANDLE, length) == 0);
  CHECK(smpp_relay_handle(&message.pdu, &nul, &account, &books, 0, out) == 0);
  CHECK(smpp_relay_handle(&message.pdu, &id, &account, &books, -1, out) == 0);
  memset(huge, 'x', sizeof huge - 1);
  long_id = text_of(huge);
  CHECK(smpp_relay_handle(&message.pdu, &long_id, &account, &books, 0, out) == 0);

  CHECK(smpp_relay_read((const uint8_t *)HANDLE, sizeof HANDLE - 1, &relay));
  CHECK(relay.field[SMPP_RELAY_DESTINATION].length == 4 && memcmp(relay.field[SMPP_RELAY_DESTINATION].octets, "4917", 4) == 0);
  CHECK(relay.field[SMPP_RELAY_BOOKS].length == 1);
  for (size_t cut = 0; cut + 2 < sizeof HANDLE; cut++) CHECK(!smpp_relay_read((const uint8_t *)HANDLE, cut, &relay) || cut + 2 >= sizeof HANDLE - 1);

  const char *got;
  make(&message, DELIVER_SM, "id: 17 stat:DELIVRD err:000", NULL, 0);
  CHECK((got = passed_on(&message, HANDLE, sizeof HANDLE - 1)) != NULL && strcmp(got, "id: m1 stat:DELIVRD err:000") == 0);
  struct smpp_tlv_out tlvs[] = {{0x001E, 3, (const uint8_t *)"17"}, {0x0427, 1, (const uint8_t *)"\2"}, {0x001E, 3, (const uint8_t *)"18"}};
  make(&message, DELIVER_SM, "ID:17 stat:DELIVRD", tlvs, 2);
  CHECK((got = passed_on(&message, HANDLE, sizeof HANDLE - 1)) != NULL && strcmp(got, "ID:m1 stat:DELIVRD") == 0);
  make(&message, DELIVER_SM, "ID:17 stat:DELIVRD", tlvs, 3); /* two ids */
  CHECK(passed_on(&message, HANDLE, sizeof HANDLE - 1) == NULL);
  make(&message, DELIVER_SM, "", tlvs, 2); /* none in the text */
  CHECK(passed_on(&message, HANDLE, sizeof HANDLE - 1) == NULL);
  make(&message, DELIVER_SM, "sub:001 id:17 stat:DELIVRD", NULL, 0); /* not at the beginning */
  CHECK(passed_on(&message, HANDLE, sizeof HANDLE - 1) == NULL);
  make(&message, DELIVER_SM, "id:17 stat:ODD", NULL, 0);
  CHECK(passed_on(&message, HANDLE, sizeof HANDLE - 1) == NULL);
  make(&message, SUBMIT_SM, "id:17 stat:DELIVRD", NULL, 0);
  CHECK(passed_on(&message, HANDLE, sizeof HANDLE - 1) == NULL);
  memset(huge, 'x', 254);
  memcpy(huge, "id:1 stat:DELIVRD text:", 23);
  huge[254] = 0;
  make(&message, DELIVER_SM, huge, NULL, 0); /* with the longer id there is no room for it */
  CHECK(passed_on(&message, HANDLE, sizeof HANDLE - 1) == NULL);
  huge[253] = 0;
  make(&message, DELIVER_SM, huge, NULL, 0);
  CHECK((got = passed_on(&message, HANDLE, sizeof HANDLE - 1)) != NULL && strlen(got) == 254);
  make(&message, DELIVER_SM, "id:17 stat:DELIVRD", NULL, 0);
  CHECK(passed_on(&message, "m1\0a\0s\0x\0000\0d\0001\0001\0001\0001\0", 23) == NULL); /* no number */
  CHECK(passed_on(&message, "m1\0a\0s\000256\0000\0d\0001\0001\0001\0001\0", 25) == NULL);
  return report();
}
