#include "tally.h"

#include <stdbool.h>
#include <string.h>

#include "alloc.h"

const double smpp_tally_bounds[SMPP_TALLY_BOUNDS] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                     0.5,   1,      2.5,   5,    10,    30,   60};

struct smpp_tally *smpp_tally_new(void) {
  struct smpp_tally *t = smpp_realloc(NULL, sizeof *t);
  if (t == NULL) return NULL;
  memset(t, 0, sizeof *t);
  t->references = 1;
  return t;
}

struct smpp_tally *smpp_tally_keep(struct smpp_tally *t) {
  if (t != NULL) t->references++;
  return t;
}

void smpp_tally_release(struct smpp_tally *t) {
  if (t == NULL || --t->references > 0) return;
  for (size_t i = 0; i < t->row_count; i++) {
    smpp_free(t->rows[i]->statuses);
    smpp_free(t->rows[i]);
  }
  smpp_free(t->rows);
  smpp_free(t->ends);
  smpp_free(t);
}

/* Room for one more item of |size| octets at |*items|. */
static bool make_room(void *items, size_t count, size_t *room, size_t size) {
  if (count < *room) return true;
  void *block;
  memcpy(&block, items, sizeof block);
  size_t more = *room == 0 ? 4 : *room * 2;
  block = smpp_realloc(block, more * size);
  if (block == NULL) return false;
  memcpy(items, &block, sizeof block);
  *room = more;
  return true;
}

/* There are few rows: a list. */
static struct smpp_tally_row *row_of(struct smpp_tally *t, enum smpp_direction direction, uint32_t command) {
  for (size_t i = 0; i < t->row_count; i++) {
    struct smpp_tally_row *row = t->rows[i];
    if (row->command != command || row->direction != direction) continue;
    if (i > 0) { /* one step to the front each time: those in use come to stand first */
      t->rows[i] = t->rows[i - 1];
      t->rows[i - 1] = row;
    }
    return row;
  }
  if (!make_room(&t->rows, t->row_count, &t->row_room, sizeof(void *))) return NULL;
  struct smpp_tally_row *row = smpp_realloc(NULL, sizeof *row);
  if (row == NULL) return NULL;
  memset(row, 0, sizeof *row);
  row->command = command;
  row->direction = direction;
  t->rows[t->row_count++] = row;
  return row;
}

static bool count_known_status(struct smpp_tally_row *row, uint32_t status) {
  for (size_t i = 0; i < row->status_count; i++) {
    if (row->statuses[i].status != status) continue;
    row->statuses[i].count++;
    return true;
  }
  return false;
}

static void count_status(struct smpp_tally_row *row, uint32_t status) {
  if (count_known_status(row, status)) return;
  if (smpp_status_by_code(status) == NULL) {
    status = SMPP_TALLY_STATUS_OTHER;
    if (count_known_status(row, status)) return;
  }
  if (!make_room(&row->statuses, row->status_count, &row->status_room, sizeof *row->statuses)) return;
  row->statuses[row->status_count++] = (struct smpp_tally_status){status, 1};
}

void smpp_tally_request(struct smpp_tally *t, enum smpp_direction direction, uint32_t command) {
  struct smpp_tally_row *row = t != NULL ? row_of(t, direction, command) : NULL;
  if (row != NULL) row->requests++;
}

void smpp_tally_response(struct smpp_tally *t, enum smpp_direction direction, uint32_t command, uint32_t status,
                         double seconds, uint32_t session) {
  struct smpp_tally_row *row = t != NULL ? row_of(t, direction, command) : NULL;
  int i = 0;
  if (row == NULL) return;
  if (!(seconds > 0)) seconds = 0;
  while (i < SMPP_TALLY_BOUNDS && seconds > smpp_tally_bounds[i]) i++;
  row->buckets[i].count++;
  row->buckets[i].latest = seconds;
  row->buckets[i].session = session;
  row->seconds += seconds;
  count_status(row, status);
}

void smpp_tally_ended(struct smpp_tally *t, const char *reason) {
  if (t == NULL || reason == NULL) return;
  for (size_t i = 0; i < t->end_count; i++) {
    if (strcmp(t->ends[i].reason, reason) != 0) continue;
    t->ends[i].count++;
    return;
  }
  if (!make_room(&t->ends, t->end_count, &t->end_room, sizeof *t->ends)) return;
  t->ends[t->end_count++] = (struct smpp_tally_end){reason, 1};
}
