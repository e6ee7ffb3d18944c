/* memfd_create and seals: sizes, growth, each seal's refusal, mapping rules, names. */
#include "check.h"

int main(void) {
  char text[8];
  int fd = memfd_create("name", MFD_ALLOW_SEALING | MFD_CLOEXEC);
  CHECK(fd >= 0);
  CHECK(fcntl(fd, F_GETFD));
  CHECK(fcntl(fd, F_GETFL));
  struct stat st;
  NEED(fstat(fd, &st) == 0);
  say("mode %o size %ld links %ld", st.st_mode, (long)st.st_size, (long)st.st_nlink);
  CHECK(write(fd, "hello", 5));
  CHECK(pread(fd, text, 8, 0));
  CHECK(fcntl(fd, F_GET_SEALS));
  CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
  CHECK(write(fd, "more", 4));
  CHECK(ftruncate(fd, 100));
  CHECK(pwrite(fd, "HE", 2, 0));
  CHECK(ftruncate(fd, 3));
  CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
  CHECK(ftruncate(fd, 1));
  CHECK(ftruncate(fd, 3));
  char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  NEED(map != MAP_FAILED);
  CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
  NEED(munmap(map, 4096) == 0);
  CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
  CHECK(pwrite(fd, "x", 1, 0));
  CHECK(write(fd, "x", 0));
  errno = 0;
  TRUTH(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM);
  map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
  TRUTH(map != MAP_FAILED && memcmp(map, "HEl", 3) == 0);
  TRUTH(mprotect(map, 4096, PROT_READ | PROT_WRITE) == -1);
  map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  TRUTH(map != MAP_FAILED);
  map[0] = 'p';
  CHECK(pread(fd, text, 1, 0));
  say("%c", text[0]);
  CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
  CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
  CHECK(fcntl(fd, F_GET_SEALS));
  CHECK(fcntl(fd, F_ADD_SEALS, 0x1000));
  int plain = memfd_create("", 0);
  CHECK(fcntl(plain, F_GET_SEALS));
  CHECK(fcntl(plain, F_ADD_SEALS, F_SEAL_GROW));
  CHECK(memfd_create("x", 0x8000));
  CHECK(memfd_create((char *)8, 0));
  char name[300];
  memset(name, 'n', sizeof name);
  name[250] = 0;
  CHECK(memfd_create(name, 0));
  name[249] = 0;
  CHECK(memfd_create(name, 0) >= 0);
  int file = open("f", O_RDWR | O_CREAT, 0600);
  CHECK(fcntl(file, F_GET_SEALS) == -1);
  CHECK(fcntl(file, F_ADD_SEALS, F_SEAL_GROW) == -1);
  /* Shared by mapping and by description over fork. */
  int shared = memfd_create("shared", 0);
  NEED(ftruncate(shared, 4096) == 0);
  int *number = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0);
  pid_t pid = fork();
  if (pid == 0) {
    *number = 42;
    _exit(0);
  }
  wait_and_say("child", pid);
  int read_back = 0;
  CHECK(pread(shared, &read_back, 4, 0));
  say("%d %d", *number, read_back);
  char link[64] = "", path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", shared);
  CHECK(readlink(path, link, sizeof link - 1));
  say("%s", link);
  return 0;
}
