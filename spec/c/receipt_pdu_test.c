/* receipt_pdu.c: what the usual receipt says, and that all else is left to a closer look. */
#include "check.h"
#include "smpp/receipt_pdu.h"

static uint8_t octets[600];

/* A deliver_sm with this text and these TLVs, decoded. */
static struct smpp_pdu deliver(uint8_t esm_class, uint8_t data_coding, const char *text, size_t length, const char *tlvs, size_t tlv_length) {
  static const uint8_t head[] = {0, 0, 0, 'a', 0, 0, 0, 'b', 0};
  struct smpp_pdu pdu;
  uint8_t *p = octets + SMPP_HEADER_OCTETS;
  memcpy(p, head, sizeof head);
  p += sizeof head;
  *p++ = esm_class;
  memset(p, 0, 6); /* protocol_id, priority_flag, schedule_delivery_time, validity_period, registered_delivery, replace_if_present_flag */
  p += 6;
  *p++ = data_coding;
  *p++ = 0;
  *p++ = (uint8_t)length;
  memcpy(p, text, length);
  p += length;
  memcpy(p, tlvs, tlv_length);
  p += tlv_length;
  smpp_write_header(octets, (uint32_t)(p - octets), 5, 0, 1);
  smpp_pdu_decode(octets, (uint32_t)(p - octets), 0, NULL, &pdu);
  return pdu;
}

static bool is(const struct smpp_receipt_field *field, const char *text) {
  return field->length == strlen(text) && (field->length == 0 || memcmp(field->octets, text, field->length) == 0);
}

#define DELIVER(esm_class, data_coding, text, tlvs) deliver(esm_class, data_coding, text, sizeof(text) - 1, tlvs, sizeof(tlvs) - 1)

static void reads(struct smpp_pdu pdu, const char *id, const char *state, const char *err) {
  struct smpp_usual_receipt receipt;
  if (!CHECK(smpp_receipt_of_pdu(&pdu, &receipt))) return;
  CHECK_FOR(is(&receipt.id, id), id);
  CHECK_FOR(strcmp(receipt.state->name, state) == 0, state);
  CHECK_FOR(is(&receipt.err, err), err);
}

static void refuses(struct smpp_pdu pdu, const char *why) {
  struct smpp_usual_receipt receipt;
  CHECK_FOR(!smpp_receipt_of_pdu(&pdu, &receipt), why);
}

#define TEXT "id:4711 sub:001 stat:DELIVRD err:007 text:Hi"

int main(void) {
  struct smpp_usual_receipt receipt;
  reads(DELIVER(4, 0, TEXT, ""), "4711", "DELIVERED", "007");
  reads(DELIVER(4, 0, TEXT, "\0\x1e\0\3ab\0\4\x27\0\1\5"), "ab", "UNDELIVERABLE", "007");
  reads(DELIVER(4, 0, TEXT, "\0\x1e\0\4ab  \0\x1e\0\1x"), "ab", "DELIVERED", "007");    /* the first of two */
  reads(DELIVER(4, 0, TEXT, "\0\x1e\0\2\0x\4\x27\0\1\1"), "4711", "DELIVERED", "007");  /* no id; a state that is not final */
  reads(DELIVER(4, 8, "", "\0\x1e\0\2ab\4\x27\0\1\2"), "ab", "DELIVERED", "");          /* TLVs alone */
  reads(DELIVER(4, 0, "id:1 stat:ENROUTE", "\4\x27\0\1\1"), "1", "ENROUTE", "");
  reads(DELIVER(4, 0, "id:1 stat:OWN", "\4\x27\0\1\1"), "1", "ENROUTE", "");
  reads(DELIVER(0x84, 0, TEXT, ""), "4711", "DELIVERED", "007");                        /* a reply path beside it */
  struct smpp_pdu pdu = DELIVER(4, 0, TEXT, "\4\x23\0\3\3\1\2");
  CHECK(smpp_receipt_of_pdu(&pdu, &receipt) && receipt.has_network_error && receipt.network_error == 0x102);

  refuses(DELIVER(0, 0, TEXT, ""), "esm_class of a message");
  refuses(DELIVER(0x20, 0, TEXT, ""), "an intermediate notification");
  refuses(DELIVER(0x44, 0, "\1x" TEXT, ""), "a header");
  refuses(DELIVER(4, 3, TEXT, ""), "Latin-1");
  refuses(DELIVER(4, 8, "\0i\0d", ""), "UCS-2");
  refuses(DELIVER(4, 8, "i\0d\0", ""), "UCS-2, the low octet first");
  refuses(DELIVER(4, 8, "\376\377\0i", ""), "a byte order mark");
  refuses(DELIVER(4, 0, "id:1 stat:OWN", ""), "a word of the peer's own");
  refuses(DELIVER(4, 0, "stat:DELIVRD", ""), "no id");
  refuses(DELIVER(4, 0, "id:1", ""), "no state");
  refuses(DELIVER(4, 0, TEXT, "\4\x24\0\1x"), "message_payload");
  refuses(DELIVER(4, 0, TEXT, "\4\x27\0\1\x63"), "a number that is no state");
  refuses(DELIVER(4, 0, TEXT, "\4\x27\0\2\0\2"), "a state of two octets");

  pdu = DELIVER(4, 0, TEXT, "\0\x1e\0\3ab\0\4\x27\0\1\5");
  for (uint32_t length = SMPP_HEADER_OCTETS; length < pdu.length; length++) { /* cut at every octet */
    uint8_t *cut = exactly(octets, length);
    struct smpp_pdu part;
    smpp_pdu_decode(cut, length, 0, NULL, &part);
    if (smpp_receipt_of_pdu(&part, &receipt)) CHECK(receipt.id.octets >= cut && receipt.id.octets + receipt.id.length <= cut + length);
    free(cut);
  }
  smpp_write_header(octets, SMPP_HEADER_OCTETS, 0x15, 0, 1);
  smpp_pdu_decode(octets, SMPP_HEADER_OCTETS, 0, NULL, &pdu);
  refuses(pdu, "enquire_link");
  smpp_write_header(octets, SMPP_HEADER_OCTETS, 0x77, 0, 1);
  smpp_pdu_decode(octets, SMPP_HEADER_OCTETS, 0, NULL, &pdu);
  refuses(pdu, "an unknown command");
  return report();
}
