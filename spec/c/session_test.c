/* Plays session_conversations.txt, where the notation is explained: each
 * conversation whole, then one octet at a time.  From the checkout's root:
 *
 *   gcc -std=c99 -g -Icsrc -fsanitize=address,undefined csrc/smpp/[a-z]*.c spec/c/session_test.c -o session_test
 *   ./session_test [file]
 */
#include "session_support.h"

struct lines {
  char text[4096];
  size_t length;
};

struct player {
  struct smpp_session *s;
  struct smpp_session_config config;
  double now;
  bool octetwise;
  struct lines events, output;
  const char *name, *bound; /* steps of the conversation "bound" */
};

#define ADD(lines, ...)                                                                                     \
  ((lines)->length += (size_t)snprintf((lines)->text + (lines)->length, sizeof(lines)->text - (lines)->length, \
                                       __VA_ARGS__))

static void add_pdu(struct lines *to, uint32_t id, uint32_t sequence, uint32_t status) {
  const struct smpp_command *command = smpp_command_by_id(NULL, id);
  if (command != NULL)
    ADD(to, "%s %lu", command->name, (unsigned long)sequence);
  else
    ADD(to, "0x%lx %lu", (unsigned long)id, (unsigned long)sequence);
  if (status != 0) ADD(to, " status 0x%lx", (unsigned long)status);
}

static void drain_events(struct player *p) {
  static const char *const kinds[] = {"request", "response", "timeout", "lost",   "state",
                                      "window",  "stray",    "malformed", "close", "unsent"};
  struct smpp_event e;
  struct lines *to = &p->events;
  while (smpp_session_next(p->s, &e)) {
    ADD(to, "= %s", kinds[e.kind]);
    bool has_pdu = e.kind == SMPP_EVENT_REQUEST || e.kind == SMPP_EVENT_RESPONSE || e.kind == SMPP_EVENT_STRAY;
    if (has_pdu) {
      ADD(to, " ");
      add_pdu(to, e.pdu.id, e.pdu.sequence, e.pdu.status);
    }
    if (e.kind == SMPP_EVENT_RESPONSE) ADD(to, " cookie");
    if (e.kind == SMPP_EVENT_RESPONSE || e.kind == SMPP_EVENT_TIMEOUT || e.kind == SMPP_EVENT_LOST ||
        e.kind == SMPP_EVENT_UNSENT)
      ADD(to, " %lu", (unsigned long)e.cookie);
    if (e.kind == SMPP_EVENT_STATE) ADD(to, " %s %s", smpp_state_name(e.from), smpp_state_name(e.to));
    if (e.kind == SMPP_EVENT_MALFORMED) ADD(to, " %u", (unsigned)e.length);
    if (e.reason != NULL && e.kind != SMPP_EVENT_LOST && e.kind != SMPP_EVENT_UNSENT) ADD(to, " %s", e.reason);
    ADD(to, "\n");
  }
}

static void drain_output(struct player *p) {
  size_t length = 0;
  const uint8_t *octets = smpp_session_output(p->s, &length);
  size_t at = 0;
  while (at < length) {
    uint32_t pdu = 0;
    if (!CHECK_FOR(smpp_pdu_frame(octets + at, length - at, 131072, &pdu) == 0, p->name)) break;
    struct lines line = {.length = 0};
    ADD(&line, "> ");
    add_pdu(&line, smpp_get_u32(octets + at + 4), smpp_get_u32(octets + at + 12), smpp_get_u32(octets + at + 8));
    ADD(&p->output, "%s\n", line.text);
    at += pdu;
  }
  smpp_session_sent(p->s, length);
}

static bool option(const char *line, const char *key, char *value, size_t size) {
  size_t n = strlen(key);
  for (const char *at = strstr(line, key); at != NULL; at = strstr(at + 1, key)) {
    if (at[-1] != ' ' || at[n] != '=') continue;
    size_t length = strcspn(at + n + 1, " \n");
    if (length >= size) length = size - 1;
    memcpy(value, at + n + 1, length);
    value[length] = 0;
    return true;
  }
  return false;
}

static void settings(struct player *p, const char *line) {
  char value[32];
  struct smpp_session_config *c = &p->config;
#define SECONDS(name) \
  if (option(line, #name, value, sizeof value)) c->name##_s = strtod(value, NULL)
  SECONDS(response);
  SECONDS(enquire_link);
  SECONDS(inactivity);
  SECONDS(session_init);
  SECONDS(pdu_read);
#undef SECONDS
#define NUMBER(key, field, type) \
  if (option(line, key, value, sizeof value)) c->field = (type)strtoul(value, NULL, 0)
  NUMBER("window", window, uint32_t);
  NUMBER("first", first_sequence, uint32_t);
  NUMBER("max_pdu", max_pdu, uint32_t);
  NUMBER("max_unanswered", max_unanswered, uint32_t);
  NUMBER("version", version, uint8_t);
  NUMBER("unchecked", unchecked, bool);
  NUMBER("require_sc", require_sc_version, bool);
#undef NUMBER
}

static size_t unhex(const char *hex, uint8_t *out) {
  size_t n = 0;
  for (; hex[0] != 0 && hex[1] != 0; hex += 2) {
    char pair[3] = {hex[0], hex[1], 0};
    out[n++] = (uint8_t)strtoul(pair, NULL, 16);
  }
  return n;
}

static size_t peer_pdu(const char *line, uint8_t *out) {
  char name[40], value[128];
  unsigned long sequence = 0, status = 0;
  if (option(line, "raw", value, sizeof value)) return unhex(value, out);
  if (!CHECK_FOR(sscanf(line, "< %39s %lu", name, &sequence) == 2, line)) return 0;
  const struct smpp_command *command = smpp_command_by_name(NULL, name);
  if (!CHECK_FOR(command != NULL, line)) return 0;
  if (option(line, "status", value, sizeof value)) status = strtoul(value, NULL, 0);
  struct built b;
  build(&b, command, (uint32_t)sequence, (uint32_t)status);
  size_t length = written(&b.message, out, 512);
  if (option(line, "version", value, sizeof value)) {
    struct smpp_pdu pdu;
    smpp_pdu_decode(out, (uint32_t)length, 0, NULL, &pdu);
    int at = smpp_param_position(command, SMPP_F_INTERFACE_VERSION);
    out[pdu.params[at].offset] = (uint8_t)strtoul(value, NULL, 16);
  }
  if (option(line, "hex", value, sizeof value)) length = 16 + unhex(value, out + 16);
  if (option(line, "sc", value, sizeof value)) {
    const uint8_t tlv[] = {0x02, 0x10, 0, 1, (uint8_t)strtoul(value, NULL, 16)};
    memcpy(out + length, tlv, sizeof tlv);
    length += sizeof tlv;
  }
  smpp_set_u32(out, (uint32_t)length);
  return length;
}

/* Calls of ours; "-> error" behind them says that they fail. */
static void call(struct player *p, const char *line) {
  char what[32] = "", command[40] = "", text[64] = "", value[32], expected[32] = "ok";
  unsigned long number = 0;
  struct built b;
  struct smpp_fault fault;
  int error = 0;
  const char *arrow = strstr(line, " -> ");
  if (arrow != NULL) sscanf(arrow, " -> %31s", expected);
  sscanf(line, "! %31s %39s", what, command);
  const struct smpp_command *row = smpp_command_by_name(NULL, command);
  unsigned long given = strtoul(command, NULL, 0);
  if (strcmp(what, "request") == 0) {
    uint32_t sequence = 0;
    sscanf(line, "! request %*s %lu", &number);
    build(&b, row, option(line, "number", value, sizeof value) ? (uint32_t)strtoul(value, NULL, 0) : 0, 0);
    if (smpp_param_position(row, SMPP_F_INTERFACE_VERSION) >= 0) memset(b.message.params, 0, sizeof b.message.params);
    error = smpp_session_request(p->s, &b.message, number, p->now, &sequence, &fault);
  } else if (strcmp(what, "answer") == 0) {
    unsigned long status = 0;
    sscanf(line, "! answer %*s %lu %lx %63s", &number, &status, text);
    if (strcmp(text, "->") == 0) text[0] = 0;
    error = smpp_session_answer(p->s, row->id, (uint32_t)number, (uint32_t)status, text, strlen(text), p->now);
  } else if (strcmp(what, "respond") == 0) {
    unsigned long status = 0;
    sscanf(line, "! respond %*s %lu %lx", &number, &status);
    build(&b, row, (uint32_t)number, (uint32_t)status);
    error = smpp_session_respond(p->s, &b.message, p->now, &fault);
  } else if (strcmp(what, "unbind") == 0) {
    error = smpp_session_unbind(p->s, strtod(command, NULL), p->now);
  } else if (strcmp(what, "lost") == 0) {
    smpp_session_lost(p->s, "connection lost");
  } else if (strcmp(what, "close") == 0) {
    smpp_session_close(p->s, "closed");
  } else if (strcmp(what, "window") == 0) {
    smpp_session_set_window(p->s, (uint32_t)given);
  } else if (strcmp(what, "max_unanswered") == 0) {
    smpp_session_set_max_unanswered(p->s, (uint32_t)given);
  } else if (strcmp(what, "in_flight") == 0) {
    CHECK_FOR(smpp_session_in_flight(p->s) == given, p->name);
  } else if (strcmp(what, "unanswered") == 0) {
    CHECK_FOR(smpp_session_unanswered(p->s) == given, p->name);
  } else if (strcmp(what, "unbinding") == 0) {
    CHECK_FOR(smpp_session_is_unbinding(p->s) == (given != 0), p->name);
  } else if (strcmp(what, "state") == 0) {
    CHECK_FOR(strcmp(smpp_state_name(smpp_session_state(p->s)), command) == 0, p->name);
  } else if (strcmp(what, "version") == 0) {
    CHECK_FOR(smpp_session_version(p->s) == strtoul(command, NULL, 16), p->name);
  } else if (strcmp(what, "bind_version") == 0) {
    CHECK_FOR(smpp_session_bind_version(p->s) == strtoul(command, NULL, 16), p->name);
  } else {
    CHECK_FOR(false, line);
  }
  if (strcmp(smpp_error_name(error), expected) != 0) {
    fprintf(stderr, "%s: %.*s: %s\n", p->name, (int)strcspn(line, "\n"), line, smpp_error_name(error));
    CHECK_FOR(false, p->name);
  }
}

static void step(struct player *p, const char *line) {
  uint8_t octets[1024];
  if (line[0] == '<') {
    size_t length = peer_pdu(line, octets);
    size_t at_once = p->octetwise ? 1 : length;
    for (size_t at = 0; at < length; at += at_once) {
      smpp_session_feed(p->s, octets + at, at_once, p->now);
      drain_events(p);
    }
  } else if (line[0] == '@') {
    p->now = strtod(line + 1, NULL);
    smpp_session_tick(p->s, p->now);
  } else if (line[0] == '!') {
    call(p, line);
  }
  drain_events(p);
  drain_output(p);
}

/* A star in an expected line stands for anything up to the next blank, or the line's end. */
static bool fits(const char *expected, const char *actual) {
  for (; *expected != 0; expected++) {
    if (*expected == '*') {
      while (*actual != 0 && *actual != ' ' && *actual != '\n') actual++;
      if (expected[1] == '\n') actual += strcspn(actual, "\n");
    } else if (*expected != *actual++) {
      return false;
    }
  }
  return *actual == 0;
}

/* Reads a line into |copy|; returns the next one. */
static const char *take_line(const char *text, char *copy, size_t size) {
  size_t length = strcspn(text, "\n");
  snprintf(copy, size, "%.*s", (int)length, text);
  return text + length + (text[length] == '\n');
}

static void check_deadline(const struct player *p, const char *expected) {
  char line[32];
  double at = smpp_session_deadline(p->s);
  snprintf(line, sizeof line, at < 0 ? "~ -" : "~ %g", at);
  if (!CHECK_FOR(strcmp(line, expected) == 0, p->name)) fprintf(stderr, "  is %s, not %s\n", line, expected);
}

/* Plays steps up to an empty line or the next conversation. */
static void play(struct player *p, const char *line) {
  char copy[256];
  while (*line != 0 && *line != '\n' && strncmp(line, "==", 2) != 0) {
    struct lines expected = {.length = 0};
    line = take_line(line, copy, sizeof copy);
    if (copy[0] == 's' || copy[0] == '#') continue;
    if (copy[0] == '+') {
      play(p, p->bound);
      continue;
    }
    if (copy[0] == '~') {
      check_deadline(p, copy);
      continue;
    }
    p->events.length = p->output.length = 0;
    p->events.text[0] = p->output.text[0] = 0;
    step(p, copy);
    while ((*line == '=' && line[1] == ' ') || *line == '>') {
      char more[256];
      line = take_line(line, more, sizeof more);
      ADD(&expected, "%s\n", more);
    }
    char actual[2 * sizeof p->events.text];
    snprintf(actual, sizeof actual, "%s%s", p->events.text, p->output.text);
    if (!CHECK_FOR(fits(expected.text, actual), p->name))
      fprintf(stderr, "%s\nexpected:\n%sgot%s:\n%s", copy, expected.text,
              p->octetwise ? " (one octet at a time)" : "", actual);
  }
}

static void play_conversation(const char *title, const char *steps, const char *bound, bool octetwise) {
  struct player p = {.octetwise = octetwise, .name = title, .bound = bound};
  char copy[256];
  smpp_session_defaults(&p.config, strncmp(title, "ESME", 4) == 0 ? SMPP_ESME : SMPP_MC);
  take_line(steps, copy, sizeof copy);
  if (strncmp(copy, "set ", 4) == 0) settings(&p, copy);
  p.s = smpp_session_new(&p.config, 0);
  if (!CHECK(p.s != NULL)) return;
  play(&p, steps);
  smpp_session_free(p.s);
}

static char *read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  char *text = calloc(1, 1 << 18);
  if (text != NULL && fread(text, 1, (1 << 18) - 1, file) == 0) text[0] = 0;
  fclose(file);
  return text;
}

int main(int argc, char **argv) {
  char *text = read_file(argc > 1 ? argv[1] : "spec/c/session_conversations.txt");
  const char *bound[2] = {NULL, NULL};
  unsigned conversations = 0;
  if (text == NULL) {
    fprintf(stderr, "no conversations\n");
    return 2;
  }
  smpp_set_allocator(failing_realloc);
  for (const char *at = strstr(text, "\n== "); at != NULL; at = strstr(at, "\n== ")) {
    char title[128];
    at = take_line(at + 4, title, sizeof title);
    bool is_esme = strncmp(title, "ESME", 4) == 0;
    if (strstr(title, ": bound") != NULL) bound[is_esme] = at;
    play_conversation(title, at, bound[is_esme], false);
    play_conversation(title, at, bound[is_esme], true);
    conversations++;
    at--; /* the newline that the next title stands behind */
  }
  CHECK(conversations > 50);
  CHECK(blocks_alive == 0);
  free(text);
  return report();
}
