/* Hooks of a container that is being made (runtime specification, config.md): the sentry has no rights over the host, so the keeper runs them. */
#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_WORDS 4096

struct hook {
  long timeout_s; /* 0 for none */
  const char *path;
  char *words[MAX_WORDS];
  char **arguments, **environment;
  const char *input;
};

/* Takes so many words of the request, with a NULL behind. @returns what comes after them, NULL when it ends before */
static const char *take_words(char **words, size_t count, const char *text, const char *end) {
  for (size_t i = 0; i < count && text != NULL; i++, text = next_text(text, end)) words[i] = (char *)text;
  words[count] = NULL;
  return text;
}

/* @returns whether the request is whole */
static int read_request(struct hook *hook, const char *text, const char *end) {
  const char *numbers[3] = {text, NULL, NULL};
  for (int i = 1; i < 3; i++)
    if (numbers[i - 1] == NULL || (numbers[i] = next_text(numbers[i - 1], end)) == NULL) return 0;
  const size_t arguments = strtoul(numbers[1], NULL, 10), variables = strtoul(numbers[2], NULL, 10);
  hook->timeout_s = atol(numbers[0]);
  hook->path = next_text(numbers[2], end);
  if (hook->path == NULL || arguments > MAX_WORDS - 2 || variables > MAX_WORDS - 2 - arguments) return 0;
  hook->arguments = hook->words;
  hook->environment = hook->words + arguments + 1;
  text = take_words(hook->arguments, arguments, next_text(hook->path, end), end);
  hook->input = text == NULL ? NULL : take_words(hook->environment, variables, text, end);
  return hook->input != NULL;
}

static _Noreturn void begin_hook(const struct launch *l, const struct hook *hook, const int input[2], const int errors[2], int failed) {
  go_home(l);
  if (dup2(input[0], 0) == 0 && dup2(l->nothing, 1) == 1 && dup2(errors[1], 2) == 2 && fchdir(l->home) == 0) {
    close_range(3, (unsigned)failed - 1, 0);
    close_range((unsigned)failed + 1, ~0U, 0);
    sigprocmask(SIG_SETMASK, &l->signals, NULL);
    execve(hook->path, hook->arguments, hook->environment);
  }
  int error = errno;
  if (write(failed, &error, sizeof error) != sizeof error) _exit(126);
  _exit(127);
}

static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void close_once(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

/* Writes what it is to read, and closes that when it has all; reads what it says, until it has ended: whether that was in time. */
static int attend(const struct hook *hook, int pidfd, int *input, int said, char *errors, size_t size) {
  const long end = hook->timeout_s > 0 ? now_ms() + hook->timeout_s * 1000 : 0;
  const char *left = hook->input;
  size_t length = 0;
  struct pollfd polled[] = {{pidfd, POLLIN, 0}, {*input, POLLOUT, 0}, {said, POLLIN, 0}};
  for (;;) {
    polled[1].fd = *input;
    const long wait = end == 0 ? -1 : end - now_ms();
    if (end != 0 && wait <= 0) return 0;
    if (poll(polled, 3, wait > INT_MAX ? INT_MAX : (int)wait) < 0 && errno != EINTR) return 1;
    if (polled[1].revents != 0) {
      /* One that does not read its state is free to. */
      ssize_t written = (polled[1].revents & POLLERR) != 0 ? -1 : write(*input, left, strlen(left));
      if (written > 0) left += written;
      if ((written < 0 && errno != EAGAIN) || (polled[1].revents & POLLERR) != 0 || left[0] == 0) close_once(input);
    }
    if (polled[2].revents != 0) {
      char more[512];
      ssize_t got = read(said, more, sizeof more);
      if (got <= 0) polled[2].fd = -1;
      for (ssize_t i = 0; i < got && length < size - 1; i++) errors[length++] = more[i];
      errors[length] = 0;
    }
    /* What it started may hold its streams; nothing waits for that. */
    if (polled[0].revents != 0 && polled[2].revents == 0) return 1;
  }
}

/* The pipes that it reads, says and fails by, each with the reading end first: whether they are there. */
static int make_pipes(int pipes[3][2]) {
  memset(pipes, -1, 3 * sizeof *pipes);
  for (int i = 0; i < 3; i++)
    if (pipe2(pipes[i], O_CLOEXEC) != 0) return 0;
  return 1;
}

/* Attends to the hook `child` until it has ended. @returns as run_hook does */
static int see_to(const struct hook *hook, pid_t child, int *input, int said, int failed, char *errors, size_t size) {
  int error = 0, status = 0, is_in_time = 1;
  /* The end of that pipe is the beginning of the program. */
  ssize_t told = read(failed, &error, sizeof error);
  int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
  fcntl(*input, F_SETFL, O_NONBLOCK);
  if (told != sizeof error && pidfd >= 0) is_in_time = attend(hook, pidfd, input, said, errors, size);
  close_once(input);
  if (!is_in_time) kill(child, SIGKILL);
  close_once(&pidfd);
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return told == sizeof error ? -error : is_in_time ? status : -ETIMEDOUT;
}

int run_hook(struct launch *l, const char *request, const char *end, char *errors, size_t size) {
  static struct hook hook;
  int pipes[3][2];
  memset(&hook, 0, sizeof hook);
  if (!read_request(&hook, request, end)) return -EINVAL;
  pid_t child = make_pipes(pipes) ? fork() : -1;
  int result = -errno;
  if (child == 0) begin_hook(l, &hook, pipes[0], pipes[1], pipes[2][1]);
  close_once(&pipes[0][0]), close_once(&pipes[1][1]), close_once(&pipes[2][1]);
  if (child > 0) result = see_to(&hook, child, &pipes[0][1], pipes[1][0], pipes[2][0], errors, size);
  close_once(&pipes[0][1]), close_once(&pipes[1][0]), close_once(&pipes[2][0]);
  return result;
}
