/* stat family and statx: modes of each kind of file, sizes, masks, flags, agreement between the calls, errors. */
#include "check.h"
#include <sys/socket.h>
#include <sys/sysmacros.h>

static long sx(int dir, const char *path, int flags, unsigned mask, struct statx *out) {
  return syscall(SYS_statx, dir, path, flags, mask, out);
}

int main(void) {
  struct stat st;
  struct statx x;
  umask(0);
  int fd = open("f", O_RDWR | O_CREAT, 0640);
  NEED(write(fd, "12345", 5) == 5 && symlink("f", "soft") == 0 && mkdir("d", 0711) == 0 && mkfifo("p", 0600) == 0);
  CHECK(sx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &x));
  NEED(stat("f", &st) == 0);
  say("basic mask %d mode %o size %lld links %d", (x.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS, x.stx_mode,
      (long long)x.stx_size, x.stx_nlink);
  TRUTH(x.stx_ino == st.st_ino && x.stx_uid == st.st_uid && x.stx_gid == st.st_gid);
  TRUTH(makedev(x.stx_dev_major, x.stx_dev_minor) == st.st_dev);
  TRUTH(x.stx_mtime.tv_sec == st.st_mtim.tv_sec && x.stx_mtime.tv_nsec == st.st_mtim.tv_nsec);
  TRUTH(x.stx_blksize == (unsigned)st.st_blksize && x.stx_blocks == (unsigned)st.st_blocks);
  CHECK(sx(AT_FDCWD, "soft", AT_SYMLINK_NOFOLLOW, STATX_TYPE, &x));
  say("type %o size %lld", x.stx_mode & S_IFMT, (long long)x.stx_size);
  CHECK(sx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &x));
  say("size %lld", (long long)x.stx_size);
  CHECK(sx(fd, "", 0, STATX_SIZE, &x));
  CHECK(sx(AT_FDCWD, "missing", 0, STATX_SIZE, &x));
  CHECK(sx(AT_FDCWD, "f/x", 0, STATX_SIZE, &x));
  CHECK(sx(AT_FDCWD, "f", 0x40000, STATX_SIZE, &x));
  CHECK(sx(AT_FDCWD, "f", 0, 0x80000000u, &x));
  CHECK(sx(AT_FDCWD, "f", AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, STATX_SIZE, &x));
  CHECK(sx(AT_FDCWD, "f", AT_STATX_DONT_SYNC, STATX_SIZE, &x));
  CHECK(sx(77, "f", 0, STATX_SIZE, &x));
  CHECK(sx(AT_FDCWD, "f", 0, STATX_SIZE, (void *)8));
  NEED(stat("d", &st) == 0);
  say("d %o", st.st_mode);
  NEED(stat("p", &st) == 0);
  say("p %o size %ld", st.st_mode, (long)st.st_size);
  NEED(stat("/dev/null", &st) == 0);
  say("null %o rdev %d:%d", st.st_mode, major(st.st_rdev), minor(st.st_rdev));
  NEED(stat("/dev/zero", &st) == 0);
  say("zero %o rdev %d:%d", st.st_mode, major(st.st_rdev), minor(st.st_rdev));
  int p[2], s[2];
  NEED(pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
  NEED(fstat(p[0], &st) == 0);
  say("pipe %o links %ld", st.st_mode, (long)st.st_nlink);
  ino_t one = st.st_ino;
  NEED(fstat(p[1], &st) == 0);
  TRUTH(one == st.st_ino);
  NEED(fstat(s[0], &st) == 0);
  say("socket %o", st.st_mode);
  CHECK(fstat(-1, &st));
  CHECK(stat("soft/", &st));
  CHECK(stat("", &st));
  CHECK(fstat(fd, (void *)8));
  CHECK(stat((char *)8, &st));
  NEED(lstat("soft", &st) == 0);
  say("soft %o size %ld", st.st_mode, (long)st.st_size);
  /* Two names of one file, two files: inode numbers tell. */
  NEED(link("f", "g") == 0);
  struct stat g;
  NEED(stat("g", &g) == 0 && stat("f", &st) == 0);
  TRUTH(g.st_ino == st.st_ino && g.st_nlink == 2);
  NEED(stat("d", &g) == 0);
  TRUTH(g.st_ino != st.st_ino && g.st_dev == st.st_dev);
  NEED(pwrite(fd, "x", 1, 100000) == 1 && fstat(fd, &st) == 0);
  say("size %ld, fewer blocks than bytes %d", (long)st.st_size, st.st_blocks * 512 < st.st_size);
  return 0;
}
