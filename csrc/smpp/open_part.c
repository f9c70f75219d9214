#include "open_part.h"

#include <string.h>

#include "receipt.h"

enum {
  NO_STATE = 255,
  ID_MAX = 64, /* longer ones take the general way */
  /* A record: last state, part, parts, four octets of the number, the handle. */
  STATE_AT = 0,
  PART_AT,
  PARTS_AT,
  NUMBER_AT,
  HANDLE_AT = NUMBER_AT + 4,
  RECORD_MAX = HANDLE_AT + SMPP_HANDLE_OCTETS
};

/* "d", then the key of an open part: "i" and the id. */
struct key {
  uint8_t octets[2 + ID_MAX];
  size_t length; /* of the open part's */
};

static bool make_key(struct key *key, const uint8_t *id, size_t length) {
  bool digits;
  if (length == 0 || length > ID_MAX) return false;
  key->octets[0] = 'd';
  key->octets[1] = 'i';
  key->length = 1 + smpp_message_id_fold(id, length, key->octets + 2, &digits);
  return true;
}

/* Drops parts that ended long ago.  False: one that has expired is an early receipt, and not ours to drop. */
static bool forget(struct smpp_map *ended, double now) {
  const struct smpp_map_entry *entry;
  while ((entry = smpp_map_expired(ended, now)) != NULL) {
    if (entry->key_length == 0 || entry->octets[0] != 'd') return false;
    smpp_map_remove(ended, entry);
  }
  return true;
}

/* "s" and octets, or "n" and a number from 0. */
static bool is_handle(const uint8_t *octets, size_t length) {
  if (length == 0 || octets[0] == 's') return length > 0;
  for (size_t i = 1; i < length; i++) {
    if (octets[i] < '0' || octets[i] > '9') return false;
  }
  return octets[0] == 'n' && length > 1;
}

bool smpp_open_part(struct smpp_map *open, struct smpp_map *ended, const uint8_t *id, size_t length, uint32_t number,
                    const uint8_t *handle, size_t handle_length, double now) {
  struct key key;
  uint8_t record[RECORD_MAX], of_handle[1 + SMPP_HANDLE_OCTETS];
  if (!is_handle(handle, handle_length) || handle_length > SMPP_HANDLE_OCTETS || length == 0 || id[0] == 0 || !make_key(&key, id, length) || !forget(ended, now))
    return false;
  of_handle[0] = 'h';
  memcpy(of_handle + 1, handle, handle_length);
  if (smpp_map_get(open, of_handle, 1 + handle_length) != NULL || smpp_map_get(open, key.octets + 1, key.length) != NULL) return false;
  record[STATE_AT] = NO_STATE;
  record[PART_AT] = record[PARTS_AT] = 1;
  for (int i = 0; i < 4; i++) record[NUMBER_AT + i] = (uint8_t)(number >> (24 - 8 * i));
  memcpy(record + HANDLE_AT, handle, handle_length);
  return smpp_map_put(open, key.octets + 1, key.length, record, HANDLE_AT + handle_length, 0, now) == 0;
}

bool smpp_end_part(struct smpp_map *open, struct smpp_map *ended, const uint8_t *id, size_t length, double now,
                   struct smpp_ended_part *out) {
  struct key key;
  uint8_t record[RECORD_MAX];
  if (open->count == 0 || !make_key(&key, id, length) || !forget(ended, now)) return false;
  const struct smpp_map_entry *entry = smpp_map_get(open, key.octets + 1, key.length);
  if (entry == NULL || entry->tag != 0 || entry->value_length <= HANDLE_AT || entry->value_length > RECORD_MAX) return false;
  size_t size = entry->value_length;
  memcpy(record, smpp_map_value(entry), size);
  if (record[PARTS_AT] != 1 || !is_handle(record + HANDLE_AT, size - HANDLE_AT)) return false;
  record[STATE_AT] = NO_STATE;
  smpp_map_remove(open, entry);
  while (smpp_map_put(ended, key.octets, key.length + 1, record, size, 0, now) == SMPP_ERR_WINDOW_FULL) {
    smpp_map_remove(ended, smpp_map_oldest(ended));
  }
  out->length = size - HANDLE_AT;
  memcpy(out->handle, record + HANDLE_AT, out->length);
  return true;
}
