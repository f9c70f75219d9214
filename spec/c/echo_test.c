/* Loop protection: against a plain model, with allocations that fail, and states that come and go. */
#include "check.h"
#include "smpp/alloc.h"
#include "smpp/echo.h"

enum { SENDERS = 200, TEXTS = 3, STEPS = 60000, TTL_S = 50, WINDOW_S = 7 };

struct model {
  bool is_known;
  double since;
  unsigned n, repeats;
  int heard, said; /* 0: none */
};

static struct model models[SENDERS];
static bool fails;
static unsigned long seed = 1;

static unsigned draw(unsigned most) {
  seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF;
  return (unsigned)(seed >> 8) % most;
}

static void *failing(void *block, size_t size) {
  if (size == 0) {
    free(block);
    return NULL;
  }
  return fails && draw(2) == 0 ? NULL : realloc(block, size);
}

static size_t name_of(unsigned i, char out[16]) { return (size_t)snprintf(out, 16, "4917%u", i * 37); }

static const char *text_of(int i) { return (const char *[]){"", "one", "two", "a longer text"}[i]; }

static bool model_heard(struct model *m, int text, double now, const struct smpp_echo_limits *limits) {
  struct model next = *m;
  bool begins = !m->is_known || now - m->since >= limits->per_s;
  next.is_known = true;
  next.n = begins ? 1 : m->n + 1;
  if (begins) next.since = now;
  if (!m->is_known || m->heard != text) next.repeats = 0;
  next.heard = text;
  if (next.n > limits->n || next.repeats >= limits->repeats) return false;
  *m = next;
  return true;
}

static void check_all(struct smpp_echoes *all) {
  size_t count = 0;
  char name[16];
  for (unsigned i = 0; i < SENDERS; i++) {
    const struct model *m = &models[i];
    const struct smpp_echo *echo = smpp_echoes_find(all, name, name_of(i, name));
    if (!CHECK((echo != NULL) == m->is_known) || echo == NULL) continue;
    count++;
    CHECK(echo->since == m->since && echo->n == m->n && echo->repeats == m->repeats);
    CHECK(echo->heard == (m->heard != 0 ? smpp_echoes_mark(all, text_of(m->heard), strlen(text_of(m->heard))) : 0));
    CHECK(echo->said == (m->said != 0 ? smpp_echoes_mark(all, text_of(m->said), strlen(text_of(m->said))) : 0));
  }
  CHECK(count == all->count);
}

static void forget_old(double now) {
  for (unsigned i = 0; i < SENDERS; i++) {
    if (models[i].is_known && models[i].since + TTL_S <= now) models[i] = (struct model){0};
  }
}

int main(void) {
  static const uint32_t key[2] = {1, 2};
  struct smpp_echoes all;
  const struct smpp_echo_limits limits = {WINDOW_S, 5, 3};
  char name[16];
  double now = 0;
  smpp_set_allocator(failing);
  smpp_echoes_init(&all, TTL_S, key);
  CHECK(smpp_echoes_find(&all, "4", 1) == NULL && !smpp_echoes_said(&all, "4", 1, "x", 1));
  for (int step = 0; step < STEPS; step++) {
    unsigned i = draw(step < STEPS / 2 ? SENDERS : 20);
    struct model *m = &models[i];
    size_t length = name_of(i, name);
    int text = 1 + (int)draw(TEXTS);
    now += draw(4) * 0.01;
    size_t places = all.place_count;
    fails = draw(10) == 0;
    switch (draw(4)) {
      case 0:
      case 1: {
        struct model before = *m;
        bool expected = model_heard(m, text, now, &limits);
        bool heard = smpp_echoes_heard(&all, name, length, text_of(text), strlen(text_of(text)), now, &limits);
        if (!heard && expected) {
          CHECK(fails && !before.is_known); /* no memory */
          *m = before;
        } else {
          CHECK(heard == expected);
        }
        if (all.place_count != places) forget_old(now); /* it moved */
        break;
      }
      case 2:
        CHECK(smpp_echoes_said(&all, name, length, text_of(text), strlen(text_of(text))) == m->is_known);
        if (m->is_known) {
          m->repeats = m->said == text ? m->repeats + 1 : 1;
          m->said = text;
        }
        break;
      default:
        if (m->is_known && draw(3) == 0) {
          smpp_echoes_remove(&all, smpp_echoes_find(&all, name, length));
          *m = (struct model){0};
        }
    }
    if (step % 500 == 0) {
      fails = false;
      smpp_echoes_drop(&all, now);
      forget_old(now);
      check_all(&all);
      CHECK(all.place_count <= 16 || all.place_count / 4 * 3 / 4 <= all.count + all.count / 2 + 1 || all.place_count == places);
    }
  }
  fails = false;
  check_all(&all);
  smpp_echoes_drop(&all, now + TTL_S + 1);
  CHECK(all.count == 0 && all.places == NULL);
  smpp_echoes_clear(&all);
  smpp_set_allocator(NULL);
  return report();
}
