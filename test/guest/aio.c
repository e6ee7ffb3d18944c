/* io_setup, io_submit, io_getevents, io_cancel, io_destroy: reads, writes, syncs, polls, eventfds, limits, bad arguments. */
#include "check.h"
#include <linux/aio_abi.h>
#include <sys/eventfd.h>

static int setup(unsigned n, aio_context_t *id) { return syscall(SYS_io_setup, n, id); }
static int destroy(aio_context_t id) { return syscall(SYS_io_destroy, id); }
static int submit(aio_context_t id, long n, struct iocb **list) { return syscall(SYS_io_submit, id, n, list); }
static int cancel(aio_context_t id, struct iocb *cb) {
  struct io_event event;
  return syscall(SYS_io_cancel, id, cb, &event);
}
static int events(aio_context_t id, long min, long max, struct io_event *list, struct timespec *timeout) {
  return syscall(SYS_io_getevents, id, min, max, list, timeout);
}

static struct iocb make(int opcode, int fd, const void *buf, size_t length, long long offset) {
  struct iocb cb = {.aio_lio_opcode = opcode, .aio_fildes = fd, .aio_buf = (uintptr_t)buf, .aio_nbytes = length, .aio_offset = offset};
  cb.aio_data = 0x1122334455667700 + opcode;
  cb.aio_key = 7;
  return cb;
}

static aio_context_t id;

/* Submits one and tells its event, if it comes: a sync may take a while, a poll for ever. */
static void one(const char *label, struct iocb cb) {
  struct iocb *list[] = {&cb};
  int n = submit(id, 1, list);
  if (n < 0) {
    say("%s: %s", label, error_name(errno));
    return;
  }
  struct io_event event;
  struct timespec limit = {cb.aio_lio_opcode == IOCB_CMD_POLL ? 0 : 20, 0};
  int got = events(id, cb.aio_lio_opcode != IOCB_CMD_POLL, 1, &event, &limit);
  if (got != 1) say("%s: submitted %d, events %d", label, n, got);
  else
    say("%s: data %llx iocb %s res %s%lld res2 %lld", label, event.data, event.obj == (uintptr_t)&cb ? "same" : "other",
        event.res < 0 ? error_name(-event.res) : "", event.res < 0 ? 0LL : (long long)event.res, (long long)event.res2);
}

static void on_alarm(int signo) { (void)signo; }

int main(void) {
  char buf[64];
  CHECK(setup(0, &id));
  CHECK(setup(0x10000000, &id));
  CHECK(setup(1, (void *)8));
  id = 5;
  CHECK(setup(1, &id));
  id = 0;
  CHECK(setup(4, &id));
  TRUTH(id != 0 && id % 4096 == 0);

  int file = open("f", O_CREAT | O_RDWR, 0600);
  one("pwrite", make(IOCB_CMD_PWRITE, file, "hello world", 11, 0));
  one("pwrite at 20", make(IOCB_CMD_PWRITE, file, "later", 5, 20));
  one("pread", make(IOCB_CMD_PREAD, file, buf, 11, 0));
  say("%.11s", buf);
  one("pread at 6", make(IOCB_CMD_PREAD, file, buf, 64, 6));
  say("%.5s position %ld", buf, (long)lseek(file, 0, SEEK_CUR));
  one("pread past the end", make(IOCB_CMD_PREAD, file, buf, 64, 100));
  char a[3], b[3];
  struct iovec vector[] = {{a, 3}, {b, 3}};
  one("preadv", make(IOCB_CMD_PREADV, file, vector, 2, 2));
  say("%.3s %.3s", a, b);
  one("pwritev", make(IOCB_CMD_PWRITEV, file, vector, 2, 40));
  one("preadv of a bad vector", make(IOCB_CMD_PREADV, file, (void *)8, 2, 0));
  one("preadv of too many", make(IOCB_CMD_PREADV, file, vector, 5000, 0));
  one("fsync", make(IOCB_CMD_FSYNC, file, NULL, 0, 0));
  one("fdsync", make(IOCB_CMD_FDSYNC, file, NULL, 0, 0));
  one("fsync with a length", make(IOCB_CMD_FSYNC, file, NULL, 1, 0));
  one("noop", make(6, file, NULL, 0, 0));
  one("unknown", make(77, file, NULL, 0, 0));
  one("closed", make(IOCB_CMD_PREAD, 99, buf, 1, 0));
  one("bad buffer", make(IOCB_CMD_PREAD, file, (void *)8, 8, 0));
  one("kernel's buffer", make(IOCB_CMD_PREAD, file, (void *)-4096, 8, 0));
  one("negative offset", make(IOCB_CMD_PREAD, file, buf, 8, -5));
  one("huge length", make(IOCB_CMD_PREAD, file, buf, -1, 0));
  int readonly = open("f", O_RDONLY);
  one("write to a reader", make(IOCB_CMD_PWRITE, readonly, "x", 1, 0));
  int writeonly = open("f", O_WRONLY);
  one("read from a writer", make(IOCB_CMD_PREAD, writeonly, buf, 1, 0));
  int directory = open(".", O_RDONLY);
  one("read a directory", make(IOCB_CMD_PREAD, directory, buf, 1, 0));
  one("O_PATH", make(IOCB_CMD_PREAD, open("f", O_PATH), buf, 1, 0));
  struct iocb cb = make(IOCB_CMD_PREAD, file, buf, 4, 0);
  cb.aio_reserved2 = 1;
  one("reserved", cb);
  cb.aio_reserved2 = 0;
  cb.aio_rw_flags = 0x40000000;
  one("unknown flags", cb);
  cb.aio_rw_flags = RWF_NOWAIT;
  cb.aio_key = 3;
  struct iocb *list[] = {&cb, (void *)8, &cb};
  CHECK(submit(id, 3, list));
  say("key %u", cb.aio_key);
  struct io_event got[8];
  CHECK(events(id, 1, 8, got, NULL));
  CHECK(submit(id, 0, list));
  CHECK(submit(id, -1, list));
  CHECK(submit(id, 1, (void *)8));
  CHECK(submit(id + 8, 1, list));
  CHECK(submit(0, 1, list));
  CHECK(events(id, 2, 1, got, NULL));
  CHECK(events(id, -1, 1, got, NULL));
  CHECK(events(id + 8, 0, 1, got, NULL));

  /* Pipes: done with what is there, waited for by polls. */
  int pipes[2];
  NEED(pipe(pipes) == 0);
  int counter = eventfd(0, EFD_NONBLOCK);
  NEED(write(pipes[1], "piped", 5) == 5);
  one("read a pipe", make(IOCB_CMD_PREAD, pipes[0], buf, 64, 3));
  one("sync a pipe", make(IOCB_CMD_FSYNC, pipes[0], NULL, 0, 0));
  one("poll that waits", make(IOCB_CMD_POLL, pipes[0], (void *)POLLIN, 0, 0));
  one("poll that does not", make(IOCB_CMD_POLL, pipes[1], (void *)POLLOUT, 0, 0));
  one("poll with a length", make(IOCB_CMD_POLL, pipes[1], (void *)POLLOUT, 1, 0));
  one("poll for too much", make(IOCB_CMD_POLL, pipes[1], (void *)0x10001, 0, 0));
  struct timespec none = {0, 0};
  CHECK(events(id, 1, 8, got, &none));
  NEED(write(pipes[1], "x", 1) == 1);
  CHECK(events(id, 1, 8, got, NULL));
  say("poll: %s", got[0].res & POLLIN ? "in" : "other");
  NEED(read(pipes[0], buf, 1) == 1);
  cb = make(IOCB_CMD_POLL, pipes[0], (void *)POLLIN, 0, 0);
  cb.aio_flags = IOCB_FLAG_RESFD;
  cb.aio_resfd = counter;
  CHECK(submit(id, 1, list));
  uint64_t count;
  CHECK(read(counter, &count, 8));
  NEED(write(pipes[1], "x", 1) == 1);
  CHECK(events(id, 1, 1, got, NULL));
  CHECK(read(counter, &count, 8));
  say("counted %d", (int)count);
  NEED(read(pipes[0], buf, 1) == 1);
  cb.aio_resfd = file;
  CHECK(submit(id, 1, list));
  cb.aio_resfd = 99;
  CHECK(submit(id, 1, list));

  cb = make(IOCB_CMD_POLL, pipes[0], (void *)POLLIN, 0, 0);
  CHECK(submit(id, 1, list));
  CHECK(cancel(id, &cb));
  CHECK(events(id, 1, 1, got, NULL));
  say("cancelled: %lld", (long long)got[0].res);
  CHECK(cancel(id, &cb));
  CHECK(cancel(id, (void *)8));

  /* Waits: a timeout, a signal. */
  struct timespec soon = {0, 20000000};
  CHECK(events(id, 1, 1, got, &soon));
  handle(SIGALRM, on_alarm, SA_RESTART);
  struct itimerspec alarm = {.it_value = {0, 20000000}};
  timer_t timer;
  NEED(timer_create(CLOCK_MONOTONIC, &(struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM}, &timer) == 0);
  timer_settime(timer, 0, &alarm, NULL);
  CHECK(events(id, 1, 1, got, NULL));
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGALRM);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  raise(SIGALRM);
  sigset_t nothing;
  sigemptyset(&nothing);
  struct { const sigset_t *mask; size_t size; } with = {&nothing, 8};
  CHECK(syscall(SYS_io_pgetevents, id, 1L, 1L, got, NULL, &with));
  with.size = 4;
  CHECK(syscall(SYS_io_pgetevents, id, 1L, 1L, got, NULL, &with));

  /* Other processes do not have it; children inherit nothing. */
  pid_t child = fork();
  if (child == 0) {
    CHECK(destroy(id));
    _exit(0);
  }
  wait_and_say("child", child);

  /* As many as there are slots. */
  cb = make(IOCB_CMD_PREAD, file, buf, 1, 0);
  int submitted = 0;
  while (submit(id, 1, list) == 1) submitted++;
  say("full: %s", error_name(errno));
  TRUTH(submitted >= 4);
  CHECK(events(id, 2, 2, got, NULL));
  CHECK(submit(id, 1, list));
  CHECK(events(id, 1, 1, (void *)8, NULL));
  CHECK(destroy(id));
  CHECK(destroy(id));
  CHECK(events(id, 0, 1, got, NULL));
  aio_context_t big = 0;
  CHECK(setup(10000000, &big));
  return 0;
}
