/*
 * What one piece of kernel work costs beside much of the same kind: `curves NAME COUNT` makes COUNT of the kind, measures the work, and prints the
 * nanoseconds one took. Built static: it must run where there is nothing else.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
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

/* The time of one of many. */
static double each(void (*once)(void)) {
  static const double warm_ns = 200e6, enough_ns = 200e6;
  double start = now_ns();
  while (now_ns() - start < warm_ns) once();
  long count = 0;
  double spent;
  start = now_ns();
  do {
    for (int i = 0; i < 10; i++) once();
    count += 10;
    spent = now_ns() - start;
  } while (spent < enough_ns);
  return spent / (double)count;
}

static int fd;
static long total;
static void call(void) { getppid(); }

/* ---- so many processes, or threads, call at once ---- */

struct shared {
  volatile int go, stop;
  volatile int ready;
  struct {
    volatile long calls;
    char pad[56];
  } of[1024];
};
static struct shared *shared;

static void call_until_stopped(int which) {
  __atomic_fetch_add(&shared->ready, 1, __ATOMIC_SEQ_CST);
  while (!shared->go) usleep(1000);
  while (!shared->stop) {
    call();
    shared->of[which].calls++;
  }
}
static void *thread_main(void *arg) {
  call_until_stopped((int)(long)arg);
  return arg;
}

static double at_once(int threads) {
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) fail("mmap");
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 65536);
  for (long i = 0; i < total; i++) {
    pthread_t t;
    if (threads && pthread_create(&t, &attributes, thread_main, (void *)i) != 0) fail("thread");
    if (threads) continue;
    pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid == 0) {
      call_until_stopped((int)i);
      _exit(0);
    }
  }
  while (shared->ready < total) usleep(1000);
  shared->go = 1;
  usleep(300000);
  long before = 0, after = 0;
  double start = now_ns();
  for (long i = 0; i < total; i++) before += shared->of[i].calls;
  usleep(500000);
  for (long i = 0; i < total; i++) after += shared->of[i].calls;
  double spent = now_ns() - start;
  shared->stop = 1;
  return spent / (double)(after - before);
}
static double processes(void) { return at_once(0); }
static double threads(void) { return at_once(1); }

/* ---- beside so many processes that sleep ---- */

static double sleepers(void) {
  int ends[2];
  if (pipe(ends) < 0) fail("pipe");
  for (long i = 0; i < total; i++) {
    pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid == 0) {
      char byte;
      close(ends[1]);
      _exit((int)read(ends[0], &byte, 1));
    }
  }
  return each(call);
}

/* ---- beside so many descriptors ---- */

static void open_many(void) {
  struct rlimit limit = {total + 100, total + 100};
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0) fail("setrlimit");
  if ((fd = open("/dev/null", O_RDWR)) < 0) fail("/dev/null");
  for (long i = 0; i < total; i++) if (dup(fd) < 0) fail("dup");
}
static void dup_close(void) { close(dup(fd)); }
static double descriptors(void) {
  open_many();
  return each(dup_close);
}
static void fork_wait(void) {
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) _exit(0);
  waitpid(pid, NULL, 0);
}
static double descriptors_fork(void) {
  open_many();
  return each(fork_wait);
}

static int poller;
static void wait_ready(void) {
  struct epoll_event event;
  if (epoll_wait(poller, &event, 1, -1) != 1) fail("epoll_wait");
}
static double watched(void) {
  struct rlimit limit = {total + 100, total + 100};
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0) fail("setrlimit");
  if ((poller = epoll_create1(0)) < 0) fail("epoll_create1");
  for (long i = 0; i < total; i++) {
    struct epoll_event event = {.events = EPOLLIN};
    int one = eventfd(i == total / 2, 0);
    if (one < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, one, &event) < 0) fail("epoll_ctl");
  }
  return each(wait_ready);
}

/* ---- in a directory of so many files ---- */

static char directory[] = "/tmp/curves-XXXXXX", name[64];
static const char *file_name(long i) {
  snprintf(name, sizeof name, "%s/file-%ld", directory, i);
  return name;
}
static void make_file(const char *path) {
  int one = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (one < 0) fail(path);
  close(one);
}
static double make_files(void) {
  if (mkdtemp(directory) == NULL) fail("mkdtemp");
  double start = now_ns();
  for (long i = 0; i < total; i++) make_file(file_name(i));
  return (now_ns() - start) / (double)total;
}
static void remove_files(void) {
  for (long i = 0; i < total; i++) if (unlink(file_name(i)) < 0) fail("unlink");
  if (rmdir(directory) < 0) fail("rmdir");
}
static double files_made(void) {
  double result = make_files();
  remove_files();
  return result;
}
static long turn;
static void stat_one(void) {
  struct stat s;
  turn = (turn * 7919 + 1) % total;
  if (stat(file_name(turn), &s) < 0) fail("stat");
}
static double files_stat(void) {
  make_files();
  double result = each(stat_one);
  remove_files();
  return result;
}
static void make_remove(void) {
  snprintf(name, sizeof name, "%s/another", directory);
  make_file(name);
  if (unlink(name) < 0) fail("unlink");
}
static double files_make_remove(void) {
  make_files();
  double result = each(make_remove);
  remove_files();
  return result;
}
/* Each entry of a listing. */
static double files_listed(void) {
  make_files();
  double start = now_ns();
  long count = 0;
  for (int i = 0; i < 3; i++) {
    DIR *d = opendir(directory);
    if (d == NULL) fail("opendir");
    while (readdir(d) != NULL) count++;
    closedir(d);
  }
  double result = (now_ns() - start) / (double)count;
  if (count != 3 * (total + 2)) fail("readdir");
  remove_files();
  return result;
}
static double files_removed(void) {
  make_files();
  double start = now_ns();
  remove_files();
  return (now_ns() - start) / (double)total;
}

/* ---- beside so many mappings ---- */

static void map_many(void) {
  char *all = mmap(NULL, (size_t)total * 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (all == MAP_FAILED) fail("mmap");
  for (long i = 0; i < total; i++) if (mprotect(all + i * 8192, 4096, PROT_READ) < 0) fail("mprotect");
}
static void map_unmap(void) {
  char *one = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (one == MAP_FAILED) fail("mmap");
  one[0] = 1;
  munmap(one, 65536);
}
static double mappings(void) {
  map_many();
  return each(map_unmap);
}
static double mappings_made(void) {
  double start = now_ns();
  map_many();
  return (now_ns() - start) / (double)total;
}
static double mappings_fork(void) {
  map_many();
  return each(fork_wait);
}

static const struct {
  const char *name;
  double (*run)(void);
} measures[] = {
    {"processes", processes},
    {"threads", threads},
    {"sleepers", sleepers},
    {"descriptors", descriptors},
    {"descriptors-fork", descriptors_fork},
    {"watched", watched},
    {"files-made", files_made},
    {"files-stat", files_stat},
    {"files-make-remove", files_make_remove},
    {"files-listed", files_listed},
    {"files-removed", files_removed},
    {"mappings", mappings},
    {"mappings-made", mappings_made},
    {"mappings-fork", mappings_fork},
};

int main(int argc, char **argv) {
  if (argc != 3 || (total = atol(argv[2])) < 1) return 2;
  setpgid(0, 0);
  for (unsigned i = 0; i < sizeof measures / sizeof *measures; i++) {
    if (strcmp(argv[1], measures[i].name) != 0) continue;
    printf("%.1f\n", measures[i].run());
    fflush(stdout);
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM);
    return 0;
  }
  fprintf(stderr, "curves: no measure %s\n", argv[1]);
  return 2;
}
