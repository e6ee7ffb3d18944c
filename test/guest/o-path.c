/* O_PATH descriptors: what they allow, what answers EBADF, reopening through /proc/self/fd, symlinks held. */
#include "check.h"
#include <sys/xattr.h>

int main(void) {
  struct stat st;
  char text[64] = "";
  NEED(mkdir("d", 0755) == 0 && symlink("f", "soft") == 0);
  write_file("f", "content");
  write_file("d/inner", "i");
  int fd = open("f", O_PATH), dir = open("d", O_PATH | O_DIRECTORY), soft = open("soft", O_PATH | O_NOFOLLOW);
  say("%d %d %d", fd, dir, soft);
  CHECK(read(fd, text, 1));
  CHECK(write(fd, text, 1));
  CHECK(pread(fd, text, 1, 0));
  CHECK(lseek(fd, 0, SEEK_SET));
  CHECK(ftruncate(fd, 0));
  CHECK(fchmod(fd, 0600));
  CHECK(fchown(fd, -1, -1));
  CHECK(fsync(fd));
  CHECK(fgetxattr(fd, "user.x", text, 8));
  CHECK((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0));
  CHECK(syscall(SYS_getdents64, dir, text, sizeof text));
  struct pollfd p = {.fd = fd, .events = POLLIN};
  CHECK(poll(&p, 1, 0));
  say("revents %#x", p.revents);
  CHECK(fstat(fd, &st));
  say("%o %ld", st.st_mode & S_IFMT, (long)st.st_size);
  CHECK(fstat(soft, &st));
  say("%o", st.st_mode & S_IFMT);
  CHECK(readlinkat(soft, "", text, sizeof text));
  CHECK(fstatat(soft, "", &st, AT_EMPTY_PATH));
  CHECK(openat(dir, "inner", O_RDONLY));
  CHECK(openat(dir, "", O_RDONLY));
  CHECK(openat(fd, "x", O_RDONLY));
  CHECK(fchdir(dir));
  CHECK(access("inner", F_OK));
  CHECK(dup(fd));
  CHECK(fcntl(7, F_GETFL));
  CHECK(linkat(fd, "", AT_FDCWD, "linked", AT_EMPTY_PATH));
  CHECK(linkat(AT_FDCWD, "/proc/self/fd/3", AT_FDCWD, "linked2", AT_SYMLINK_FOLLOW));
  CHECK(open("/proc/self/fd/3", O_RDWR));
  CHECK(read(8, text, sizeof text));
  CHECK(open("/proc/self/fd/5", O_RDONLY));
  CHECK(open("../missing", O_PATH));
  CHECK(open("../f", O_PATH | O_DIRECTORY));
  CHECK(open("../f", O_PATH | O_CREAT | O_EXCL | O_TRUNC | O_RDWR, 0600));
  CHECK(close(fd));
  CHECK(close(fd));
  return 0;
}
