/* records_support.h - for the tests of records: octets of small records, numbers that look random, and an allocator that fails. */
#ifndef RECORDS_SUPPORT_H
#define RECORDS_SUPPORT_H

#include "check.h"
#include "smpp/alloc.h"
#include "smpp/records.h"

enum { KEY = 1, STATE, SENDER, RECEIVER, TEXT };

static long calls_left, blocks;

static inline void *failing(void *block, size_t size) {
  if (size == 0) {
    blocks -= block != NULL;
    free(block);
    return NULL;
  }
  if (calls_left-- <= 0) return NULL;
  blocks += block == NULL;
  return realloc(block, size);
}

static uint32_t random_state = 1;

static inline unsigned any(unsigned n) {
  random_state = random_state * 1664525u + 1013904223u;
  return (random_state >> 8) % n;
}

static inline size_t put(uint8_t *out, size_t at, uint8_t place, const char *value) {
  size_t length = strlen(value);
  out[at] = place;
  out[at + 1] = (uint8_t)(SMPP_RECORD_SHORT + length);
  memcpy(out + at + 2, value, length);
  return at + 2 + length;
}

/* A block with a record; |extra| octets of text. */
static inline uint8_t *record(unsigned key, const char *state, const char *sender, const char *receiver, unsigned extra, uint32_t *length) {
  uint8_t octets[256];
  char word[64];
  size_t n = 0;
  snprintf(word, sizeof word, "key %u", key);
  if (key % 2 == 0) n = put(octets, n, STATE, state);
  n = put(octets, n, KEY, word);
  if (key % 2 != 0) n = put(octets, n, STATE, state);
  if (*sender != '\0') n = put(octets, n, SENDER, sender);
  n = put(octets, n, RECEIVER, receiver);
  memset(word, 'x', extra);
  word[extra] = '\0';
  n = put(octets, n, TEXT, word);
  calls_left++;
  uint8_t *block = smpp_realloc(NULL, n);
  memcpy(block, octets, n);
  *length = (uint32_t)n;
  return block;
}

static inline uint32_t find(const struct smpp_records *r, unsigned key) {
  char word[32];
  return smpp_records_find(r, word, (size_t)snprintf(word, sizeof word, "key %u", key));
}

/* A kind of messages with a group of open ones by both addresses, and one by sender. */
static inline struct smpp_record_kind messages(void) {
  struct smpp_record_kind kind;
  memset(&kind, 0, sizeof kind);
  kind.key = KEY;
  kind.state = STATE;
  strcpy(kind.final[0], "DELIVERED");
  strcpy(kind.final[1], "EXPIRED");
  kind.final_count = kind.group_count = 2;
  kind.groups[0].fields[0] = SENDER;
  kind.groups[0].fields[1] = RECEIVER;
  kind.groups[0].field_count = 2;
  kind.groups[0].is_open = true;
  kind.groups[1].fields[0] = SENDER;
  kind.groups[1].field_count = 1;
  return kind;
}

#endif
