/* faulty_disk.c - a disk that loses power, is full or fails, for programs that are started with it:
 *
 *     LD_PRELOAD=faulty_disk.so FAULTY_DISK=/folder FAULTY_DISK_SEED=7 program
 *
 * It stands between the program and the files in /folder.  What a crash of the machine would leave of them is in /folder.durable:
 * what was written before the last fsync of the file, and of what was written since, sector by sector, half, by chance.
 * While /folder.full exists, files cannot grow (ENOSPC, after some of the octets); /folder.read: nothing can be read (EIO);
 * /folder.sync: nothing can be synced (EIO).  A truncation and a removal are durable at once. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FDS = 1024, SECTOR = 512 };

struct range {
  off_t at;
  size_t length;
};

struct file {
  bool open;
  int durable;
  struct range *pending;
  size_t count, room;
};

static struct file files[FDS]; /* by descriptor */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t chance = 1;
static char folder[512];
static size_t folder_length;

static int (*real_open)(const char *, int, ...);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pread)(int, void *, size_t, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_unlink)(const char *);
static int (*real_close)(int);

__attribute__((constructor)) static void set_up(void) {
  const char *value = getenv("FAULTY_DISK"), *seed = getenv("FAULTY_DISK_SEED");
  *(void **)&real_open = dlsym(RTLD_NEXT, "open64");
  *(void **)&real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  *(void **)&real_pread = dlsym(RTLD_NEXT, "pread64");
  *(void **)&real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
  *(void **)&real_unlink = dlsym(RTLD_NEXT, "unlink");
  *(void **)&real_close = dlsym(RTLD_NEXT, "close");
  if (value != NULL) (void)snprintf(folder, sizeof folder, "%s", value);
  folder_length = strlen(folder);
  if (seed != NULL) chance = strtoull(seed, NULL, 10) * 2 + 1;
}

static bool is_ours(const char *path) {
  return folder_length > 0 && strncmp(path, folder, folder_length) == 0 && path[folder_length] == '/' && strstr(path, "-shm") == NULL;
}

static bool has_fault(const char *name) {
  char path[600];
  (void)snprintf(path, sizeof path, "%s.%s", folder, name);
  return folder_length > 0 && access(path, F_OK) == 0;
}

static void durable_path(const char *path, char *into, size_t size) {
  (void)snprintf(into, size, "%s.durable%s", folder, path + folder_length);
}

static struct file *file_of(int fd) { return fd >= 0 && fd < FDS && files[fd].open ? &files[fd] : NULL; }

static bool coin(void) {
  chance ^= chance << 13;
  chance ^= chance >> 7;
  chance ^= chance << 17;
  return (chance >> 33 & 1) != 0;
}

/* ---- what the program calls ---- */

int open64(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = (flags & O_CREAT) != 0 ? va_arg(list, mode_t) : 0;
  va_end(list);
  int fd = real_open(path, flags, mode);
  struct stat status;
  if (fd < 0 || fd >= FDS || !is_ours(path) || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return fd;
  char other[1200];
  durable_path(path, other, sizeof other);
  pthread_mutex_lock(&lock);
  files[fd].open = true;
  files[fd].count = 0;
  files[fd].durable = real_open(other, O_RDWR | O_CREAT | (flags & O_TRUNC), 0644);
  pthread_mutex_unlock(&lock);
  return fd;
}

int open(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = (flags & O_CREAT) != 0 ? va_arg(list, mode_t) : 0;
  va_end(list);
  return open64(path, flags, mode);
}

static void wrote(struct file *f, const char *octets, size_t length, off_t at) {
  pthread_mutex_lock(&lock);
  for (size_t i = 0; i < length;) {
    size_t n = SECTOR - (size_t)((at + (off_t)i) % SECTOR);
    if (n > length - i) n = length - i;
    if (coin()) (void)real_pwrite(f->durable, octets + i, n, at + (off_t)i);
    i += n;
  }
  if (f->count == f->room) {
    f->room = f->room * 2 + 64;
    f->pending = realloc(f->pending, f->room * sizeof *f->pending);
    if (f->pending == NULL) abort();
  }
  f->pending[f->count++] = (struct range){at, length};
  pthread_mutex_unlock(&lock);
}

ssize_t pwrite64(int fd, const void *octets, size_t length, off_t at) {
  struct file *f = file_of(fd);
  if (f == NULL) return real_pwrite(fd, octets, length, at);
  struct stat status;
  if (has_fault("full") && fstat(fd, &status) == 0 && at + (off_t)length > status.st_size) {
    length = at < status.st_size ? (size_t)(status.st_size - at) : 0;
    if (length == 0) {
      errno = ENOSPC;
      return -1;
    }
  }
  ssize_t written = real_pwrite(fd, octets, length, at);
  if (written > 0) wrote(f, octets, (size_t)written, at);
  return written;
}

ssize_t pread64(int fd, void *octets, size_t length, off_t at) {
  if (file_of(fd) != NULL && has_fault("read")) {
    errno = EIO;
    return -1;
  }
  return real_pread(fd, octets, length, at);
}

int fdatasync(int fd) {
  struct file *f = file_of(fd);
  if (f == NULL) return 0;
  if (has_fault("sync")) {
    errno = EIO;
    return -1;
  }
  pthread_mutex_lock(&lock);
  for (size_t i = 0; i < f->count; i++) {
    char buffer[8192];
    off_t at = f->pending[i].at;
    size_t left = f->pending[i].length;
    while (left > 0) {
      ssize_t n = real_pread(fd, buffer, left < sizeof buffer ? left : sizeof buffer, at);
      if (n <= 0) break;
      (void)real_pwrite(f->durable, buffer, (size_t)n, at);
      at += n;
      left -= (size_t)n;
    }
  }
  f->count = 0;
  pthread_mutex_unlock(&lock);
  return 0;
}

int fsync(int fd) { return fdatasync(fd); }

int ftruncate64(int fd, off_t length) {
  struct file *f = file_of(fd);
  if (f != NULL) (void)real_ftruncate(f->durable, length);
  return real_ftruncate(fd, length);
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int unlink(const char *path) {
  if (is_ours(path)) {
    char other[1200];
    durable_path(path, other, sizeof other);
    (void)real_unlink(other);
  }
  return real_unlink(path);
}

int close(int fd) {
  struct file *f = file_of(fd);
  if (f != NULL) {
    pthread_mutex_lock(&lock);
    f->open = false;
    (void)real_close(f->durable);
    pthread_mutex_unlock(&lock);
  }
  return real_close(fd);
}
