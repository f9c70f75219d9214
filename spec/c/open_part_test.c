/* open_part.c: messages of one part from their response to their receipt, and what is left to the tracker. */
#include "check.h"
#include "smpp/open_part.h"

static struct smpp_map parts, ended;

static bool opens(const char *id, const char *handle, double now) {
  return smpp_open_part(&parts, &ended, (const uint8_t *)id, strlen(id), 0x01020304, (const uint8_t *)handle, strlen(handle), now);
}

/* Whether a part ends that has this handle. */
static bool ends(const char *id, const char *handle, double now) {
  struct smpp_ended_part out = {0, {0}};
  return smpp_end_part(&parts, &ended, (const uint8_t *)id, strlen(id), now, &out) && out.length == strlen(handle) &&
         memcmp(out.handle, handle, out.length) == 0;
}

/* Whether it is left to the tracker. */
static bool stays(const char *id, double now) {
  struct smpp_ended_part out;
  size_t before = parts.count;
  return !smpp_end_part(&parts, &ended, (const uint8_t *)id, strlen(id), now, &out) && parts.count == before;
}

static bool has(const struct smpp_map *map, const char *key, const char *record, size_t length) {
  const struct smpp_map_entry *entry = smpp_map_get(map, key, strlen(key));
  return entry != NULL && entry->value_length == length && memcmp(smpp_map_value(entry), record, length) == 0;
}

static void put(struct smpp_map *map, const char *key, const char *record, size_t length, double now) {
  CHECK(smpp_map_put(map, key, strlen(key), record, length, 0, now) == 0);
}

int main(void) {
  const uint32_t seed[2] = {1, 2};
  char longest[66], long_handle[SMPP_HANDLE_OCTETS + 2];
  memset(longest, 'f', sizeof longest - 1);
  longest[65] = 0;
  smpp_map_init(&parts, 4, 100, seed);
  smpp_map_init(&ended, 2, 20, seed);

  memset(long_handle, 's', sizeof long_handle - 1);
  long_handle[sizeof long_handle - 1] = 0;

  CHECK(opens("0AbC", "n17", 0));
  CHECK(has(&parts, "iabc", "\377\1\1\1\2\3\4n17", 10));
  CHECK(!opens("abc", "n18", 0));           /* in use */
  CHECK(!opens("", "n18", 0));              /* no id */
  CHECK(!opens(longest, "n18", 0));
  CHECK(!opens("x", "", 0) && !opens("x", "n", 0) && !opens("x", "n-1", 0) && !opens("x", "x1", 0) && !opens("x", long_handle, 0));
  CHECK(stays("abd", 0));
  CHECK(ends("ABC ", "n17", 1) && parts.count == 0);
  CHECK(has(&ended, "diabc", "\377\1\1\1\2\3\4n17", 10));
  CHECK(stays("abc", 1));                   /* once */
  CHECK(opens("m", long_handle + 1, 1) && ends("m", long_handle + 1, 2));
  CHECK(opens("n", "n0", 1));
  CHECK(has(&parts, "in", "\377\1\1\1\2\3\4n0", 9));
  CHECK(ends("n", "n0", 2));
  CHECK(ended.count == 2 && smpp_map_get(&ended, "diabc", 5) == NULL); /* the oldest went for it */
  CHECK(opens("o", "n5", 30) && ended.count == 0);                     /* those before expired */

  put(&parts, "hn6", "ww", 2, 30);
  CHECK(!opens("p", "n6", 30));             /* of several parts */
  CHECK(opens("p", "n7", 30) && opens("q", "s8", 30));
  CHECK(!opens("r", "n9", 30));             /* full */
  CHECK(ends("p", "n7", 30));
  put(&parts, "ip", "\377\1\2\1\2\3\4n7", 9, 30);
  CHECK(stays("p", 30));                    /* one of two parts */
  put(&parts, "ip", "\377\1\1\1\2\3\4n-7", 10, 30);
  CHECK(stays("p", 30));                    /* its handle is less than 0 */
  put(&parts, "ip", "\1\1\1\1\2\3\4n7", 9, 30);
  CHECK(ends("p", "n7", 30) && has(&ended, "dip", "\377\1\1\1\2\3\4n7", 9)); /* that had a state on the way */
  put(&ended, "ex", "a receipt", 9, 40);
  CHECK(ends("q", "s8", 59));
  CHECK(!opens("s", "n9", 61) && stays("o", 61));                      /* an early receipt expired: not forgotten here */
  CHECK(smpp_map_get(&parts, "io", 2) != NULL && smpp_map_get(&ended, "ex", 2) != NULL);
  smpp_map_clear(&parts);
  smpp_map_clear(&ended);
  CHECK(stays("o", 61));

  struct smpp_ended_part part; /* one map for both: what expires moves what is looked up */
  put(&ended, "dx", "ended", 5, 0);
  CHECK(smpp_open_part(&ended, &ended, (const uint8_t *)"t", 1, 5, (const uint8_t *)"n1", 2, 10));
  CHECK(smpp_end_part(&ended, &ended, (const uint8_t *)"t", 1, 25, &part) && part.length == 2);
  CHECK(ended.count == 1 && has(&ended, "dit", "\377\1\1\0\0\0\5n1", 9));
  smpp_map_clear(&ended);
  return report();
}
