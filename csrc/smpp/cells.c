#include "cells.h"

#include <string.h>

#include "alloc.h"

enum { BLOCK_OCTETS = 65536, SMALLEST = 32, STEP = 8, MOST_STEPS = 12 };

/* 32 to 96 in steps of 8, to 192 of 16, to 384 of 32, and so on: at most a twelfth is to spare above 96. */
static size_t round_up(size_t size) {
  size_t step = STEP;
  while (size > step * MOST_STEPS) step *= 2;
  return size > SMALLEST ? (size + step - 1) & ~(step - 1) : SMALLEST;
}

bool smpp_cells_alike(size_t size, size_t other) { return round_up(size) == round_up(other); }

void smpp_cells_init(struct smpp_cells *cells) { memset(cells, 0, sizeof *cells); }

static void give_all(struct smpp_cells *cells, struct smpp_cells_of_size *s) {
  for (uint32_t i = 0; i < s->block_count; i++) smpp_free(s->blocks[i]);
  smpp_free(s->blocks);
  cells->octets -= s->block_room * sizeof *s->blocks;
  if (s->block_count > 0) cells->octets -= s->size * ((size_t)s->first_room + ((size_t)(s->block_count - 1) << s->shift));
  s->blocks = NULL;
  s->count = s->block_room = s->first_room = s->block_count = 0;
}

void smpp_cells_clear(struct smpp_cells *cells) {
  for (uint32_t i = 0; i < cells->size_count; i++) give_all(cells, &cells->sizes[i]);
  smpp_free(cells->sizes);
  smpp_cells_init(cells);
}

/* The index of a size; SMPP_CELL_SIZES: no memory. */
static uint32_t find_size(struct smpp_cells *cells, size_t size) {
  uint32_t i = 0;
  while (i < cells->size_count && cells->sizes[i].size != size) i++;
  if (i < cells->size_count) return i;
  struct smpp_cells_of_size *sizes = smpp_realloc(cells->sizes, (i + 1) * sizeof *sizes);
  if (sizes == NULL) return SMPP_CELL_SIZES;
  cells->sizes = sizes;
  cells->size_count++;
  cells->octets += sizeof *sizes;
  memset(&sizes[i], 0, sizeof *sizes);
  sizes[i].size = (uint16_t)size;
  while ((size << (sizes[i].shift + 1)) <= BLOCK_OCTETS) sizes[i].shift++;
  return i;
}

/* Makes the first block one of |room| cells. */
static bool size_first(struct smpp_cells *cells, struct smpp_cells_of_size *s, uint32_t room) {
  uint8_t *block = smpp_realloc(s->block_count > 0 ? s->blocks[0] : NULL, (size_t)room * s->size);
  if (block == NULL) return false;
  cells->octets = cells->octets - (size_t)s->first_room * s->size + (size_t)room * s->size;
  s->blocks[0] = block;
  s->first_room = room;
  s->block_count = 1;
  return true;
}

/* Room for one cell more. */
static bool make_room(struct smpp_cells *cells, struct smpp_cells_of_size *s) {
  uint32_t full = 1u << s->shift;
  if (s->block_count == s->block_room && s->count == (uint64_t)s->block_count << s->shift) {
    uint32_t room = s->block_room > 0 ? s->block_room * 2 : 1;
    uint8_t **blocks = smpp_realloc(s->blocks, room * sizeof *blocks);
    if (blocks == NULL) return false;
    cells->octets += (room - s->block_room) * sizeof *blocks;
    s->blocks = blocks;
    s->block_room = room;
  }
  if (s->first_room < full) {
    uint32_t room = s->first_room > 0 ? s->first_room * 2 : 1;
    return s->count < s->first_room || size_first(cells, s, room < full ? room : full);
  }
  if (s->count < (uint64_t)s->block_count << s->shift) return true;
  if ((s->blocks[s->block_count] = smpp_realloc(NULL, (size_t)full * s->size)) == NULL) return false;
  s->block_count++;
  cells->octets += (size_t)full * s->size;
  return true;
}

uint32_t smpp_cells_add(struct smpp_cells *cells, size_t size) {
  if (size > SMPP_CELL_OCTETS) return 0;
  uint32_t i = find_size(cells, round_up(size));
  if (i == SMPP_CELL_SIZES) return 0;
  struct smpp_cells_of_size *s = &cells->sizes[i];
  if (s->count >= SMPP_CELLS_OF_A_SIZE || !make_room(cells, s)) return 0;
  return (s->count++ << SMPP_CELL_SIZE_BITS | i) + 1;
}

/* Half a block is kept, so that a cell that comes and goes does not take and give back one each time. */
static void give_back(struct smpp_cells *cells, struct smpp_cells_of_size *s) {
  uint32_t full = 1u << s->shift;
  if (s->count == 0) {
    give_all(cells, s);
  } else if (s->block_count > 1) {
    if (s->count + full / 2 > (uint64_t)(s->block_count - 1) << s->shift) return;
    smpp_free(s->blocks[--s->block_count]);
    cells->octets -= (size_t)full * s->size;
  } else if (s->count < s->first_room / 4) {
    (void)size_first(cells, s, s->first_room / 2); /* without memory it stays large, which is harmless */
  }
}

uint32_t smpp_cells_remove(struct smpp_cells *cells, uint32_t cell) {
  uint32_t i = (cell - 1) & (SMPP_CELL_SIZES - 1);
  struct smpp_cells_of_size *s = &cells->sizes[i];
  uint32_t last = ((s->count - 1) << SMPP_CELL_SIZE_BITS | i) + 1;
  if (cell != last) memcpy(smpp_cells_at(cells, cell), smpp_cells_at(cells, last), s->size);
  s->count--;
  give_back(cells, s);
  return cell != last ? last : 0;
}
