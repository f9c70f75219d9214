/* text_bench.c - what encoding, decoding and cutting 160 characters costs in the C core:
 *   cc -std=c99 -O2 -Icsrc -o text_bench bench/text_bench.c csrc/smpp/{gsm7,ucs2,charset,grapheme,text}.c
 * Prints nanoseconds per text, the best of several rounds. */
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "smpp/text.h"

enum { CHARACTERS = 160, REPEATS = 100000, ROUNDS = 7, PART = 67 };

static const struct job {
  const char *name;
  struct smpp_coding coding;
  const char *pattern; /* repeated up to 160 characters */
} jobs[] = {
    {"gsm7 ASCII", {SMPP_GSM7, 0, 0}, "The quick brown fox jumps. "},
    {"gsm7 accents", {SMPP_GSM7, 0, 0}, "d\303\251j\303\240 vu \303\274ber "},
    {"gsm7 packed", {SMPP_GSM7_PACKED, 0, 0}, "The quick brown fox jumps. "},
    {"gsm7 Turkish", {SMPP_GSM7, 1, 1}, "g\303\274ne\305\237 \304\261\305\237\304\261k "},
    {"latin1", {SMPP_LATIN1, 0, 0}, "d\303\251j\303\240 vu "},
    {"ucs2 Cyrillic", {SMPP_UCS2, 0, 0}, "\320\266\321\203\320\272 "},
};

struct buffers {
  uint8_t text[4 * CHARACTERS], octets[8 * CHARACTERS + 4], decoded[32 * CHARACTERS + 20];
  size_t text_length, octet_length;
};

/* Keeps the compiler from dropping work whose result nobody reads. */
static volatile size_t sink;

static double now_ns(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int encode(const struct job *job, struct buffers *b) {
  size_t units = 0;
  struct smpp_text_fault fault;
  return smpp_text_encode(&job->coding, b->text, b->text_length, 0, b->octets, &b->octet_length, &units, &fault);
}

static int decode(const struct job *job, struct buffers *b) {
  struct smpp_text_problems problems;
  problems.count = 0;
  size_t n = smpp_text_decode(&job->coding, b->octets, b->octet_length, 0, SIZE_MAX, b->decoded, &problems);
  return n == b->text_length && problems.count == 0 ? 0 : -1;
}

static int cut(const struct job *job, struct buffers *b) {
  struct smpp_cutter cutter = {job->coding, b->text, b->text + b->text_length, NULL, NULL, true};
  size_t octets = 0, units = 0;
  while (cutter.text < cutter.end) {
    if (smpp_text_cut(&cutter, PART, &octets, &units) != 0) return -1;
  }
  return 0;
}

/* Nanoseconds of the fastest round; negative when |work| fails. */
static double measure(int (*work)(const struct job *, struct buffers *), const struct job *job, struct buffers *b) {
  double best = -1;
  for (int round = 0; round < ROUNDS; round++) {
    double start = now_ns();
    for (int i = 0; i < REPEATS; i++) {
      if (work(job, b) != 0) return -1;
      sink = b->octets[i % CHARACTERS] + (size_t)b->decoded[i % CHARACTERS];
    }
    double spent = (now_ns() - start) / REPEATS;
    if (best < 0 || spent < best) best = spent;
  }
  return best;
}

static void fill(struct buffers *b, const char *pattern) {
  size_t length = strlen(pattern), characters = 0;
  for (b->text_length = 0;; b->text_length++) {
    uint8_t octet = (uint8_t)pattern[b->text_length % length];
    characters += (octet & 0xC0) != 0x80;
    if (characters > CHARACTERS) return;
    b->text[b->text_length] = octet;
  }
}

int main(void) {
  static struct buffers b;
  printf("ns for %d characters %8s %8s %8s\n", CHARACTERS, "encode", "decode", "cut");
  for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
    fill(&b, jobs[i].pattern);
    double encoded = measure(encode, &jobs[i], &b), decoded = measure(decode, &jobs[i], &b);
    double cutted = measure(cut, &jobs[i], &b);
    if (encoded < 0 || decoded < 0 || cutted < 0) return 1;
    printf("%-21s %8.0f %8.0f %8.0f\n", jobs[i].name, encoded, decoded, cutted);
  }
  return 0;
}
