/* part.c: the usual part of a longer text, its keys, and that all else is left to a closer look. */
#include "check.h"
#include "smpp/part.h"

static uint8_t octets[600];

/* A deliver_sm with these octets, decoded. */
static struct smpp_pdu deliver(uint8_t esm_class, uint8_t data_coding, const char *text, size_t length, const char *tlvs, size_t tlv_length) {
  static const uint8_t head[] = {0, 1, 2, '4', '9', 0, 3, 0, 'b', 0};
  struct smpp_pdu pdu;
  uint8_t *p = octets + SMPP_HEADER_OCTETS;
  memcpy(p, head, sizeof head);
  p += sizeof head;
  *p++ = esm_class;
  memset(p, 0, 6);
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

#define DELIVER(esm_class, text, tlvs) deliver(esm_class, 8, text, sizeof(text) - 1, tlvs, sizeof(tlvs) - 1)

static void refuses(struct smpp_pdu pdu, const char *why) {
  struct smpp_usual_part part;
  CHECK_FOR(!smpp_part_of_pdu(&pdu, &part), why);
}

static bool is_digest(const uint8_t digest[SMPP_SIPHASH_OCTETS], const char *text, const uint8_t key[SMPP_SIPHASH_OCTETS]) {
  uint8_t expected[SMPP_SIPHASH_OCTETS];
  smpp_siphash(key, (const uint8_t *)text, strlen(text), expected);
  return memcmp(digest, expected, sizeof expected) == 0;
}

int main(void) {
  static const uint8_t key[SMPP_SIPHASH_OCTETS] = {1, 2, 3};
  struct smpp_usual_part part;
  uint8_t text[SMPP_SIPHASH_OCTETS], sender[SMPP_SIPHASH_OCTETS];
  struct smpp_pdu pdu = DELIVER(0x40, "\5\0\3\310\3\2Hi", "");
  CHECK(smpp_part_of_pdu(&pdu, &part));
  CHECK(part.reference == 200 && part.total == 3 && part.seq == 2 && part.data_coding == 8 && part.length == 2 && memcmp(part.octets, "Hi", 2) == 0);
  CHECK(smpp_part_key(&pdu, &part, "string2:me", 10, key, text) && smpp_part_key(&pdu, NULL, "string2:me", 10, key, sender));
  CHECK(is_digest(sender, "string2:me1/2/2:49", key) && is_digest(text, "string2:me1/2/2:49>3/0/1:b#8/200/3", key));
  char long_account[512];
  memset(long_account, 'x', sizeof long_account);
  CHECK(!smpp_part_key(&pdu, &part, long_account, sizeof long_account, key, text));
  CHECK(!smpp_part_key(&pdu, NULL, long_account, sizeof long_account, key, sender));
  pdu = DELIVER(0xC0, "\5\0\3\0\1\1", "\2\4\0\2\0\1"); /* a reply path, another TLV, no text */
  CHECK(smpp_part_of_pdu(&pdu, &part) && part.length == 0);

  refuses(DELIVER(0, "\5\0\3\1\3\2Hi", ""), "no UDHI");
  refuses(DELIVER(0x40, "\5\0\3\1\3", ""), "shorter than its header");
  refuses(DELIVER(0x40, "\5\0\3\1\3\0", ""), "part 0");
  refuses(DELIVER(0x40, "\5\0\3\1\3\4", ""), "a part beyond the total");
  refuses(DELIVER(0x40, "\6\10\4\0\1\3\2", ""), "16 bits");
  refuses(DELIVER(0x40, "\10\0\3\1\3\2\44\1\1", ""), "another element");
  refuses(DELIVER(0x40, "\5\0\3\1\3\2Hi", "\4\44\0\0"), "message_payload");
  smpp_write_header(octets, SMPP_HEADER_OCTETS, 0x15, 0, 1);
  smpp_pdu_decode(octets, SMPP_HEADER_OCTETS, 0, NULL, &pdu);
  refuses(pdu, "enquire_link");
  smpp_write_header(octets, SMPP_HEADER_OCTETS, 0x77, 0, 1);
  smpp_pdu_decode(octets, SMPP_HEADER_OCTETS, 0, NULL, &pdu);
  refuses(pdu, "an unknown command");

  pdu = DELIVER(0x40, "\5\0\3\310\3\2Hi", "");
  for (uint32_t length = SMPP_HEADER_OCTETS; length < pdu.length; length++) { /* cut at every octet */
    uint8_t *cut = exactly(octets, length);
    struct smpp_pdu piece;
    smpp_pdu_decode(cut, length, 0, NULL, &piece);
    if (smpp_part_of_pdu(&piece, &part)) {
      CHECK(part.octets >= cut && part.octets + part.length <= cut + length);
      CHECK(smpp_part_key(&piece, &part, "", 0, key, text));
    }
    free(cut);
  }

  static uint8_t octets_of_part[5000], out[SMPP_SIPHASH_OCTETS], other[SMPP_SIPHASH_OCTETS], longest[SMPP_PART_TEXT_MAX];
  struct smpp_part_content content = {longest, sizeof longest, 1, 8, 0, 0, octets_of_part, 3000};
  smpp_part_content_digest(&content, key, out);
  content.length = 5000;
  smpp_part_content_digest(&content, key, other);
  CHECK(memcmp(out, other, sizeof out) != 0);
  octets_of_part[4999] = 1; /* the ends of a long one count */
  smpp_part_content_digest(&content, key, out);
  CHECK(memcmp(out, other, sizeof out) != 0);
  octets_of_part[4999] = 0;
  content.length = 4999; /* and its length */
  smpp_part_content_digest(&content, key, out);
  CHECK(memcmp(out, other, sizeof out) != 0);
  return report();
}
