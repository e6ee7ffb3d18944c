/* POSIX message queues: priorities, limits, blocking, notification, poll, errors. */
#include "check.h"
#include <mqueue.h>
#include <pthread.h>
#include <sys/resource.h>

static volatile int told, told_code, told_value;
static void on_message(int signal, siginfo_t *info, void *context) {
  (void)context;
  told = signal;
  told_code = info->si_code;
  told_value = info->si_value.sival_int;
}

static mqd_t late;
static void *sender(void *arg) {
  wait_until_asleep(getpid(), getpid());
  NEED(mq_send(late, "late", 4, 3) == 0);
  return arg;
}

static volatile int threaded;
static void on_thread(union sigval value) { threaded = value.sival_int; }

int main(void) {
  char text[9000];
  unsigned priority;
  struct mq_attr attr;
  mq_unlink("/guest-test-a");
  CHECK(mq_open("/guest-test-a", O_RDWR));
  CHECK(mq_open("no-slash", O_RDWR | O_CREAT, 0600, NULL) == -1);
  CHECK(syscall(SYS_mq_open, "a/b", O_RDWR | O_CREAT, 0600, NULL));
  CHECK(syscall(SYS_mq_open, "", O_RDWR | O_CREAT, 0600, NULL));
  CHECK(syscall(SYS_mq_open, "..", O_RDWR | O_CREAT, 0600, NULL));
  attr = (struct mq_attr){.mq_maxmsg = 0, .mq_msgsize = 10};
  CHECK(mq_open("/guest-test-a", O_RDWR | O_CREAT, 0600, &attr));
  attr = (struct mq_attr){.mq_maxmsg = 4, .mq_msgsize = 16};
  mqd_t q;
  CHECK_OK(q = mq_open("/guest-test-a", O_RDWR | O_CREAT | O_EXCL, 0640, &attr));
  CHECK(mq_open("/guest-test-a", O_RDWR | O_CREAT | O_EXCL, 0640, &attr));
  CHECK(mq_getattr(q, &attr));
  say("flags %ld max %ld size %ld now %ld", attr.mq_flags, attr.mq_maxmsg, attr.mq_msgsize, attr.mq_curmsgs);
  CHECK(mq_send(q, "low", 3, 1));
  CHECK(mq_send(q, "high", 4, 9));
  CHECK(mq_send(q, "low2", 4, 1));
  CHECK(mq_send(q, "", 0, 0));
  CHECK(mq_send(q, "12345678901234567", 17, 1));
  CHECK(mq_send(q, "x", 1, 32768));
  attr.mq_flags = O_NONBLOCK;
  CHECK(mq_setattr(q, &attr, NULL));
  CHECK(fcntl(q, F_GETFL) == (O_RDWR | O_NONBLOCK));
  CHECK(mq_send(q, "full", 4, 1));
  struct pollfd poll_it = {q, POLLIN | POLLOUT, 0};
  CHECK(poll(&poll_it, 1, 0));
  say("revents %#x", poll_it.revents);
  struct stat st;
  CHECK(fstat(q, &st));
  say("mode %o size %ld", st.st_mode, (long)st.st_size);
  ssize_t n = read(q, text, sizeof text - 1);
  text[n > 0 ? n : 0] = 0;
  say("%s", text);
  CHECK(mq_receive(q, text, 15, &priority));
  for (int i = 0; i < 4; i++) {
    n = mq_receive(q, text, sizeof text, &priority);
    say("got %zd '%.*s' priority %u", n, n > 0 ? (int)n : 0, text, priority);
  }
  CHECK(mq_receive(q, text, sizeof text, NULL));
  CHECK(poll(&poll_it, 1, 0));
  say("revents %#x", poll_it.revents);
  struct timespec past = {1, 0}, bad = {1, 2000000000};
  attr.mq_flags = 0;
  struct mq_attr old;
  CHECK(mq_setattr(q, &attr, &old));
  say("old flags %#lx", old.mq_flags);
  CHECK(mq_timedreceive(q, text, sizeof text, NULL, &past));
  CHECK(mq_timedreceive(q, text, sizeof text, NULL, &bad));
  late = q;
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, sender, NULL) == 0);
  n = mq_receive(q, text, sizeof text, &priority);
  say("late %zd priority %u", n, priority);
  pthread_join(thread, NULL);
  handle_info(SIGUSR1, on_message, 0);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77};
  CHECK(mq_notify(q, &event));
  CHECK(mq_notify(q, &event));
  CHECK(mq_send(q, "tell", 4, 0));
  say("told %s code %d value %d", told ? sigabbrev_np(told) : "no", told_code, told_value);
  told = 0;
  CHECK(mq_send(q, "tell", 4, 0));
  say("told again %d", told);
  CHECK(mq_notify(q, &event));
  CHECK(mq_notify(q, NULL));
  while (mq_receive(q, text, sizeof text, NULL) >= 0 && mq_getattr(q, &attr) == 0 && attr.mq_curmsgs > 0) continue;
  struct sigevent by_thread = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_thread, .sigev_value.sival_int = 5};
  CHECK(mq_notify(q, &by_thread));
  CHECK(mq_send(q, "tell", 4, 0));
  while (!threaded) sched_yield();
  say("threaded %d", threaded);
  event.sigev_notify = 77;
  CHECK(mq_notify(q, &event));
  CHECK(mq_unlink("/guest-test-a"));
  CHECK(mq_unlink("/guest-test-a"));
  CHECK(mq_receive(q, text, sizeof text, NULL));
  CHECK(mq_close(q));
  CHECK(mq_close(q));
  CHECK(mq_send(0, "x", 1, 0));
  mqd_t plain = mq_open("/guest-test-b", O_WRONLY | O_CREAT, 0600, NULL);
  CHECK(mq_getattr(plain, &attr));
  say("default max %ld size %ld", attr.mq_maxmsg, attr.mq_msgsize);
  CHECK(mq_receive(plain, text, sizeof text, NULL));
  mq_unlink("/guest-test-b");
  NEED(setrlimit(RLIMIT_MSGQUEUE, &(struct rlimit){1000, 1000}) == 0);
  CHECK(mq_open("/guest-test-c", O_WRONLY | O_CREAT, 0600, NULL));
  return 0;
}
