/* siphash.h - SipHash-2-4 with 128 bits (Aumasson, Bernstein): a keyed digest of octets
 * without collisions for peers that choose the octets and do not know the key. */
#ifndef SMPP_SIPHASH_H
#define SMPP_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SMPP_SIPHASH_OCTETS 16u /* of the key, of the digest */

void smpp_siphash(const uint8_t key[SMPP_SIPHASH_OCTETS], const uint8_t *octets, size_t length,
                  uint8_t out[SMPP_SIPHASH_OCTETS]);

/* HalfSipHash-2-4: 32 bits, for hash tables whose keys a peer may choose. */
uint32_t smpp_half_siphash(const uint32_t seed[2], const uint8_t *octets, size_t length);

/* The same with 64 bits: for what is known again by its digest alone. */
uint64_t smpp_half_siphash_64(const uint32_t seed[2], const uint8_t *octets, size_t length);

#endif
