/*
 * Printing for the guest tests. Each program prints what the kernel answered, and the runner compares the print of a
 * run on Linux with one in the sandbox. Nothing that differs between two runs may be printed: no pids, addresses,
 * times. Every line is one write(2), so that output of forked children and of signal handlers keeps its order.
 */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

__attribute__((format(printf, 1, 2), unused)) static void say(const char *format, ...) {
  char line[1024];
  va_list args;
  int saved = errno;
  va_start(args, format);
  int length = vsnprintf(line, sizeof line - 1, format, args);
  va_end(args);
  if (length > (int)sizeof line - 2) length = sizeof line - 2;
  line[length++] = '\n';
  if (write(1, line, length) != length) _exit(99);
  errno = saved;
}

__attribute__((unused)) static const char *error_name(int error) {
  const char *name = error == 0 ? "0" : strerrorname_np(error);
  return name ? name : "E?";
}

__attribute__((unused)) static long report_value(const char *label, long value) {
  if (value == -1) say("%s = -1 %s", label, error_name(errno));
  else say("%s = %ld", label, value);
  return value;
}

/* For calls whose success value is not deterministic: pids, addresses. */
__attribute__((unused)) static long report_ok(const char *label, long value) {
  if (value == -1) say("%s = -1 %s", label, error_name(errno));
  else say("%s = ok", label);
  return value;
}

__attribute__((unused)) static int report_error(const char *label, int error) {
  say("%s = %s", label, error_name(error));
  return error;
}

/* The label is the call's own text; errno is cleared first so that a stale one cannot be reported. */
#define CHECK(call) (errno = 0, report_value(#call, (long)(call)))
#define CHECK_OK(call) (errno = 0, report_ok(#call, (long)(call)))
/* pthread functions and posix_* return the error. */
#define CHECK_ERROR(call) (report_error(#call, (call)))
/* For what must hold on the way to the point of the test: says so and ends when it does not. */
#define NEED(condition)                                                                \
  do {                                                                                 \
    if (!(condition)) {                                                                \
      say("line %d: not so: %s (errno %s)", __LINE__, #condition, error_name(errno));  \
      _exit(98);                                                                       \
    }                                                                                  \
  } while (0)
#define TRUTH(condition) say("%s: %s", #condition, (condition) ? "yes" : "no")

/* How a child ended, in words. */
__attribute__((unused)) static void say_status(const char *label, int status) {
  if (WIFEXITED(status)) say("%s: exited %d", label, WEXITSTATUS(status));
  else if (WIFSIGNALED(status)) say("%s: killed by %s", label, sigabbrev_np(WTERMSIG(status)));
  else if (WIFSTOPPED(status)) say("%s: stopped by %s", label, sigabbrev_np(WSTOPSIG(status)));
  else if (WIFCONTINUED(status)) say("%s: continued", label);
  else say("%s: status %#x", label, status);
}

__attribute__((unused)) static void wait_and_say(const char *label, pid_t pid) {
  int status = 0;
  pid_t got;
  while ((got = waitpid(pid, &status, 0)) == -1 && errno == EINTR) continue;
  NEED(got == pid);
  say_status(label, status);
}

__attribute__((unused)) static void sleep_ms(long ms) {
  struct timespec left = {ms / 1000, ms % 1000 * 1000000};
  while (nanosleep(&left, &left) == -1 && errno == EINTR) continue;
}

__attribute__((unused)) static long long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

__attribute__((unused)) static void handle(int signal, void (*handler)(int), int flags) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
  NEED(sigaction(signal, &action, NULL) == 0);
}

__attribute__((unused)) static void handle_info(int signal, void (*handler)(int, siginfo_t *, void *), int flags) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO};
  NEED(sigaction(signal, &action, NULL) == 0);
}

__attribute__((unused)) static int write_file(const char *name, const char *text) {
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  NEED(fd >= 0);
  NEED(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
  return close(fd);
}

/* Waits until another process or thread sleeps in the kernel, or has ended: the state letter of /proc/PID/task/TID/stat. */
__attribute__((unused)) static void wait_until_asleep(pid_t pid, pid_t tid) {
  char path[64], text[512];
  for (;;) {
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, tid);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (n <= 0) { /* no such file here: give it ample time */
      sleep_ms(50);
      return;
    }
    text[n] = 0;
    char *end = strrchr(text, ')');
    if (end && (end[2] == 'S' || end[2] == 'Z')) return;
    sched_yield();
  }
}

#endif
