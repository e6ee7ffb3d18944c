/* readv, writev, preadv, pwritev, preadv2, pwritev2: order, partial fills, limits on the vector, flags. */
#include "check.h"

int main(void) {
  char a[4] = "", b[8] = "", c[16] = "";
  struct iovec out[3] = {{"one", 3}, {"", 0}, {"two!", 4}};
  struct iovec in[3] = {{a, 2}, {b, 3}, {c, sizeof c}};
  int fd = open("f", O_RDWR | O_CREAT, 0600);
  CHECK(writev(fd, out, 3));
  CHECK(lseek(fd, 0, SEEK_SET));
  CHECK(readv(fd, in, 3));
  say("%.2s %.3s %.2s", a, b, c);
  CHECK(readv(fd, in, 3));
  CHECK(writev(fd, out, 0));
  CHECK(writev(fd, out, -1));
  CHECK(writev(fd, out, IOV_MAX + 1));
  CHECK(writev(fd, NULL, 2));
  struct iovec negative[1] = {{a, (size_t)-1}};
  CHECK(readv(fd, negative, 1));
  struct iovec bad[2] = {{"ok", 2}, {(void *)1, 4}};
  CHECK(lseek(fd, 0, SEEK_SET));
  struct iovec first_bad[2] = {{(void *)1, 4}, {"ok", 2}};
  CHECK(writev(fd, first_bad, 2));
  struct iovec empty_bad[2] = {{(void *)1, 0}, {"ok", 2}};
  CHECK(writev(fd, empty_bad, 2));
  (void)bad;
  CHECK(preadv(fd, in, 2, 3));
  say("%.2s %.2s", a, b);
  CHECK(preadv(fd, in, 2, -1));
  CHECK(pwritev(fd, out, 3, 100));
  CHECK(lseek(fd, 0, SEEK_END));
  CHECK(lseek(fd, 1, SEEK_SET));
  CHECK(preadv2(fd, in, 1, -1, 0));
  CHECK(lseek(fd, 0, SEEK_CUR));
  CHECK(preadv2(fd, in, 1, 0, 0x40000000));
  CHECK(pwritev2(fd, out, 3, 0, RWF_APPEND));
  CHECK(lseek(fd, 0, SEEK_END));
  CHECK(pwritev2(fd, out, 1, 0, RWF_DSYNC));
  int p[2];
  NEED(pipe(p) == 0);
  CHECK(preadv2(p[0], in, 1, -1, RWF_NOWAIT));
  CHECK(writev(p[1], out, 3));
  CHECK(readv(p[0], in, 3));
  CHECK(preadv(p[0], in, 1, 0));
  CHECK(readv(p[1], in, 1));
  CHECK(readv(-1, in, 1));
  /* A full-length vector of single bytes. */
  static struct iovec many[IOV_MAX];
  static char bytes[IOV_MAX];
  for (int i = 0; i < IOV_MAX; i++) {
    bytes[i] = 'a' + i % 26;
    many[i] = (struct iovec){&bytes[i], 1};
  }
  CHECK(pwritev(fd, many, IOV_MAX, 0));
  memset(bytes, 0, sizeof bytes);
  CHECK(preadv(fd, many, IOV_MAX, 0));
  say("%c%c%c", bytes[0], bytes[27], bytes[IOV_MAX - 1]);
  return 0;
}
