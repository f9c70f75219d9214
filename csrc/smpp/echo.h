/* echo.h - loop protection: how often a sender wrote of late, and how often in a row the same text was answered by the same text.
 *
 * One table of open addressing, 32 octets for each sender, since there may be many who write once.  Senders and texts are known again
 * by keyed digests, of 64 and of 32 bits. */
#ifndef SMPP_ECHO_H
#define SMPP_ECHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct smpp_echo {
  uint64_t sender;      /* 0: a free place */
  double since;         /* when the window began in which messages are counted */
  uint32_t heard, said; /* marks of the last text and the first answer to it; 0: none */
  uint16_t n, repeats;  /* messages in the window; times in a row that this text got this answer */
};

struct smpp_echoes {
  struct smpp_echo *places;
  size_t place_count; /* a power of 2, or 0 */
  size_t count;
  double ttl_s;
  uint32_t seed[2];
};

struct smpp_echo_limits {
  double per_s;        /* the window */
  uint32_t n, repeats; /* messages in it; repeats */
};

/* |ttl_s|: how long a sender is remembered after the beginning of his window; |seed|: unpredictable.  Takes no memory. */
void smpp_echoes_init(struct smpp_echoes *all, double ttl_s, const uint32_t seed[2]);

/* Forgets all. */
void smpp_echoes_clear(struct smpp_echoes *all);

/* Forgets those whose time is up, and takes no more memory than the rest needs. */
void smpp_echoes_drop(struct smpp_echoes *all, double now);

/* The mark of a text; never 0. */
uint32_t smpp_echoes_mark(const struct smpp_echoes *all, const void *text, size_t length);

/* The state of a sender; NULL: there is none.  Valid until the next call. */
struct smpp_echo *smpp_echoes_find(const struct smpp_echoes *all, const void *sender, size_t length);

/* The same; if there is none, one that is zero but for `sender`.  NULL: no memory.  Those whose time is up at |now| may be forgotten. */
SMPP_MUST_CHECK struct smpp_echo *smpp_echoes_add(struct smpp_echoes *all, const void *sender, size_t length, double now);

/* Forgets a state that `find` or `add` has returned. */
void smpp_echoes_remove(struct smpp_echoes *all, struct smpp_echo *echo);

/* Counts a text.  False: its sender may be a bot, or there is no memory; nothing is changed. */
bool smpp_echoes_heard(struct smpp_echoes *all, const void *sender, size_t length, const void *text, size_t text_length, double now,
                       const struct smpp_echo_limits *limits);

/* Notes the first answer to the text heard last.  False: there is no state of this sender; nothing is changed. */
bool smpp_echoes_said(struct smpp_echoes *all, const void *sender, size_t length, const void *text, size_t text_length);

#endif
