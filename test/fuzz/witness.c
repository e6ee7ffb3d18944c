/*
 * Checked work beside the fuzzer: files, pipes, forks, threads, sockets and programs, round after round until the file STOP is
 * there: witness STOP. Says "round N MS" after each and ends with 1 at the first thing that is not as it must be.
 */
#include "check.h"
#include <pthread.h>
#include <sys/socket.h>

static unsigned char block[65536];

static void fill(unsigned char *at, size_t length, unsigned seed) {
  for (size_t i = 0; i < length; i++) at[i] = (unsigned char)((seed = seed * 1103515245 + 12345) >> 16);
}

static void check_block(const unsigned char *at, size_t length, unsigned seed) {
  for (size_t i = 0; i < length; i++) NEED(at[i] == (unsigned char)((seed = seed * 1103515245 + 12345) >> 16));
}

static void files(unsigned seed) {
  static unsigned char back[sizeof block];
  fill(block, sizeof block, seed);
  int fd = open("witness.tmp", O_RDWR | O_CREAT | O_TRUNC | O_EXCL, 0600);
  NEED(fd >= 0);
  NEED(write(fd, block, sizeof block) == sizeof block);
  NEED(fsync(fd) == 0);
  NEED(close(fd) == 0);
  NEED(rename("witness.tmp", "witness.dat") == 0);
  NEED((fd = open("witness.dat", O_RDONLY)) >= 0);
  NEED(read(fd, back, sizeof back) == sizeof back);
  check_block(back, sizeof back, seed);
  unsigned char *map = mmap(NULL, sizeof block, PROT_READ, MAP_PRIVATE, fd, 0);
  NEED(map != MAP_FAILED);
  check_block(map, sizeof block, seed);
  NEED(munmap(map, sizeof block) == 0);
  NEED(close(fd) == 0);
  NEED(unlink("witness.dat") == 0);
}

static void read_whole(int fd, unsigned char *at, size_t length) {
  while (length > 0) {
    ssize_t n = read(fd, at, length);
    NEED(n > 0);
    at += n;
    length -= (size_t)n;
  }
}

/* A child sends what the parent checks. */
static void through(int reader, int writer, unsigned seed) {
  static unsigned char back[4 * sizeof block];
  pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    close(reader);
    fill(back, sizeof back, seed);
    NEED(write(writer, back, sizeof back) == sizeof back);
    _exit(7);
  }
  NEED(close(writer) == 0);
  read_whole(reader, back, sizeof back);
  check_block(back, sizeof back, seed);
  NEED(read(reader, back, 1) == 0);
  NEED(close(reader) == 0);
  int status;
  NEED(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void *add(void *arg) {
  for (int i = 0; i < 1000; i++) __atomic_fetch_add((long *)arg, 1, __ATOMIC_RELAXED);
  sched_yield();
  return arg;
}

static void run_threads(void) {
  pthread_t ids[8];
  long sum = 0;
  for (int i = 0; i < 8; i++) NEED(pthread_create(&ids[i], NULL, add, &sum) == 0);
  for (int i = 0; i < 8; i++) NEED(pthread_join(ids[i], NULL) == 0);
  NEED(sum == 8000);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  for (unsigned round = 0; access(argv[1], F_OK) != 0; round++) {
    long long begin = now_ms();
    int ends[2];
    files(round);
    NEED(pipe(ends) == 0);
    through(ends[0], ends[1], round + 1);
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    through(ends[0], ends[1], round + 2);
    run_threads();
    NEED(system("test \"$(echo one | tr n N | cat)\" = oNe") == 0);
    say("round %u %lld", round, now_ms() - begin);
    sleep_ms(20);
  }
  return 0;
}
