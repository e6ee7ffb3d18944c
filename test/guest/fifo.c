/* FIFOs: open rendezvous, ENXIO, O_RDWR, hang-up and reopening, interruption of a waiting open. */
#include "check.h"

static void on_signal(int signal) { (void)signal; }

int main(void) {
  char text[16];
  CHECK(mkfifo("p", 0600));
  CHECK(mkfifo("p", 0600));
  CHECK(open("p", O_WRONLY | O_NONBLOCK));
  int rd = open("p", O_RDONLY | O_NONBLOCK);
  CHECK(read(rd, text, 1));
  struct pollfd poll_in = {rd, POLLIN, 0};
  CHECK(poll(&poll_in, 1, 0));
  int wr = open("p", O_WRONLY | O_NONBLOCK);
  CHECK(wr);
  CHECK(read(rd, text, 1));
  CHECK(write(wr, "hello", 5));
  CHECK(read(rd, text, sizeof text));
  CHECK(close(wr));
  CHECK(read(rd, text, 1));
  CHECK(poll(&poll_in, 1, 0));
  say("%#x", poll_in.revents);
  wr = open("p", O_WRONLY);
  poll_in.revents = 0;
  CHECK(poll(&poll_in, 1, 0));
  close(wr);
  close(rd);
  int both = open("p", O_RDWR);
  CHECK(write(both, "self", 4));
  CHECK(read(both, text, sizeof text));
  /* What is left in it is gone when the last one closes. */
  CHECK(write(both, "lost", 4));
  close(both);
  rd = open("p", O_RDONLY | O_NONBLOCK);
  CHECK(read(rd, text, sizeof text));
  close(rd);
  /* Rendezvous: the opener for reading waits for the writer. */
  pid_t pid = fork();
  if (pid == 0) {
    int fd = open("p", O_RDONLY);
    ssize_t n = read(fd, text, sizeof text);
    say("reader got %.*s", (int)n, text);
    CHECK(read(fd, text, sizeof text));
    _exit(0);
  }
  wait_until_asleep(pid, pid);
  wr = open("p", O_WRONLY);
  NEED(write(wr, "meet", 4) == 4);
  close(wr);
  wait_and_say("reader", pid);
  handle(SIGALRM, on_signal, 0);
  struct timespec ms = {0, 30000000};
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
  NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  struct itimerspec once = {{1, 0}, ms};
  NEED(timer_settime(timer, 0, &once, NULL) == 0);
  CHECK(open("p", O_RDONLY));
  NEED(timer_settime(timer, 0, &once, NULL) == 0);
  CHECK(open("p", O_WRONLY));
  struct stat st;
  NEED(stat("p", &st) == 0);
  say("%o %ld", st.st_mode, (long)st.st_size);
  CHECK(unlink("p"));
  return 0;
}
