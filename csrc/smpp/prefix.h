/* prefix.h - a trie of the prefixes of numbers and names: which of a million begin this number?
 *
 * A digit is one step, any other octet three (an escape and its two halves).  Prefixes are added in any order, then frozen:
 * sorted, with nodes above them whose children lie side by side.  A node that only one prefix goes through has no children:
 * the rest is compared with that prefix, so that a search costs few cache lines.
 *
 * 1,000,000 prefixes take 40 octets each and 16 for each node, of which there are about as many. */
#ifndef SMPP_PREFIX_H
#define SMPP_PREFIX_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

#define SMPP_PREFIX_MAX_OCTETS 21u /* an address of SMPP has 20 at most, a name of another kind hardly more */
#define SMPP_PREFIX_STEPS 64u      /* of the longest prefix without a digit, rounded up to whole octets */

struct smpp_prefix_key {
  uint8_t steps[SMPP_PREFIX_STEPS / 2]; /* two in an octet, the first above */
  uint32_t value;
  uint8_t count, octets; /* of steps; of the prefix */
  bool more;             /* the next key is the same prefix, with another value */
};

enum smpp_prefix_end {
  SMPP_PREFIX_NONE,    /* no prefix ends at this node */
  SMPP_PREFIX_ONE,     /* one does: its value is in the node */
  SMPP_PREFIX_SEVERAL, /* one with several values: they are in the keys */
  SMPP_PREFIX_REST     /* no children: its only prefix may be longer than the path to here */
};

struct smpp_prefix_node {
  uint32_t child;    /* the first of its children */
  uint32_t key;      /* the first that ends here */
  uint32_t value;    /* of SMPP_PREFIX_ONE */
  uint16_t children; /* a bit for each step */
  uint8_t end;       /* enum smpp_prefix_end */
};

struct smpp_prefixes {
  struct smpp_prefix_key *keys;
  struct smpp_prefix_node *nodes;
  size_t key_count, key_room, node_count, node_room;
  bool frozen;
};

struct smpp_prefix_search {
  const struct smpp_prefixes *prefixes;
  uint8_t steps[SMPP_PREFIX_STEPS / 2];
  uint8_t count, depth;
  uint32_t node, key;
  bool in_keys, done; /* |key| is the next; there is no further node */
};

/* Empty; takes no memory. */
void smpp_prefixes_init(struct smpp_prefixes *p);

void smpp_prefixes_clear(struct smpp_prefixes *p);

/* Adds a prefix; the same one may be added with several values.
 * SMPP_ERR_TOO_LONG (over SMPP_PREFIX_MAX_OCTETS), SMPP_ERR_NO_MEMORY; nothing is added then. */
SMPP_MUST_CHECK int smpp_prefixes_add(struct smpp_prefixes *p, const uint8_t *prefix, size_t length, uint32_t value);

/* Before a search, after the last addition.  SMPP_ERR_NO_MEMORY: try again; searches are not possible before. */
SMPP_MUST_CHECK int smpp_prefixes_freeze(struct smpp_prefixes *p);

/* Begins a search of frozen prefixes: smpp_prefix_next() gives those that |number| begins with, the shortest first. */
void smpp_prefix_search(struct smpp_prefix_search *s, const struct smpp_prefixes *p, const uint8_t *number, size_t length);

/* False: no more. */
bool smpp_prefix_next(struct smpp_prefix_search *s, uint32_t *value, size_t *octets);

/* Octets that keys and nodes take. */
size_t smpp_prefixes_memory(const struct smpp_prefixes *p);

#endif
