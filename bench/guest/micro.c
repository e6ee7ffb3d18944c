/*
 * Single measures of kernel work. `micro NAME` runs one of them long enough to be exact and prints the nanoseconds one took.
 * Built static: it must run where there is nothing else.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int fd = -1, ends[2], back[2];
static char byte;
static const char *self;

static void getppid_patched(void) { getppid(); }

static void getpid_patched(void) { getpid(); }

static void getppid_wrapped(void) { syscall(SYS_getppid); }

/* The number comes from a variable, and vzeroupper is an instruction that the walk to a place for a jump does not know. */
static volatile long number = SYS_getppid;
static void getppid_trapped(void) {
  long nr = number;
  __asm__ volatile("nop\n\tsyscall\n\tvzeroupper" : "+a"(nr) : : "rcx", "r11", "memory", "xmm0");
}

static void open_zero(void) {
  if ((fd = open("/dev/zero", O_RDONLY)) < 0) fail("/dev/zero");
}
static void read_byte(void) { if (read(fd, &byte, 1) != 1) fail("read"); }

static void open_file(void) {
  char name[] = "/tmp/micro-XXXXXX";
  if ((fd = mkstemp(name)) < 0 || write(fd, name, sizeof name) < 0 || unlink(name) < 0) fail("file");
}
static void pread_file(void) {
  char buffer[16];
  if (pread(fd, buffer, 16, 0) != 16) fail("pread");
}

static void open_close(void) {
  int f = open("/etc/passwd", O_RDONLY);
  if (f < 0) fail("open");
  close(f);
}
static void stat_file(void) {
  struct stat s;
  if (stat("/etc/passwd", &s) < 0) fail("stat");
}

static void fstat_file(void) {
  struct stat s;
  if (fstat(fd, &s) < 0) fail("fstat");
}

static int ready_epoll;
static void open_epoll(void) {
  struct epoll_event event = {.events = EPOLLIN};
  if (pipe(ends) < 0 || write(ends[1], &byte, 1) != 1) fail("pipe");
  if ((ready_epoll = epoll_create1(0)) < 0 || epoll_ctl(ready_epoll, EPOLL_CTL_ADD, ends[0], &event) < 0) fail("epoll");
}
static void epoll_ready(void) {
  struct epoll_event event;
  if (epoll_wait(ready_epoll, &event, 1, -1) != 1) fail("epoll_wait");
}

static void open_pipe(void) {
  if (pipe(ends) < 0) fail("pipe");
}
static void open_pair(void) {
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0) fail("socketpair");
}
static void write_and_read(void) {
  if (write(ends[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1) fail("write and read");
}

static void map_touch_unmap(void) {
  char *m = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (m == MAP_FAILED) fail("mmap");
  for (int i = 0; i < 65536; i += 4096) m[i] = 1;
  munmap(m, 65536);
}

static void fork_wait(void) {
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) _exit(0);
  waitpid(pid, NULL, 0);
}

static void vfork_exec_wait(void) {
  pid_t pid = vfork();
  if (pid < 0) fail("vfork");
  if (pid == 0) {
    execl(self, "micro", "nothing", (char *)NULL);
    _exit(127);
  }
  waitpid(pid, NULL, 0);
}

static pid_t partner;
static void start_partner(void) {
  if (pipe(ends) < 0 || pipe(back) < 0) fail("pipe");
  partner = fork();
  if (partner != 0) return;
  close(ends[1]);
  while (read(ends[0], &byte, 1) == 1) if (write(back[1], &byte, 1) != 1) break;
  _exit(0);
}
static void pipe_round_trip(void) {
  if (write(ends[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1) fail("pipe");
}

static void on_signal(int signo) { (void)signo; }
static void catch_signal(void) { signal(SIGUSR1, on_signal); }
static void signal_self(void) { kill(getpid(), SIGUSR1); }

static void *thread_main(void *arg) { return arg; }
static void thread_join(void) {
  pthread_t t;
  if (pthread_create(&t, NULL, thread_main, NULL) != 0) fail("pthread_create");
  pthread_join(t, NULL);
}

static int turn;
static void futex(int op, int value) { syscall(SYS_futex, &turn, op | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0); }
static void pass_turn(int from) {
  while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != from) futex(FUTEX_WAIT, !from);
  __atomic_store_n(&turn, !from, __ATOMIC_RELEASE);
  futex(FUTEX_WAKE, 1);
}
static void *other_side(void *arg) {
  for (;;) pass_turn(1);
  return arg;
}
static void start_other_side(void) {
  pthread_t t;
  if (pthread_create(&t, NULL, other_side, NULL) != 0) fail("thread");
}
static void futex_round_trip(void) { pass_turn(0); }

static const struct {
  const char *name;
  void (*prepare)(void);
  void (*once)(void);
} measures[] = {
    {"getppid-patched", NULL, getppid_patched},
    {"getpid", NULL, getpid_patched},
    {"getppid-wrapped", NULL, getppid_wrapped},
    {"getppid-trapped", NULL, getppid_trapped},
    {"read", open_zero, read_byte},
    {"pread", open_file, pread_file},
    {"open-close", NULL, open_close},
    {"stat", NULL, stat_file},
    {"mmap", NULL, map_touch_unmap},
    {"fork", NULL, fork_wait},
    {"vfork-exec", NULL, vfork_exec_wait},
    {"pipe", start_partner, pipe_round_trip},
    {"signal", catch_signal, signal_self},
    {"fstat", open_zero, fstat_file},
    {"epoll-ready", open_epoll, epoll_ready},
    {"pipe-self", open_pipe, write_and_read},
    {"unix-self", open_pair, write_and_read},
    {"futex", start_other_side, futex_round_trip},
    {"thread", NULL, thread_join},
};

int main(int argc, char **argv) {
  /* A kernel that is compiled as it runs is not itself in its first moments. */
  static const double warm_ns = 1000e6;
  static const double enough_ns = 300e6;
  if (argc != 2) return 2;
  if (strcmp(argv[1], "nothing") == 0) return 0;
  self = argv[0];
  for (unsigned i = 0; i < sizeof measures / sizeof *measures; i++) {
    if (strcmp(argv[1], measures[i].name) != 0) continue;
    if (measures[i].prepare) measures[i].prepare();
    double start = now_ns(), spent = 0;
    while (now_ns() - start < warm_ns) measures[i].once();
    long count = 0, batch = 10;
    start = now_ns();
    while (spent < enough_ns) {
      for (long n = 0; n < batch; n++) measures[i].once();
      count += batch;
      spent = now_ns() - start;
      if (batch < 1000 && spent < enough_ns / 10) batch *= 2;
    }
    printf("%.1f\n", spent / (double)count);
    fflush(stdout);
    if (partner > 0) kill(partner, SIGKILL);
    return 0;
  }
  fprintf(stderr, "micro: no measure %s\n", argv[1]);
  return 2;
}
