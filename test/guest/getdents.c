/* getdents64: dot entries, types, small buffers, positions, directories removed, errors. */
#include "check.h"
#include <dirent.h>

struct entry {
  uint64_t ino;
  int64_t off;
  uint16_t length;
  uint8_t type;
  char name[];
};

static char names[3000][16];
static int count;

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

static long list(int fd, size_t size) {
  static char buffer[65536] __attribute__((aligned(8)));
  long n;
  count = 0;
  while ((n = syscall(SYS_getdents64, fd, buffer, size)) > 0)
    for (long at = 0; at < n;) {
      struct entry *e = (struct entry *)(buffer + at);
      NEED(e->length % 8 == 0 && e->length >= 20 && e->ino != 0);
      snprintf(names[count++], 16, "%.12s:%d", e->name, e->type);
      at += e->length;
    }
  qsort(names, count, sizeof names[0], by_name);
  return n;
}

int main(void) {
  NEED(mkdir("d", 0755) == 0 && mkdir("d/sub", 0755) == 0 && symlink("x", "d/soft") == 0 && mkfifo("d/fifo", 0600) == 0);
  write_file("d/file", "");
  int fd = open("d", O_RDONLY | O_DIRECTORY);
  CHECK(list(fd, 65536));
  for (int i = 0; i < count; i++) say("  %s", names[i]);
  CHECK(list(fd, 65536));
  say("again: %d", count);
  CHECK(lseek(fd, 0, SEEK_SET));
  CHECK(list(fd, 32));
  say("one by one: %d", count);
  CHECK(lseek(fd, 0, SEEK_SET));
  CHECK(list(fd, 16));
  CHECK(syscall(SYS_getdents64, fd, (void *)8, 1024));
  CHECK(syscall(SYS_getdents64, -1, names, 1024));
  int file = open("d/file", O_RDONLY);
  CHECK(syscall(SYS_getdents64, file, names, 1024));
  CHECK(syscall(SYS_getdents64, open("d", O_PATH), names, 1024));
  /* Many entries: each comes once. */
  NEED(mkdir("many", 0755) == 0);
  char path[64];
  for (int i = 0; i < 2000; i++) {
    snprintf(path, sizeof path, "many/e%d", i);
    close(open(path, O_CREAT | O_WRONLY, 0600));
  }
  int many = open("many", O_RDONLY);
  CHECK(list(many, 4096));
  int twice = 0;
  for (int i = 1; i < count; i++) twice += strcmp(names[i], names[i - 1]) == 0;
  say("entries %d, repeated %d", count, twice);
  /* Entries that stay are seen though others are removed meanwhile. */
  DIR *dir = opendir("many");
  int seen = 0;
  struct dirent *e;
  while ((e = readdir(dir))) {
    int n;
    if (sscanf(e->d_name, "e%d", &n) != 1) continue;
    if (n % 2 == 0) seen++;
    snprintf(path, sizeof path, "many/e%d", n ^ 1);
    if (n % 2 == 0) unlink(path);
  }
  say("even entries seen %d", seen);
  closedir(dir);
  /* telldir and seekdir return to the same entry. */
  dir = opendir("d");
  readdir(dir);
  readdir(dir);
  long where = telldir(dir);
  char third[256];
  strcpy(third, readdir(dir)->d_name);
  while (readdir(dir)) continue;
  seekdir(dir, where);
  say("same after seekdir: %d", strcmp(readdir(dir)->d_name, third) == 0);
  rewinddir(dir);
  int total = 0;
  while (readdir(dir)) total++;
  say("after rewinddir %d", total);
  NEED(mkdir("gone", 0700) == 0);
  int gone = open("gone", O_RDONLY);
  NEED(rmdir("gone") == 0);
  CHECK(syscall(SYS_getdents64, gone, names, 1024));
  return 0;
}
