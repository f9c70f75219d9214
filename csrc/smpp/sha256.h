/* sha256.h - SHA-256 (FIPS 180-4), for digests that other programs and other nodes compare. */
#ifndef SMPP_SHA256_H
#define SMPP_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SMPP_SHA256_OCTETS 32u /* of the digest */

void smpp_sha256(const uint8_t *octets, size_t length, uint8_t out[SMPP_SHA256_OCTETS]);

#endif
