/* Descriptor and name limits, sync calls, statfs, fadvise, readahead: success and errno paths of the small calls. */
#include "check.h"
#include <sys/statfs.h>
#include <sys/statvfs.h>

int main(void) {
  write_file("f", "x");
  int fd = open("f", O_RDWR), p[2];
  NEED(pipe(p) == 0);
  CHECK(fsync(fd));
  CHECK(fdatasync(fd));
  CHECK(fsync(p[0]));
  CHECK(fsync(-1));
  CHECK(syncfs(fd));
  CHECK(syncfs(-1));
  CHECK(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
  CHECK(sync_file_range(fd, 0, 0, 64));
  CHECK(sync_file_range(fd, -1, 0, 0));
  CHECK(sync_file_range(p[0], 0, 0, 0));
  struct statfs s;
  CHECK(statfs(".", &s));
  TRUTH(s.f_bsize > 0 && s.f_namelen == 255 && s.f_blocks >= s.f_bfree);
  CHECK(statfs("missing", &s));
  CHECK(statfs("f/x", &s));
  CHECK(fstatfs(fd, &s));
  CHECK(fstatfs(-1, &s));
  CHECK(fstatfs(p[0], &s));
  say("pipe fs %#lx", (long)s.f_type);
  CHECK(statfs("/proc", &s));
  say("proc fs %#lx", (long)s.f_type);
  CHECK_ERROR(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
  CHECK_ERROR(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
  CHECK_ERROR(posix_fadvise(fd, 0, 0, 99));
  CHECK_ERROR(posix_fadvise(fd, 0, -1, 0));
  CHECK_ERROR(posix_fadvise(p[0], 0, 0, 0));
  CHECK_ERROR(posix_fadvise(-1, 0, 0, 0));
  CHECK(readahead(fd, 0, 4096));
  CHECK(readahead(p[0], 0, 4096));
  CHECK(readahead(-1, 0, 4096));
  char name[300];
  memset(name, 'n', sizeof name);
  name[255] = 0;
  CHECK(open(name, O_CREAT | O_WRONLY, 0600) >= 0);
  name[255] = 'n', name[256] = 0;
  CHECK(open(name, O_CREAT | O_WRONLY, 0600) >= 0);
  say("%s", error_name(errno));
  CHECK(pathconf(".", _PC_NAME_MAX));
  CHECK(pathconf(".", _PC_PATH_MAX));
  CHECK(pathconf(".", _PC_PIPE_BUF));
  /* A path of exactly PATH_MAX - 1 bytes is taken, one more is refused. */
  static char path[PATH_MAX + 2];
  memset(path, '/', sizeof path);
  memcpy(path, "./", 2);
  path[PATH_MAX - 2] = 'f', path[PATH_MAX - 1] = 0;
  TRUTH(access(path, F_OK) == 0);
  path[PATH_MAX - 2] = '/', path[PATH_MAX - 1] = 'f', path[PATH_MAX] = 0;
  TRUTH(access(path, F_OK) == -1 && errno == ENAMETOOLONG);
  /* Deep trees, walked by relative steps, may be deeper than any path is long. */
  memset(name, 'd', 200);
  name[200] = 0;
  for (int i = 0; i < 25; i++) NEED(mkdir(name, 0700) == 0 && chdir(name) == 0);
  errno = 0;
  TRUTH(syscall(SYS_getcwd, path, sizeof path) == -1);
  say("%s", error_name(errno));
  for (int i = 0; i < 25; i++) NEED(chdir("..") == 0 && rmdir(name) == 0);
  CHECK(access("f", F_OK));
  return 0;
}
