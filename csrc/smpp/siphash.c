#include "siphash.h"

struct state {
  uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t v, unsigned bits) { return v << bits | v >> (64 - bits); }

static void rounds(struct state *s, int count) {
  while (count-- > 0) {
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
  }
}

static void take(struct state *s, uint64_t word) {
  s->v3 ^= word;
  rounds(s, 2);
  s->v0 ^= word;
}

static uint64_t little_endian(const uint8_t *octets, size_t count) {
  uint64_t word = 0;
  for (size_t i = 0; i < count; i++) word |= (uint64_t)octets[i] << (8 * i);
  return word;
}

static uint64_t word_at(const uint8_t *p) { /* one instruction where the machine is little-endian */
  return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 |
         (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

static void put(uint8_t *out, const struct state *s) {
  uint64_t word = s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
  for (unsigned i = 0; i < 8; i++) out[i] = (uint8_t)(word >> (8 * i));
}

void smpp_siphash(const uint8_t key[SMPP_SIPHASH_OCTETS], const uint8_t *octets, size_t length,
                  uint8_t out[SMPP_SIPHASH_OCTETS]) {
  uint64_t k0 = little_endian(key, 8), k1 = little_endian(key + 8, 8);
  struct state s = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du ^ 0xEE, k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u};
  size_t left = length % 8, whole = length - left;
  for (size_t i = 0; i < whole; i += 8) take(&s, word_at(octets + i));
  take(&s, (uint64_t)length << 56 | (left > 0 ? little_endian(octets + whole, left) : 0));
  s.v2 ^= 0xEE;
  rounds(&s, 4);
  put(out, &s);
  s.v1 ^= 0xDD;
  rounds(&s, 4);
  put(out + 8, &s);
}

/* ---- 32 bits ---- */

static uint32_t rotate_half(uint32_t v, unsigned bits) { return v << bits | v >> (32 - bits); }

struct half {
  uint32_t v0, v1, v2, v3;
};

static inline void half_round(struct half *s) {
  s->v0 += s->v1;
  s->v1 = rotate_half(s->v1, 5) ^ s->v0;
  s->v0 = rotate_half(s->v0, 16);
  s->v2 += s->v3;
  s->v3 = rotate_half(s->v3, 8) ^ s->v2;
  s->v0 += s->v3;
  s->v3 = rotate_half(s->v3, 7) ^ s->v0;
  s->v2 += s->v1;
  s->v1 = rotate_half(s->v1, 13) ^ s->v2;
  s->v2 = rotate_half(s->v2, 16);
}

static inline void half_word(struct half *s, uint32_t word) {
  s->v3 ^= word;
  half_round(s);
  half_round(s);
  s->v0 ^= word;
}

static inline uint32_t half_end(struct half *s) {
  for (int round = 0; round < 4; round++) half_round(s);
  return s->v1 ^ s->v3;
}

static inline void half_octets(struct half *s, const uint8_t *octets, size_t length) {
  size_t i = 0;
  for (; i + 4 <= length; i += 4) {
    half_word(s, (uint32_t)octets[i] | (uint32_t)octets[i + 1] << 8 | (uint32_t)octets[i + 2] << 16 |
                     (uint32_t)octets[i + 3] << 24);
  }
  uint32_t last = (uint32_t)length << 24;
  for (unsigned shift = 0; i < length; i++, shift += 8) last |= (uint32_t)octets[i] << shift;
  half_word(s, last);
}

uint32_t smpp_half_siphash(const uint32_t seed[2], const uint8_t *octets, size_t length) {
  struct half s = {seed[0], seed[1], 0x6c796765u ^ seed[0], 0x74656462u ^ seed[1]};
  half_octets(&s, octets, length);
  s.v2 ^= 0xFF;
  return half_end(&s);
}

uint64_t smpp_half_siphash_64(const uint32_t seed[2], const uint8_t *octets, size_t length) {
  struct half s = {seed[0], seed[1] ^ 0xEE, 0x6c796765u ^ seed[0], 0x74656462u ^ seed[1]};
  half_octets(&s, octets, length);
  s.v2 ^= 0xEE;
  uint64_t low = half_end(&s);
  s.v1 ^= 0xDD;
  return (uint64_t)half_end(&s) << 32 | low;
}
