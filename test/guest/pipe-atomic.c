/* Writes of at most PIPE_BUF bytes by several processes and threads never mix: pipe(7). */
#include "check.h"
#include <pthread.h>

enum { SIZE = 1000, ROUNDS = 150 };
static int fd;

static void *writer(void *arg) {
  char block[SIZE];
  memset(block, 'a' + (int)(long)arg, sizeof block);
  for (int i = 0; i < ROUNDS; i++) NEED(write(fd, block, SIZE) == SIZE);
  return NULL;
}

static void check_blocks(int from, int writers) {
  char block[SIZE];
  int mixed = 0, counts[26] = {0}, total = 0;
  for (;;) {
    size_t have = 0;
    ssize_t n;
    while (have < SIZE && (n = read(from, block + have, SIZE - have)) > 0) have += n;
    if (have == 0) break;
    for (size_t i = 1; i < have; i++) mixed += block[i] != block[0];
    counts[block[0] - 'a']++;
    total++;
  }
  say("blocks %d mixed %d", total, mixed);
  for (int i = 0; i < writers; i++) say("  writer %d: %d", i, counts[i]);
}

int main(void) {
  int p[2];
  NEED(pipe(p) == 0);
  for (int i = 0; i < 4; i++)
    if (fork() == 0) {
      close(p[0]);
      fd = p[1];
      writer((void *)(long)i);
      _exit(0);
    }
  close(p[1]);
  check_blocks(p[0], 4);
  while (wait(NULL) > 0) continue;
  close(p[0]);
  NEED(pipe(p) == 0);
  pid_t reader = fork();
  if (reader == 0) {
    close(p[1]);
    check_blocks(p[0], 4);
    _exit(0);
  }
  close(p[0]);
  fd = p[1];
  pthread_t t[4];
  for (long i = 0; i < 4; i++) NEED(pthread_create(&t[i], NULL, writer, (void *)i) == 0);
  for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
  close(p[1]);
  wait_and_say("reader", reader);
  return 0;
}
