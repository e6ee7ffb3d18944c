/* Data from file to file and into holes: fallocate's modes, copy_file_range, sendfile, splice, tee, vmsplice, preadv2, O_TMPFILE, linkat, renameat2. */
#include "check.h"
#include <linux/falloc.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>

static void show(const char *label, int fd) {
  struct stat st;
  NEED(fstat(fd, &st) == 0);
  char text[64] = "";
  ssize_t n = pread(fd, text, sizeof text - 1, 0);
  for (ssize_t i = 0; i < n; i++)
    if (!text[i]) text[i] = '.';
  say("%s: size %ld nlink %ld '%.40s'", label, (long)st.st_size, (long)st.st_nlink, text);
}

int main(void) {
  char text[65536];
  int fd = open("a", O_RDWR | O_CREAT, 0600);
  NEED(write(fd, "0123456789abcdefghij", 20) == 20);
  CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2, 3));
  show("hole", fd);
  CHECK(fallocate(fd, FALLOC_FL_ZERO_RANGE, 6, 2));
  show("zero", fd);
  CHECK(fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 18, 10));
  show("zero, kept", fd);
  CHECK(fallocate(fd, FALLOC_FL_ZERO_RANGE, 18, 10));
  show("zero, grown", fd);
  CHECK(fallocate(fd, 0, 0, 40));
  CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 100));
  show("allocated", fd);
  CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 1));
  CHECK(fallocate(fd, 0, 0, 0));
  CHECK(fallocate(fd, 0, -1, 1));
  CHECK(fallocate(fd, 0x4000, 0, 3));
  int ro = open("a", O_RDONLY);
  CHECK(fallocate(ro, 0, 0, 3));
  int p[2], q[2];
  NEED(pipe(p) == 0 && pipe(q) == 0);
  CHECK(fallocate(p[1], 0, 0, 3));
  CHECK_ERROR(posix_fallocate(fd, 0, 60));
  show("posix", fd);
  /* copy_file_range */
  NEED(ftruncate(fd, 0) == 0 && pwrite(fd, "0123456789", 10, 0) == 10);
  int to = open("b", O_RDWR | O_CREAT, 0600);
  off_t from_at = 2, to_at = 5;
  CHECK(copy_file_range(fd, &from_at, to, &to_at, 4, 0));
  say("offsets %ld %ld", (long)from_at, (long)to_at);
  show("copied", to);
  lseek(fd, 8, SEEK_SET);
  CHECK(copy_file_range(fd, NULL, to, NULL, 100, 0));
  CHECK(copy_file_range(fd, NULL, to, NULL, 100, 0));
  show("copied", to);
  CHECK(copy_file_range(fd, NULL, fd, NULL, 4, 0));
  from_at = 0, to_at = 2;
  CHECK(copy_file_range(fd, &from_at, fd, &to_at, 4, 0));
  to_at = 6;
  CHECK(copy_file_range(fd, &from_at, fd, &to_at, 3, 0));
  show("within", fd);
  CHECK(copy_file_range(fd, NULL, to, NULL, 4, 1));
  CHECK(copy_file_range(fd, NULL, ro, NULL, 4, 0));
  CHECK(copy_file_range(p[0], NULL, to, NULL, 4, 0));
  CHECK(copy_file_range(open(".", O_RDONLY), NULL, to, NULL, 4, 0));
  int ap = open("b", O_WRONLY | O_APPEND);
  CHECK(copy_file_range(fd, NULL, ap, NULL, 4, 0));
  /* sendfile */
  off_t at = 1;
  CHECK(sendfile(p[1], fd, &at, 5));
  CHECK(read(p[0], text, 100));
  say("%.5s %ld", text, (long)at);
  lseek(fd, 7, SEEK_SET);
  CHECK(sendfile(to, fd, NULL, 100));
  CHECK(sendfile(ap, fd, NULL, 1));
  CHECK(sendfile(to, p[0], NULL, 1));
  at = -1;
  CHECK(sendfile(to, fd, &at, 1));
  CHECK(sendfile(to, fd, (off_t *)8, 1));
  /* splice, tee, vmsplice */
  at = 0;
  CHECK(splice(fd, &at, p[1], NULL, 6, 0));
  CHECK(tee(p[0], q[1], 4, 0));
  CHECK(read(q[0], text, 100));
  say("%.4s", text);
  CHECK(splice(p[0], NULL, q[1], NULL, 100, 0));
  to_at = 0;
  CHECK(splice(q[0], NULL, to, &to_at, 100, 0));
  say("%ld", (long)to_at);
  show("spliced", to);
  CHECK(splice(p[0], NULL, to, NULL, 1, SPLICE_F_NONBLOCK));
  CHECK(tee(p[0], q[1], 1, SPLICE_F_NONBLOCK));
  CHECK(splice(fd, NULL, to, NULL, 1, 0));
  CHECK(splice(p[0], &at, to, NULL, 1, 0));
  CHECK(splice(p[0], NULL, p[1], NULL, 1, 0));
  CHECK(splice(p[0], NULL, q[1], NULL, 1, 0x100));
  CHECK(splice(q[0], NULL, ap, NULL, 1, 0));
  CHECK(vmsplice(p[1], &(struct iovec){"spliced", 7}, 1, 0));
  CHECK(vmsplice(p[0], &(struct iovec){text, 100}, 1, 0));
  say("%.7s", text);
  CHECK(vmsplice(fd, &(struct iovec){text, 100}, 1, 0));
  memset(text, 'x', sizeof text);
  NEED(fcntl(p[1], F_SETFL, O_NONBLOCK) == 0);
  while (write(p[1], text, sizeof text) == sizeof text) continue;
  CHECK(vmsplice(p[1], &(struct iovec){text, 100}, 1, SPLICE_F_NONBLOCK));
  close(p[0]);
  signal(SIGPIPE, SIG_IGN);
  CHECK(splice(fd, &at, p[1], NULL, 1, 0));
  CHECK(vmsplice(p[1], &(struct iovec){text, 100}, 1, 0));
  /* preadv2 */
  struct iovec piece = {text, 4};
  lseek(fd, 2, SEEK_SET);
  CHECK(preadv2(fd, &piece, 1, -1, 0));
  CHECK(lseek(fd, 0, SEEK_CUR));
  CHECK(preadv2(fd, &piece, 1, 0, RWF_HIPRI));
  CHECK(preadv2(fd, &piece, 1, 0, 0x1000));
  CHECK(pwritev2(fd, &piece, 1, 0, RWF_APPEND));
  CHECK(pwritev2(fd, &piece, 1, 0, RWF_DSYNC | RWF_SYNC));
  CHECK(pwritev2(fd, &piece, 1, -2, 0));
  show("appended", fd);
  NEED(pipe(p) == 0);
  CHECK(preadv2(p[0], &piece, 1, -1, RWF_NOWAIT));
  CHECK(preadv2(q[0], &piece, 1, 0, 0));
  /* O_TMPFILE and linkat */
  int tmp = open(".", O_TMPFILE | O_RDWR, 0600), sealed = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600);
  NEED(tmp >= 0 && sealed >= 0 && write(tmp, "nameless", 8) == 8);
  show("temporary", tmp);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", tmp);
  CHECK(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
  show("named", open("named", O_RDONLY));
  CHECK(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
  snprintf(path, sizeof path, "/proc/self/fd/%d", sealed);
  CHECK(linkat(AT_FDCWD, path, AT_FDCWD, "sealed", AT_SYMLINK_FOLLOW));
  CHECK(open(".", O_TMPFILE | O_RDONLY, 0600));
  CHECK(open("a", O_TMPFILE | O_RDWR, 0600));
  CHECK(linkat(fd, "", AT_FDCWD, "by-fd", AT_EMPTY_PATH));
  show("by descriptor", fd);
  unlink("by-fd");
  unlink("a");
  CHECK(linkat(fd, "", AT_FDCWD, "again", AT_EMPTY_PATH));
  CHECK(linkat(AT_FDCWD, "b", AT_FDCWD, "c", 0x8));
  /* renameat2 */
  write_file("one", "1");
  write_file("two", "2");
  mkdir("dir", 0700);
  CHECK(renameat2(AT_FDCWD, "one", AT_FDCWD, "two", RENAME_NOREPLACE));
  CHECK(renameat2(AT_FDCWD, "one", AT_FDCWD, "dir", RENAME_EXCHANGE));
  struct stat st;
  CHECK(stat("one", &st));
  say("one is a directory %d", S_ISDIR(st.st_mode));
  CHECK(renameat2(AT_FDCWD, "one", AT_FDCWD, "none", RENAME_EXCHANGE));
  CHECK(renameat2(AT_FDCWD, "one", AT_FDCWD, "two", RENAME_EXCHANGE | RENAME_NOREPLACE));
  CHECK(renameat2(AT_FDCWD, "one", AT_FDCWD, "two", 8));
  CHECK(renameat2(AT_FDCWD, "one", AT_FDCWD, "one/x", 0));
  CHECK(renameat2(AT_FDCWD, "none", AT_FDCWD, "x", RENAME_NOREPLACE));
  /* O_DIRECT with aligned memory */
  void *aligned = aligned_alloc(4096, 8192);
  memset(aligned, 'd', 8192);
  int direct = open("direct", O_RDWR | O_CREAT | O_DIRECT, 0600);
  if (direct >= 0) {
    CHECK(write(direct, aligned, 4096));
    CHECK(pread(direct, aligned, 4096, 0));
    CHECK(fcntl(direct, F_GETFL) & O_DIRECT);
  }
  return 0;
}
