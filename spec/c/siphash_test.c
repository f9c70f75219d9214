/* The vectors of the reference implementation (vectors.h: vectors_sip128, vectors_hsip32, vectors_hsip64), and that every bit counts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smpp/siphash.h"

#define EXPECT(condition)                                                        \
  if (!(condition)) {                                                            \
    fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);      \
    exit(1);                                                                     \
  }

static const uint8_t expected[2][SMPP_SIPHASH_OCTETS] = {
    {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93},
    {0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45},
};

static uint64_t number_of(const uint8_t *octets, size_t length) {
  uint64_t number = 0;
  while (length-- > 0) number = number << 8 | octets[length];
  return number;
}

static const uint8_t expected_half[2][4] = {{0xa9, 0x35, 0x9f, 0x5b}, {0x27, 0x47, 0x5a, 0xb8}};
static const uint8_t expected_half_64[2][8] = {{0x21, 0x8d, 0x1f, 0x59, 0xb9, 0xb8, 0x3c, 0xc8}, {0xbe, 0x55, 0x24, 0x12, 0xf8, 0x38, 0x73, 0x15}};

static void check_half(const uint8_t *octets) {
  static const uint32_t seed[2] = {0x03020100, 0x07060504};
  for (size_t length = 0; length < 2; length++) {
    EXPECT(smpp_half_siphash(seed, octets, length) == number_of(expected_half[length], 4));
    EXPECT(smpp_half_siphash_64(seed, octets, length) == number_of(expected_half_64[length], 8));
  }
}

int main(void) {
  uint8_t key[SMPP_SIPHASH_OCTETS], octets[64], out[SMPP_SIPHASH_OCTETS], other[SMPP_SIPHASH_OCTETS];
  unsigned passed = 0;
  for (unsigned i = 0; i < sizeof key; i++) key[i] = (uint8_t)i;
  for (unsigned i = 0; i < sizeof octets; i++) octets[i] = (uint8_t)i;
  check_half(octets);
  for (size_t length = 0; length < 2; length++, passed++) {
    smpp_siphash(key, octets, length, out);
    EXPECT(memcmp(out, expected[length], sizeof out) == 0);
  }
  for (size_t length = 1; length <= sizeof octets; length++) {
    smpp_siphash(key, octets, length, out);
    for (size_t bit = 0; bit < 8 * length; bit++, passed++) {
      octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
      smpp_siphash(key, octets, length, other);
      octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
      EXPECT(memcmp(out, other, 8) != 0 && memcmp(out + 8, other + 8, 8) != 0);
    }
    smpp_siphash(key, octets, length - 1, other);
    EXPECT(memcmp(out, other, sizeof out) != 0);
  }
  printf("%u passed, 0 failed\n", passed);
  return 0;
}
