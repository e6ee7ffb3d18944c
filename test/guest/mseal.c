/* mseal: what is sealed can be neither unmapped, moved, mapped over nor given another protection; advice that throws away; fork. */
#include "check.h"

#define PAGE 4096
#define SEAL(at, length, flags) CHECK(syscall(462, at, length, flags))

static char *map(size_t length, int prot) {
  char *at = mmap(NULL, length, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(at != MAP_FAILED);
  return at;
}

static void attempts(char *at) {
  CHECK(munmap(at, PAGE));
  CHECK(mprotect(at, PAGE, PROT_READ));
  CHECK(mprotect(at, PAGE, PROT_READ | PROT_WRITE));
  CHECK(mremap(at, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
  CHECK(mmap(at, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED);
  CHECK(madvise(at, PAGE, MADV_DONTNEED));
  CHECK(madvise(at, PAGE, MADV_WILLNEED));
  CHECK(mlock(at, PAGE));
  CHECK(munlock(at, PAGE));
}

int main(void) {
  char *a = map(8 * PAGE, PROT_READ | PROT_WRITE);
  SEAL(a, PAGE, 1);
  SEAL(a + 1, PAGE, 0);
  SEAL(a, 0, 0);
  SEAL(a, -1UL, 0);
  SEAL(a, -PAGE, 0);
  NEED(munmap(a + 7 * PAGE, PAGE) == 0);
  SEAL(a + 6 * PAGE, 2 * PAGE, 0);
  CHECK(munmap(a + 6 * PAGE, PAGE));
  strcpy(a + PAGE, "kept");
  SEAL(a + PAGE, 1, 0);
  SEAL(a + PAGE, PAGE, 0);
  attempts(a + PAGE);
  say("after advice of what can be written: [%s]", a + PAGE);
  CHECK(munmap(a, 4 * PAGE));
  strcpy(a, "still there");
  say("%s", a);
  CHECK(mprotect(a, 2 * PAGE, PROT_READ));
  CHECK(munmap(a, PAGE));
  CHECK(munmap(a + 2 * PAGE, 2 * PAGE));
  strcpy(a + PAGE, "can be written");
  say("%s", a + PAGE);
  pid_t pid = fork();
  if (pid == 0) {
    CHECK(munmap(a + PAGE, PAGE));
    _exit(0);
  }
  wait_and_say("child", pid);

  char *b = map(4 * PAGE, PROT_READ | PROT_WRITE);
  strcpy(b, "read only");
  NEED(mprotect(b, 4 * PAGE, PROT_READ) == 0);
  SEAL(b, 4 * PAGE, 0);
  attempts(b + PAGE);
  CHECK(madvise(b, PAGE, MADV_FREE));
  CHECK(madvise(b, PAGE, MADV_DONTFORK));
  CHECK(madvise(b, PAGE, MADV_RANDOM));
  say("%s", b);
  SEAL(b, 2 * PAGE, 0);

  int fd = memfd_create("sealed", 0);
  NEED(fd >= 0 && ftruncate(fd, PAGE) == 0);
  char *c = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
  NEED(c != MAP_FAILED);
  SEAL(c, PAGE, 0);
  attempts(c);
  return 0;
}
