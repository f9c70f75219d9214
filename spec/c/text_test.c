/* text.c: capacities, and parts that join to the text they were cut from. */
#include "check.h"
#include "smpp/text.h"

static void cut_and_join(enum smpp_encoding encoding, const char *text, size_t capacity, bool graphemes) {
  size_t length = strlen(text), taken = 0;
  uint8_t *octets_of_text = exactly(text, length);
  struct smpp_cutter cutter = {.coding = {encoding, 0, 0}, .text = octets_of_text, .end = octets_of_text + length, .graphemes = graphemes};
  while (taken < length) {
    size_t octets = 0, units = 0;
    int error = smpp_text_cut(&cutter, capacity, &octets, &units);
    CHECK_FOR(error == 0 && octets > 0 && units > 0 && units <= capacity, text);
    if (error != 0) break;
    uint8_t *out = malloc(smpp_text_encode_bound(octets)); /* a part can be encoded by itself, and has as many units */
    size_t written, encoded;
    struct smpp_text_fault fault;
    CHECK(smpp_text_encode(&cutter.coding, octets_of_text + taken, octets, 0, out, &written, &encoded, &fault) == 0 && encoded == units);
    free(out);
    taken += octets;
  }
  CHECK(taken == length && cutter.text == cutter.end);
  free(octets_of_text);
}

int main(void) {
  CHECK(smpp_text_capacity(SMPP_GSM7, 0) == 160 && smpp_text_capacity(SMPP_GSM7, 6) == 153 && smpp_text_capacity(SMPP_GSM7, 7) == 152);
  CHECK(smpp_text_capacity(SMPP_UCS2, 0) == 70 && smpp_text_capacity(SMPP_UCS2, 6) == 67 && smpp_text_capacity(SMPP_LATIN1, 6) == 134);
  CHECK(smpp_text_capacity(SMPP_UCS2, 140) == 0 && smpp_text_capacity(SMPP_GSM7, 1000) == 0);
  for (size_t capacity = 2; capacity < 12; capacity++) {
    cut_and_join(SMPP_GSM7, "a\xE2\x82\xAC{b}[c]", capacity, true); /* escapes take two septets */
    cut_and_join(SMPP_UCS2, "a\xF0\x9F\x98\x80" "b\xF0\x9F\x98\x80", capacity, true);
    cut_and_join(SMPP_UCS2, "e\xCC\x81\xCC\xA3xe\xCC\x81", capacity, false);
    cut_and_join(SMPP_LATIN1, "gr\xC3\xBC\xC3\x9F" "e", capacity, true);
  }
  struct smpp_coding gsm = {SMPP_GSM7, 0, 0}, ucs2 = {SMPP_UCS2, 0, 0};
  CHECK(smpp_coding_units(&gsm, 'a') == 1 && smpp_coding_units(&gsm, 0x20AC) == 2 && smpp_coding_units(&gsm, 0x4F60) == 0);
  CHECK(smpp_coding_units(&ucs2, 0x4F60) == 1 && smpp_coding_units(&ucs2, 0x1F600) == 2);

  size_t octets, units;
  static const uint8_t emoji[] = {0xF0, 0x9F, 0x98, 0x80};
  struct smpp_cutter cutter = {.coding = ucs2, .text = emoji, .end = emoji + 4};
  CHECK(smpp_text_cut(&cutter, 1, &octets, &units) == SMPP_ERR_TOO_LONG);
  cutter = (struct smpp_cutter){.coding = gsm, .text = emoji, .end = emoji + 4};
  CHECK(smpp_text_cut(&cutter, 10, &octets, &units) == SMPP_ERR_UNMAPPABLE);
  cutter = (struct smpp_cutter){.coding = ucs2, .text = emoji, .end = emoji + 3};
  CHECK(smpp_text_cut(&cutter, 10, &octets, &units) == SMPP_ERR_BAD_VALUE);

  for (int e = 0; e < SMPP_ENCODING_COUNT; e++) { /* any octets decode into the bound */
    struct smpp_coding coding = {(enum smpp_encoding)e, 0, 0};
    uint32_t random = 3;
    for (size_t length = 0; length < 40; length++) {
      uint8_t noise[40];
      for (size_t i = 0; i < length; i++) noise[i] = (uint8_t)((random = random * 1103515245u + 12345u) >> 16);
      uint8_t *in = exactly(noise, length), *out = malloc(smpp_text_decode_bound(length));
      struct smpp_text_problems problems = {0};
      CHECK(smpp_text_decode(&coding, in, length, 0, SIZE_MAX, out, &problems) <= smpp_text_decode_bound(length));
      free(in);
      free(out);
    }
  }
  return report();
}
