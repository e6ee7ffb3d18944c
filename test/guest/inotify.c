/* inotify: events of files in a watched directory, cookies of renames, one-shot, removal, queue reads, errors. */
#include "check.h"
#include <sys/inotify.h>

static void drain(int fd) {
  char buffer[8192] __attribute__((aligned(8)));
  ssize_t n = read(fd, buffer, sizeof buffer);
  if (n < 0) {
    say("  read: %s", error_name(errno));
    return;
  }
  uint32_t cookie = 0;
  for (ssize_t at = 0; at < n;) {
    struct inotify_event *e = (void *)(buffer + at);
    say("  wd %d mask %#x cookie %s name '%s'", e->wd, e->mask, e->cookie == 0 ? "none" : e->cookie == cookie ? "same" : "new",
        e->len ? e->name : "");
    if (e->cookie) cookie = e->cookie;
    at += sizeof *e + e->len;
  }
}

int main(void) {
  NEED(mkdir("d", 0755) == 0);
  write_file("f", "x");
  int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  CHECK(fd);
  CHECK(fcntl(fd, F_GETFD));
  drain(fd);
  CHECK(inotify_add_watch(fd, "d", IN_ALL_EVENTS));
  CHECK(inotify_add_watch(fd, "f", IN_MODIFY | IN_ATTRIB));
  CHECK(inotify_add_watch(fd, "missing", IN_MODIFY));
  CHECK(inotify_add_watch(fd, "f", 0));
  CHECK(inotify_add_watch(fd, "f", IN_ONLYDIR | IN_MODIFY));
  CHECK(inotify_add_watch(0, "f", IN_MODIFY));
  CHECK(inotify_add_watch(-1, "f", IN_MODIFY));
  int file = open("d/new", O_CREAT | O_RDWR, 0600);
  drain(fd);
  NEED(write(file, "1", 1) == 1 && write(file, "2", 1) == 1);
  drain(fd);
  char byte;
  NEED(pread(file, &byte, 1, 0) == 1);
  NEED(ftruncate(file, 0) == 0 && fchmod(file, 0640) == 0 && close(file) == 0);
  drain(fd);
  NEED(rename("d/new", "d/other") == 0);
  drain(fd);
  NEED(rename("d/other", "out") == 0 && rename("out", "d/in") == 0);
  drain(fd);
  NEED(mkdir("d/sub", 0700) == 0 && rmdir("d/sub") == 0 && link("d/in", "d/hard") == 0 && symlink("x", "d/soft") == 0);
  drain(fd);
  NEED(unlink("d/in") == 0 && unlink("d/hard") == 0 && unlink("d/soft") == 0);
  drain(fd);
  NEED(chmod("f", 0600) == 0);
  drain(fd);
  CHECK(inotify_rm_watch(fd, 2));
  drain(fd);
  CHECK(inotify_rm_watch(fd, 2));
  CHECK(inotify_add_watch(fd, "f", IN_MODIFY | IN_ONESHOT));
  int w = open("f", O_WRONLY);
  NEED(write(w, "1", 1) == 1 && write(w, "2", 1) == 1);
  drain(fd);
  struct pollfd p = {.fd = fd, .events = POLLIN};
  CHECK(poll(&p, 1, 0));
  close(open("d/x", O_CREAT | O_WRONLY, 0600));
  CHECK(poll(&p, 1, 1000));
  CHECK(read(fd, &byte, 1));
  drain(fd);
  NEED(unlink("d/x") == 0 && rmdir("d") == 0);
  drain(fd);
  CHECK(write(fd, "x", 1));
  return 0;
}
