/*
 * A container, as verbs without Node see it: where its state is, and its sandbox at the other end of the control socket, to which
 * one line is one message (src/sentry/control-server.ts).
 */
#define _GNU_SOURCE
#include "launch-container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_ROOT "/run/runsc"

/* Flags before the verb that change nothing about what is done here when all goes well, each with a value. */
static const char *const passed_over[] = {"--log", "--log-format"};

static int is_in(const char *word, size_t length, const char *const *list, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (strlen(list[i]) == length && strncmp(word, list[i], length) == 0) return 1;
  return 0;
}

const char *read_root(char **args, char *const *verb) {
  const char *root = NULL;
  while (args < (char **)verb) {
    const char *flag = *args++;
    const char *equals = strchr(flag, '=');
    const size_t length = equals == NULL ? strlen(flag) : (size_t)(equals - flag);
    const char *value = equals == NULL ? *args++ : equals + 1;
    if (args > (char **)verb) return NULL;
    if (length == strlen("--root") && strncmp(flag, "--root", length) == 0) root = value;
    else if (!is_in(flag, length, passed_over, sizeof passed_over / sizeof passed_over[0])) return NULL;
  }
  /* An ordinary user's is elsewhere, and a path that is not absolute is no place to be wrong about. */
  if (root == NULL) return geteuid() == 0 && getenv("XDG_RUNTIME_DIR") == NULL ? DEFAULT_ROOT : NULL;
  return root[0] == '/' ? root : NULL;
}

/* As StateDirectory has it. */
static int is_name(const char *text) {
  if (text == NULL || text[0] == 0 || text[0] == '-' || strlen(text) > 255 || strcmp(text, ".") == 0 || strcmp(text, "..") == 0) return 0;
  return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+.-")] == 0;
}

int container_path(char *path, size_t size, const char *root, const char *id) {
  return root != NULL && is_name(id) && (size_t)snprintf(path, size, "%s/%s", root, id) < size;
}

char *read_whole(int directory, const char *name, int flags) {
  struct stat found;
  char *text = NULL;
  int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | flags);
  if (fd >= 0 && fstat(fd, &found) == 0 && S_ISREG(found.st_mode) && found.st_size > 0 && found.st_size <= MAX_PREPARED)
    text = malloc((size_t)found.st_size + 1);
  if (text != NULL && read(fd, text, (size_t)found.st_size) != found.st_size) {
    free(text);
    text = NULL;
  }
  if (text != NULL) text[found.st_size] = 0;
  if (fd >= 0) close(fd);
  return text;
}

int connect_control(struct control *c, int directory) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  /* A path may be longer than an address. */
  snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/control.sock", directory);
  c->length = c->taken = 0;
  c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (c->fd < 0) return 0;
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address) == 0) return 1;
  close(c->fd);
  return 0;
}

int send_line(const struct control *c, const char *line, const int *fds, int count) {
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(MAX_PASSED * sizeof(int))];
  } control = {0};
  size_t left = strlen(line);
  for (int passed = count > MAX_PASSED ? MAX_PASSED : count; left > 0; passed = 0) {
    struct iovec iov = {(char *)line, left};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (passed > 0) {
      const size_t length = (size_t)passed * sizeof *fds;
      msg.msg_control = &control;
      msg.msg_controllen = CMSG_SPACE(length);
      struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
      c->cmsg_level = SOL_SOCKET;
      c->cmsg_type = SCM_RIGHTS;
      c->cmsg_len = CMSG_LEN(length);
      memcpy(CMSG_DATA(c), fds, length);
    }
    ssize_t sent = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return 0;
    line += sent;
    left -= (size_t)sent;
  }
  return 1;
}

char *receive_line(struct control *c) {
  memmove(c->text, c->text + c->taken, c->length - c->taken);
  c->length -= c->taken;
  c->taken = 0;
  for (;;) {
    char *end = memchr(c->text, '\n', c->length);
    if (end != NULL) {
      *end = 0;
      c->taken = (size_t)(end + 1 - c->text);
      return c->text;
    }
    if (c->length == sizeof c->text) return NULL;
    ssize_t received = recv(c->fd, c->text + c->length, sizeof c->text - c->length, 0);
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0) return NULL;
    c->length += (size_t)received;
  }
}

int has_line(const struct control *c) { return memchr(c->text + c->taken, '\n', c->length - c->taken) != NULL; }

int begins_with(const char *text, const char *begin) { return strncmp(text, begin, strlen(begin)) == 0; }
