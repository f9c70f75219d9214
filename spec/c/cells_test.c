/* cells.c against a plain list: cells keep their octets wherever they move, what is held is counted, and goes back; with failing memory, too. */
#include "check.h"
#include "smpp/alloc.h"
#include "smpp/cells.h"

enum { MOST = 40000, HEADER = 16 };

static size_t held, largest; /* octets taken from the allocator now; the most of a call */
static unsigned fail_of_8;   /* calls that fail, of eight */
static uint32_t state = 7;

static uint32_t random_below(uint32_t n) {
  state = state * 1664525u + 1013904223u;
  return (state >> 8) % n;
}

/* Counts octets: each block has its size before it. */
static void *allocate(void *block, size_t size) {
  uint8_t *old = block != NULL ? (uint8_t *)block - HEADER : NULL;
  size_t old_size = 0;
  if (old != NULL) memcpy(&old_size, old, sizeof old_size);
  if (size == 0) {
    held -= old_size;
    free(old);
    return NULL;
  }
  if (random_below(8) < fail_of_8) return NULL;
  uint8_t *new = realloc(old, size + HEADER);
  if (new == NULL) abort();
  memcpy(new, &size, sizeof size);
  held = held - old_size + size;
  if (size > largest) largest = size;
  return new + HEADER;
}

/* The model: a cell's number, and what it holds. */
static struct {
  uint32_t cell;
  size_t size;
  uint8_t octet;
} model[MOST];
static uint32_t count;

static bool holds(const struct smpp_cells *cells, uint32_t i) {
  const uint8_t *octets = smpp_cells_at(cells, model[i].cell);
  if ((uintptr_t)octets % 8 != 0) return false;
  for (size_t at = 0; at < model[i].size; at++)
    if (octets[at] != model[i].octet) return false;
  return true;
}

static void add(struct smpp_cells *cells, size_t size) {
  uint32_t cell = smpp_cells_add(cells, size);
  CHECK(cell != 0 || fail_of_8 > 0);
  if (cell == 0) return;
  model[count].cell = cell;
  model[count].size = size;
  model[count].octet = (uint8_t)random_below(256);
  memset(smpp_cells_at(cells, cell), model[count].octet, size);
  count++;
}

static void remove_at(struct smpp_cells *cells, uint32_t i) {
  uint32_t cell = model[i].cell, moved;
  CHECK(holds(cells, i));
  model[i] = model[--count];
  moved = smpp_cells_remove(cells, cell);
  for (i = 0; moved != 0 && i < count; i++) {
    if (model[i].cell != moved) continue;
    model[i].cell = cell;
    CHECK(holds(cells, i));
    moved = 0;
  }
  CHECK(moved == 0);
}

static void any_sizes(unsigned failing) {
  struct smpp_cells cells;
  smpp_cells_init(&cells);
  CHECK(held == 0);
  fail_of_8 = failing;
  for (int step = 0; step < 6000; step++) {
    if (count == 0 || random_below(16) < (step < 4000 ? 12u : 6u)) add(&cells, random_below(8) > 0 ? random_below(200) : random_below(SMPP_CELL_OCTETS + 1));
    else remove_at(&cells, random_below(count));
    CHECK(cells.octets == held);
  }
  CHECK(count > 0);
  for (uint32_t i = 0; i < count; i++) CHECK(holds(&cells, i));
  if (failing == 0) {
    while (count > 0) remove_at(&cells, random_below(count));
    CHECK(held == cells.octets && held == cells.size_count * sizeof *cells.sizes);
    add(&cells, 50);
  }
  smpp_cells_clear(&cells);
  CHECK(held == 0 && cells.octets == 0);
  count = fail_of_8 = 0;
}

/* Whichever stay, no more is held than they need, and a block; no call takes a large block or copies one. */
static void few_stay(void) {
  struct smpp_cells cells;
  smpp_cells_init(&cells);
  largest = 0;
  for (int i = 0; i < MOST; i++) add(&cells, 41);
  CHECK(held < MOST * 48 + 2 * 65536 && largest <= 65536);
  size_t full = held;
  for (uint32_t i = MOST; i-- > 0;)
    if (i % 100 != 0) {
      uint32_t cell = model[i].cell, moved = smpp_cells_remove(&cells, cell);
      /* from the end: what moves is of those that stay, or follows them */
      for (uint32_t j = i + 1; moved != 0 && j < MOST; j++)
        if (model[j].cell == moved) {
          model[j].cell = cell;
          moved = 0;
        }
      CHECK(moved == 0);
      model[i].cell = 0;
    }
  CHECK(held < MOST / 100 * 48 + 2 * 65536 && held < full / 10);
  for (uint32_t i = 0; i < MOST; i += 100) CHECK(holds(&cells, i));
  smpp_cells_clear(&cells);
  CHECK(held == 0);
  count = 0;
}

int main(void) {
  struct smpp_cells cells;
  smpp_set_allocator(allocate);
  for (unsigned failing = 0; failing < 6; failing++) any_sizes(failing);
  few_stay();
  smpp_cells_init(&cells);
  CHECK(smpp_cells_add(&cells, SMPP_CELL_OCTETS + 1) == 0 && held == 0);
  CHECK(smpp_cells_alike(0, 32) && !smpp_cells_alike(32, 33) && smpp_cells_alike(33, 40) && smpp_cells_alike(193, 224) && !smpp_cells_alike(224, 225));
  size_t sizes = 1;
  for (size_t size = 1; size <= SMPP_CELL_OCTETS; size++) sizes += !smpp_cells_alike(size - 1, size);
  CHECK(sizes > 40 && sizes <= SMPP_CELL_SIZES);
  return report();
}
