/* pipe: order, end of file, non-blocking, descriptors, atomic writes, partial writes. */
#include "check.h"

int main(void) {
  int p[2];
  char text[100];
  CHECK(pipe((int *)8));
  CHECK(pipe(p));
  say("%d %d", p[0], p[1]);
  CHECK(write(p[1], "hello world", 11));
  CHECK(read(p[0], text, 5));
  CHECK(read(p[0], text, 50));
  say("%.6s", text);
  NEED(fcntl(p[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(p[1], F_SETFL, O_NONBLOCK) == 0);
  CHECK(read(p[0], text, 1));
  CHECK(read(p[0], text, 0));
  CHECK(write(p[1], text, 0));
  /* Fill it: pipe(7) promises 65536 bytes. */
  static char block[70000];
  memset(block, 'x', sizeof block);
  CHECK(write(p[1], block, 65536));
  CHECK(write(p[1], block, 1));
  CHECK(read(p[0], block, 4096));
  CHECK(write(p[1], block, 4096));
  CHECK(write(p[1], block, 1));
  /* Up to PIPE_BUF bytes go whole or not at all; more may go in part. */
  CHECK(read(p[0], block, 4096));
  CHECK(write(p[1], block, 8192));
  CHECK(read(p[0], block, sizeof block));
  CHECK(read(p[0], block, sizeof block));
  CHECK(write(p[1], block, 70000));
  CHECK(read(p[0], block, 70000));
  CHECK(write(p[1], "tail", 4));
  CHECK(close(p[1]));
  CHECK(read(p[0], text, 50));
  CHECK(read(p[0], text, 50));
  CHECK(close(p[0]));
  /* A blocking write of more than fits waits for a reader and writes all. */
  NEED(pipe(p) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    close(p[0]);
    static char big[300000];
    for (int i = 0; i < 300000; i++) big[i] = i % 251;
    _exit(write(p[1], big, sizeof big) == sizeof big ? 0 : 1);
  }
  close(p[1]);
  long total = 0, wrong = 0;
  for (ssize_t n; (n = read(p[0], block, 7777)) > 0;)
    for (ssize_t i = 0; i < n; i++, total++) wrong += block[i] != (char)(total % 251);
  say("read %ld, wrong %ld", total, wrong);
  wait_and_say("writer", pid);
  /* The read end may be used by several readers; each byte comes once. */
  NEED(pipe(p) == 0);
  int result[2];
  NEED(pipe(result) == 0);
  for (int i = 0; i < 3; i++)
    if (fork() == 0) {
      close(p[1]);
      long sum = 0;
      unsigned char byte;
      while (read(p[0], &byte, 1) == 1) sum += byte;
      NEED(write(result[1], &sum, sizeof sum) == sizeof sum);
      _exit(0);
    }
  for (int i = 0; i < 2000; i++) {
    unsigned char byte = i % 100;
    NEED(write(p[1], &byte, 1) == 1);
  }
  close(p[1]);
  long sum = 0, part;
  for (int i = 0; i < 3; i++) {
    NEED(read(result[0], &part, sizeof part) == sizeof part);
    sum += part;
  }
  while (wait(NULL) > 0) continue;
  say("sum %ld", sum);
  return 0;
}
