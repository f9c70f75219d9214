#include "prefix.h"

#include <string.h>

#include "alloc.h"

enum { ESCAPE = 10 };

void smpp_prefixes_init(struct smpp_prefixes *p) { memset(p, 0, sizeof *p); }

void smpp_prefixes_clear(struct smpp_prefixes *p) {
  smpp_free(p->keys);
  smpp_free(p->nodes);
  smpp_prefixes_init(p);
}

static unsigned step_at(const uint8_t *steps, unsigned at) {
  uint8_t pair = steps[at / 2];
  return at % 2 == 0 ? pair >> 4 : pair & 0x0Fu;
}

/* Writes the steps of |octets|; returns how many there are.  Stops before an octet that has no room. */
static uint8_t to_steps(const uint8_t *octets, size_t length, uint8_t steps[SMPP_PREFIX_STEPS / 2]) {
  unsigned count = 0;
  memset(steps, 0, SMPP_PREFIX_STEPS / 2);
  for (size_t i = 0; i < length; i++) {
    bool is_digit = octets[i] >= '0' && octets[i] <= '9';
    unsigned list[3] = {ESCAPE, octets[i] >> 4, octets[i] & 0x0Fu}, n = 3;
    if (is_digit) {
      list[0] = (unsigned)octets[i] - '0';
      n = 1;
    }
    if (count + n > SMPP_PREFIX_STEPS) break;
    for (unsigned k = 0; k < n; k++, count++) {
      steps[count / 2] = (uint8_t)(steps[count / 2] | (count % 2 == 0 ? list[k] << 4 : list[k]));
    }
  }
  return (uint8_t)count;
}

/* Room for one more: |*room| doubles.  0 or SMPP_ERR_NO_MEMORY. */
static int reserve(void **block, size_t *room, size_t needed, size_t size) {
  if (needed <= *room) return 0;
  size_t wanted = *room < 64 ? 64 : *room * 2;
  if (wanted > UINT32_MAX / 2 || wanted > SIZE_MAX / size) return SMPP_ERR_NO_MEMORY;
  void *grown = smpp_realloc(*block, wanted * size);
  if (grown == NULL) return SMPP_ERR_NO_MEMORY;
  *block = grown;
  *room = wanted;
  return 0;
}

int smpp_prefixes_add(struct smpp_prefixes *p, const uint8_t *prefix, size_t length, uint32_t value) {
  if (length > SMPP_PREFIX_MAX_OCTETS) return SMPP_ERR_TOO_LONG;
  void *keys = p->keys;
  int err = reserve(&keys, &p->key_room, p->key_count + 1, sizeof *p->keys);
  p->keys = keys;
  if (err != 0) return err;
  struct smpp_prefix_key *key = &p->keys[p->key_count++];
  key->count = to_steps(prefix, length, key->steps);
  key->octets = (uint8_t)length;
  key->value = value;
  key->more = false;
  p->frozen = false;
  return 0;
}

/* In the order of a search: a prefix before those that it begins.  Unused steps are 0, so octets can be compared. */
static int compare(const struct smpp_prefix_key *a, const struct smpp_prefix_key *b) {
  int order = memcmp(a->steps, b->steps, sizeof a->steps);
  if (order != 0) return order;
  if (a->count != b->count) return a->count < b->count ? -1 : 1;
  if (a->value != b->value) return a->value < b->value ? -1 : 1;
  return 0;
}

static void sift(struct smpp_prefix_key *keys, size_t at, size_t count) {
  struct smpp_prefix_key moved = keys[at];
  for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
    if (child + 1 < count && compare(&keys[child], &keys[child + 1]) < 0) child++;
    if (compare(&moved, &keys[child]) >= 0) break;
    keys[at] = keys[child];
    at = child;
  }
  keys[at] = moved;
}

/* Heapsort: no memory, and no order of the input that makes it slow.  Prefixes of a sorted file need none. */
static void sort(struct smpp_prefix_key *keys, size_t count) {
  size_t sorted = 1;
  while (sorted < count && compare(&keys[sorted - 1], &keys[sorted]) <= 0) sorted++;
  if (sorted >= count) return;
  for (size_t at = count / 2; at-- > 0;) sift(keys, at, count);
  for (size_t end = count - 1; end > 0; end--) {
    struct smpp_prefix_key last = keys[end];
    keys[end] = keys[0];
    keys[0] = last;
    sift(keys, 0, end);
  }
}

static bool is_same(const struct smpp_prefix_key *a, const struct smpp_prefix_key *b) {
  return a->count == b->count && memcmp(a->steps, b->steps, sizeof a->steps) == 0;
}

/* A node that waits for its children: its keys, and the depth at which they have the same steps. */
struct range {
  uint32_t from, to;
  uint8_t depth;
};

static int add_node(struct smpp_prefixes *p, struct range **ranges, size_t *room, struct range range) {
  void *nodes = p->nodes, *list = *ranges;
  int err = reserve(&nodes, &p->node_room, p->node_count + 1, sizeof *p->nodes);
  p->nodes = nodes;
  if (err == 0) err = reserve(&list, room, p->node_count + 1, sizeof **ranges);
  *ranges = list;
  if (err != 0) return err;
  (*ranges)[p->node_count] = range;
  memset(&p->nodes[p->node_count++], 0, sizeof *p->nodes);
  return 0;
}

/* Gives the node |at| its children, which come behind all nodes so far. */
static int branch(struct smpp_prefixes *p, struct range **ranges, size_t *room, size_t at) {
  struct range range = (*ranges)[at];
  uint32_t key = range.from;
  const struct smpp_prefix_key *first = &p->keys[key];
  bool is_alone = is_same(first, &p->keys[range.to - 1]);
  p->nodes[at].key = key;
  p->nodes[at].value = first->value;
  if (first->count == range.depth) p->nodes[at].end = first->more ? SMPP_PREFIX_SEVERAL : SMPP_PREFIX_ONE;
  else if (is_alone) p->nodes[at].end = SMPP_PREFIX_REST;
  if (is_alone) return 0;
  while (p->keys[key].count == range.depth) key++; /* those that end here */
  p->nodes[at].child = (uint32_t)p->node_count;
  while (key < range.to) {
    unsigned step = step_at(p->keys[key].steps, range.depth);
    struct range below = {key, key, (uint8_t)(range.depth + 1)};
    while (below.to < range.to && step_at(p->keys[below.to].steps, range.depth) == step) below.to++;
    p->nodes[at].children = (uint16_t)(p->nodes[at].children | 1u << step);
    int err = add_node(p, ranges, room, below);
    if (err != 0) return err;
    key = below.to;
  }
  return 0;
}

int smpp_prefixes_freeze(struct smpp_prefixes *p) {
  if (p->frozen) return 0;
  struct range *ranges = NULL;
  size_t room = 0;
  int err = 0;
  p->node_count = 0;
  if (p->key_count > 0) {
    sort(p->keys, p->key_count);
    for (size_t i = 0; i + 1 < p->key_count; i++) p->keys[i].more = is_same(&p->keys[i], &p->keys[i + 1]);
    p->keys[p->key_count - 1].more = false;
    struct range all = {0, (uint32_t)p->key_count, 0};
    err = add_node(p, &ranges, &room, all);
    for (size_t at = 0; err == 0 && at < p->node_count; at++) err = branch(p, &ranges, &room, at);
  }
  smpp_free(ranges);
  p->frozen = err == 0;
  if (p->frozen && p->node_count < p->node_room) { /* what was reserved in vain */
    void *fitted = smpp_realloc(p->nodes, p->node_count * sizeof *p->nodes);
    if (fitted != NULL || p->node_count == 0) {
      p->nodes = fitted;
      p->node_room = p->node_count;
    }
  }
  return err;
}

void smpp_prefix_search(struct smpp_prefix_search *s, const struct smpp_prefixes *p, const uint8_t *number, size_t length) {
  memset(s, 0, sizeof *s);
  s->prefixes = p;
  s->count = to_steps(number, length, s->steps);
  s->done = !p->frozen || p->node_count == 0;
}

/* Are the first |count| steps the same? */
static bool begins(const struct smpp_prefix_search *s, const struct smpp_prefix_key *key) {
  unsigned whole = key->count / 2u;
  if (key->count > s->count || memcmp(s->steps, key->steps, whole) != 0) return false;
  return key->count % 2 == 0 || s->steps[whole] >> 4 == key->steps[whole] >> 4;
}

static unsigned bits_in(unsigned word) {
  word = word - (word >> 1 & 0x5555u);
  word = (word & 0x3333u) + (word >> 2 & 0x3333u);
  word = (word + (word >> 4)) & 0x0F0Fu;
  return (word + (word >> 8)) & 0x1Fu;
}

/* How many octets the first |count| steps are. */
static size_t octets_of(const struct smpp_prefix_search *s, unsigned count) {
  size_t octets = 0;
  for (unsigned at = 0; at < count; octets++) at += step_at(s->steps, at) == ESCAPE ? 3 : 1;
  return octets;
}

static void go_down(struct smpp_prefix_search *s, const struct smpp_prefix_node *node) {
  unsigned step = s->depth < s->count ? step_at(s->steps, s->depth) : 0;
  s->done = s->depth >= s->count || (node->children >> step & 1u) == 0;
  if (s->done) return;
  s->node = node->child + bits_in(node->children & ((1u << step) - 1));
  s->depth++;
}

bool smpp_prefix_next(struct smpp_prefix_search *s, uint32_t *value, size_t *octets) {
  const struct smpp_prefixes *p = s->prefixes;
  while (!s->in_keys) {
    if (s->done) return false;
    const struct smpp_prefix_node *node = &p->nodes[s->node];
    unsigned depth = s->depth;
    go_down(s, node);
    if (node->end == SMPP_PREFIX_ONE) {
      *value = node->value;
      *octets = octets_of(s, depth);
      return true;
    }
    s->key = node->key;
    s->in_keys = node->end == SMPP_PREFIX_SEVERAL || (node->end == SMPP_PREFIX_REST && begins(s, &p->keys[node->key]));
  }
  const struct smpp_prefix_key *key = &p->keys[s->key++];
  s->in_keys = key->more;
  *value = key->value;
  *octets = key->octets;
  return true;
}

size_t smpp_prefixes_memory(const struct smpp_prefixes *p) {
  return p->key_room * sizeof *p->keys + p->node_room * sizeof *p->nodes;
}
