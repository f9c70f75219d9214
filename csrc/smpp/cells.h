/* cells.h - memory for many small blocks of few sizes, without gaps.
 *
 * The cells of a size stand one after another in blocks of at most 64 KiB.  The last cell of its size moves to where one is
 * removed: blocks empty from the end, and their memory goes back.  So a cell is known by a number, and its address
 * is good until the next call that adds or removes one. */
#ifndef SMPP_CELLS_H
#define SMPP_CELLS_H

#include <stdbool.h>

#include "error.h"

enum { SMPP_CELL_SIZE_BITS = 6, SMPP_CELL_SIZES = 1 << SMPP_CELL_SIZE_BITS };

#define SMPP_CELL_OCTETS 12288u /* the largest */
#define SMPP_CELLS_OF_A_SIZE ((1u << (32 - SMPP_CELL_SIZE_BITS)) - 1) /* 67 million */

struct smpp_cells_of_size {
  uint8_t **blocks;
  uint32_t count;      /* of cells */
  uint32_t block_room; /* entries of |blocks| */
  uint32_t first_room; /* cells of the first block, which grows to its full size before there is another */
  uint32_t block_count;
  uint16_t size;
  uint8_t shift; /* a full block has 1 << shift cells */
};

struct smpp_cells {
  struct smpp_cells_of_size *sizes; /* those in use, in the order of their first cells */
  uint32_t size_count;
  size_t octets; /* taken from the allocator */
};

/* Takes no memory. */
void smpp_cells_init(struct smpp_cells *cells);

/* Gives back all cells; of use afterwards. */
void smpp_cells_clear(struct smpp_cells *cells);

/* The number of a new cell of at least |size| octets, whose octets are undefined; 0: no memory, |size| > SMPP_CELL_OCTETS,
 * or SMPP_CELLS_OF_A_SIZE are there. */
SMPP_MUST_CHECK uint32_t smpp_cells_add(struct smpp_cells *cells, size_t size);

/* Whether cells for both have the same size. */
bool smpp_cells_alike(size_t size, size_t other);

/* Removes a cell.  Returns the number of the cell that has the removed one's number from now on; 0: none. */
SMPP_MUST_CHECK uint32_t smpp_cells_remove(struct smpp_cells *cells, uint32_t cell);

/* Aligned for a double or a pointer. */
static inline void *smpp_cells_at(const struct smpp_cells *cells, uint32_t cell) {
  const struct smpp_cells_of_size *s = &cells->sizes[(cell - 1) & (SMPP_CELL_SIZES - 1)];
  uint32_t index = (cell - 1) >> SMPP_CELL_SIZE_BITS;
  return s->blocks[index >> s->shift] + (size_t)(index & ((1u << s->shift) - 1)) * s->size;
}

#endif
