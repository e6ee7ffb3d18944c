/* utimensat, futimens, utimes, utime: exact times, UTIME_OMIT, UTIME_NOW, errors; which calls move which time. */
#include "check.h"
#include <sys/time.h>
#include <utime.h>

static void times(const char *name) {
  struct stat st;
  NEED(lstat(name, &st) == 0);
  say("  %ld.%09ld %ld.%09ld", st.st_atim.tv_sec, st.st_atim.tv_nsec, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

int main(void) {
  write_file("f", "x");
  NEED(symlink("f", "soft") == 0);
  struct timespec both[2] = {{1000000000, 123456789}, {1200000000, 987654321}};
  CHECK(utimensat(AT_FDCWD, "f", both, 0));
  times("f");
  struct timespec omit[2] = {{5, UTIME_OMIT}, {7, 8}};
  CHECK(utimensat(AT_FDCWD, "f", omit, 0));
  times("f");
  struct timespec neither[2] = {{5, UTIME_OMIT}, {7, UTIME_OMIT}};
  CHECK(utimensat(AT_FDCWD, "f", neither, 0));
  CHECK(utimensat(AT_FDCWD, "missing", neither, 0));
  times("f");
  struct timespec bad[2] = {{5, 1000000000}, {7, 8}};
  CHECK(utimensat(AT_FDCWD, "f", bad, 0));
  struct timespec negative[2] = {{5, -1}, {7, 8}};
  CHECK(utimensat(AT_FDCWD, "f", negative, 0));
  CHECK(utimensat(AT_FDCWD, "missing", both, 0));
  CHECK(utimensat(AT_FDCWD, "f", both, 0x4000));
  CHECK(utimensat(99, "f", both, 0));
  both[0].tv_sec = 44;
  CHECK(utimensat(AT_FDCWD, "soft", both, AT_SYMLINK_NOFOLLOW));
  times("soft");
  times("f");
  int fd = open("f", O_RDONLY);
  both[1] = (struct timespec){1300000000, 1};
  CHECK(futimens(fd, both));
  times("f");
  CHECK(futimens(-1, both));
  struct timeval tv[2] = {{77, 500000}, {88, 999999}};
  CHECK(utimes("f", tv));
  times("f");
  tv[0].tv_usec = 1000000;
  CHECK(utimes("f", tv));
  struct utimbuf u = {11, 22};
  CHECK(utime("f", &u));
  times("f");
  struct timespec before, after;
  struct stat st;
  CHECK(utimensat(AT_FDCWD, "f", NULL, 0));
  clock_gettime(CLOCK_REALTIME, &after);
  NEED(stat("f", &st) == 0);
  TRUTH(after.tv_sec - st.st_mtim.tv_sec <= 5 && after.tv_sec - st.st_atim.tv_sec <= 5);
  struct timespec now_only[2] = {{0, UTIME_NOW}, {33, 0}};
  CHECK(utimensat(AT_FDCWD, "f", now_only, 0));
  NEED(stat("f", &st) == 0);
  say("mtime %ld, atime recent %d", st.st_mtim.tv_sec, after.tv_sec - st.st_atim.tv_sec < 5);
  /* A write moves mtime and ctime; chmod only ctime. */
  before = st.st_ctim;
  sleep_ms(30);
  NEED(chmod("f", 0600) == 0 && stat("f", &st) == 0);
  say("chmod: ctime moved %d, mtime %ld", st.st_ctim.tv_sec != before.tv_sec || st.st_ctim.tv_nsec != before.tv_nsec, st.st_mtim.tv_sec);
  int w = open("f", O_WRONLY);
  NEED(write(w, "z", 1) == 1 && stat("f", &st) == 0);
  TRUTH(st.st_mtim.tv_sec > 1600000000);
  NEED(utime("f", &u) == 0 && ftruncate(w, 0) == 0 && stat("f", &st) == 0);
  TRUTH(st.st_mtim.tv_sec > 1600000000);
  NEED(mkdir("d", 0700) == 0 && utime("d", &u) == 0);
  write_file("d/new", "");
  NEED(stat("d", &st) == 0);
  TRUTH(st.st_mtim.tv_sec > 1600000000);
  return 0;
}
