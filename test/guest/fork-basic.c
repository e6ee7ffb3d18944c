/* fork: what is copied, what is shared, what is fresh in the child; many children; memory after fork. */
#include "check.h"

static int global = 1;
static void on_signal(int signal) { say("handler ran %s", sigabbrev_np(signal)); }

int main(void) {
  int stack = 2, *heap = malloc(4), p[2];
  *heap = 3;
  int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  *shared = 4;
  int fd = open("f", O_RDWR | O_CREAT, 0600);
  NEED(write(fd, "abcdef", 6) == 6 && lseek(fd, 0, SEEK_SET) == 0 && pipe(p) == 0);
  handle(SIGUSR1, on_signal, 0);
  sigset_t set, pending;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  sigprocmask(SIG_BLOCK, &set, NULL);
  kill(getpid(), SIGUSR2);
  alarm(1000);
  pid_t parent = getpid(), pid = fork();
  if (pid == 0) {
    TRUTH(getppid() == parent);
    TRUTH(getpid() != parent && gettid() == getpid());
    say("%d %d %d %d", global, stack, *heap, *shared);
    global = stack = *heap = 10;
    *shared = 40;
    char two[3] = "";
    NEED(read(fd, two, 2) == 2);
    say("read %s", two);
    sigpending(&pending);
    say("pending %d", sigismember(&pending, SIGUSR2));
    sigprocmask(SIG_BLOCK, NULL, &set);
    say("blocked %d", sigismember(&set, SIGUSR2));
    CHECK(alarm(0));
    raise(SIGUSR1);
    close(p[0]);
    NEED(dup2(fd, 50) == 50);
    _exit(3);
  }
  wait_and_say("child", pid);
  say("%d %d %d %d", global, stack, *heap, *shared);
  CHECK(lseek(fd, 0, SEEK_CUR));
  CHECK(fcntl(p[0], F_GETFD));
  CHECK(fcntl(50, F_GETFD));
  CHECK(alarm(0) > 0);
  CHECK(waitpid(pid, NULL, 0));
  /* Many at once; every status is right. */
  pid_t children[50];
  for (int i = 0; i < 50; i++)
    if ((children[i] = fork()) == 0) _exit(i);
  int right = 0;
  for (int i = 49; i >= 0; i--) {
    int status;
    NEED(waitpid(children[i], &status, 0) == children[i]);
    right += WIFEXITED(status) && WEXITSTATUS(status) == i;
  }
  say("right %d", right);
  /* Generations: each forks the next and passes the number back. */
  *shared = 0;
  pid = fork();
  if (pid == 0) {
    for (int depth = 0; depth < 12; depth++) {
      __atomic_fetch_add(shared, 1, __ATOMIC_SEQ_CST);
      pid_t next = fork();
      if (next > 0) {
        int status;
        NEED(waitpid(next, &status, 0) == next);
        _exit(WEXITSTATUS(status));
      }
    }
    _exit(12);
  }
  wait_and_say("generations", pid);
  say("shared %d", *shared);
  /* Private memory diverges page by page. */
  size_t size = 8 << 20;
  char *big = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(big, 'p', size);
  pid = fork();
  if (pid == 0) {
    for (size_t i = 0; i < size; i += 4096) {
      NEED(big[i] == 'p');
      big[i] = 'c';
    }
    _exit(0);
  }
  for (size_t i = 0; i < size; i += 8192) big[i] = 'q';
  wait_and_say("copier", pid);
  int bad = 0;
  for (size_t i = 0; i < size; i += 4096) bad += big[i] != (i % 8192 ? 'p' : 'q');
  say("bad pages %d", bad);
  return 0;
}
