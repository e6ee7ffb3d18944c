/* Hooks of a container that is being made (runtime specification, config.md): the sentry has no rights over the host, so the keeper runs them. */
#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
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

/* Writes what it is to read, reads what it says, until it has ended: whether that was in time. */
static int attend(const struct hook *hook, int pidfd, int input, int said, char *errors, size_t size) {
  const long end = hook->timeout_s > 0 ? now_ms() + hook->timeout_s * 1000 : 0;
  const char *left = hook->input;
  size_t length = 0;
  struct pollfd polled[] = {{pidfd, POLLIN, 0}, {input, POLLOUT, 0}, {said, POLLIN, 0}};
  for (;;) {
    const long wait = end == 0 ? -1 : end - now_ms();
    if (end != 0 && wait <= 0) return 0;
    if (poll(polled, 3, (int)wait) < 0 && errno != EINTR) return 1;
    if (polled[1].revents != 0) {
      /* One that does not read its state is free to. */
      ssize_t written = (polled[1].revents & POLLERR) != 0 ? -1 : write(input, left, strlen(left));
      if (written > 0) left += written;
      if ((written < 0 && errno != EAGAIN) || (polled[1].revents & POLLERR) != 0 || left[0] == 0) {
        close(input);
        polled[1].fd = -1;
      }
    }
    if (polled[2].revents != 0) {
      char more[512];
      ssize_t got = read(said, more, sizeof more);
      if (got <= 0) polled[2].fd = -1;
      for (ssize_t i = 0; i < got && length < size - 1; i++) errors[length++] = more[i];
      errors[length] = 0;
    }
    /* What it started may hold its streams; nothing waits for that. */
    if (polled[0].revents != 0 && polled[2].revents == 0) {
      if (polled[1].fd >= 0) close(input);
      return 1;
    }
  }
}

int run_hook(struct launch *l, const char *request, const char *end, char *errors, size_t size) {
  static struct hook hook;
  int input[2], said[2], failed[2], error = 0, status = 0;
  memset(&hook, 0, sizeof hook);
  if (!read_request(&hook, request, end)) return -EINVAL;
  if (pipe2(input, O_CLOEXEC) != 0 || pipe2(said, O_CLOEXEC) != 0 || pipe2(failed, O_CLOEXEC) != 0) return -errno;
  pid_t child = fork();
  if (child < 0) return -errno;
  if (child == 0) begin_hook(l, &hook, input, said, failed[1]);
  close(input[0]), close(said[1]), close(failed[1]);
  /* The end of that pipe is the beginning of the program. */
  ssize_t told = read(failed[0], &error, sizeof error);
  close(failed[0]);
  int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
  fcntl(input[1], F_SETFL, O_NONBLOCK);
  int is_in_time = 1;
  if (told == sizeof error || pidfd < 0) close(input[1]);
  else is_in_time = attend(&hook, pidfd, input[1], said[0], errors, size);
  if (!is_in_time) kill(child, SIGKILL);
  if (!is_in_time) close(input[1]);
  close(said[0]);
  if (pidfd >= 0) close(pidfd);
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return told == sizeof error ? -error : is_in_time ? status : -ETIMEDOUT;
}
