/* Poll bits and pipe sizes: readiness of both ends as data comes and goes, hang-up, error, F_SETPIPE_SZ. */
#include "check.h"

static void bits(const char *when, int rd, int wr) {
  struct pollfd p[2] = {{rd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0}, {wr, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0}};
  int n = poll(p, 2, 0);
  say("%s: %d read end %#x write end %#x", when, n, p[0].revents, p[1].revents);
}

int main(void) {
  int p[2];
  static char block[1 << 20];
  NEED(pipe2(p, O_NONBLOCK) == 0);
  bits("empty", p[0], p[1]);
  NEED(write(p[1], "x", 1) == 1);
  bits("one byte", p[0], p[1]);
  NEED(read(p[0], block, 1) == 1);
  ssize_t n = write(p[1], block, sizeof block);
  say("took %zd", n);
  bits("full", p[0], p[1]);
  NEED(read(p[0], block, 100) == 100);
  bits("100 less", p[0], p[1]);
  NEED(read(p[0], block, 4096) == 4096);
  bits("a page less", p[0], p[1]);
  int twin = dup(p[1]);
  NEED(close(p[1]) == 0);
  bits("one of two writers closed", p[0], twin);
  NEED(close(twin) == 0);
  bits("no writer, data", p[0], -1);
  while (read(p[0], block, sizeof block) > 0) continue;
  bits("no writer, no data", p[0], -1);
  close(p[0]);
  NEED(pipe2(p, O_NONBLOCK) == 0);
  close(p[0]);
  bits("no reader", -1, p[1]);
  close(p[1]);
  NEED(pipe2(p, O_NONBLOCK) == 0);
  CHECK(fcntl(p[0], F_GETPIPE_SZ));
  CHECK(fcntl(p[0], F_SETPIPE_SZ, 4096));
  CHECK(write(p[1], block, 10000));
  bits("small and full", p[0], p[1]);
  CHECK(fcntl(p[0], F_SETPIPE_SZ, 10000));
  CHECK(write(p[1], block, 100000));
  CHECK(fcntl(p[1], F_SETPIPE_SZ, 4096));
  CHECK(fcntl(p[1], F_SETPIPE_SZ, 0));
  CHECK(fcntl(p[1], F_SETPIPE_SZ, 1 << 20));
  CHECK(fcntl(p[1], F_SETPIPE_SZ, -1));
  CHECK(write(p[1], block, sizeof block));
  CHECK(read(p[0], block, sizeof block));
  bits("drained", p[0], p[1]);
  bits("ends swapped", p[1], p[0]);
  return 0;
}
