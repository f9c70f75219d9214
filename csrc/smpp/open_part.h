/* open_part.h - the usual message of a tracker (lua/smpp/receipt/tracker.lua): one part, an id that receipts repeat.  An open part
 * is in a map under "i" and its folded message_id; one that has ended is in another map, under "d" and that key.  Both have the
 * records that the tracker writes itself, so that either may go on with what the other began.  A handle is "n" and a number in
 * decimal, or "s" and octets. */
#ifndef SMPP_OPEN_PART_H
#define SMPP_OPEN_PART_H

#include "map.h"

enum { SMPP_HANDLE_OCTETS = 512 }; /* longer ones take the general way */

struct smpp_ended_part {
  size_t length; /* of the handle */
  uint8_t handle[SMPP_HANDLE_OCTETS];
};

/* Opens the only part of a message.  False, and nothing has changed: the tracker is to decide (an id that is empty or in use, a
 * handle that is too long or of several parts, a full map, early receipts that have expired). */
bool smpp_open_part(struct smpp_map *open, struct smpp_map *ended, const uint8_t *id, size_t length, uint32_t number,
                    const uint8_t *handle, size_t handle_length, double now);

/* A final receipt has come: ends the part, and remembers it.  False, and nothing has changed: the tracker is to decide. */
bool smpp_end_part(struct smpp_map *open, struct smpp_map *ended, const uint8_t *id, size_t length, double now,
                   struct smpp_ended_part *out);

#endif
