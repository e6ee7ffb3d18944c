/*
 * Verbs that need no Node: an engine calls `start` and `delete` once a container, and Node takes 20 ms or more to begin.
 *
 * What they are to do is decided by src/runtime/prepared-verbs.ts when the container is made, and lies in its state directory: the request that
 * starts it, the process whose end must have come before it goes, the control groups to remove. Whatever is not as it should be is left to Node, which does all of
 * it again and says what is wrong, so nothing is printed here. Only a start that was refused is not asked for again: Node gets the answer.
 */
#define _GNU_SOURCE
#include "launch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_PREPARED (1 << 20)
#define MAX_ANSWER 65536
#define DEFAULT_ROOT "/run/runsc"

/* Flags before the verb that change nothing about what is done here when all goes well, each with a value. */
static const char *const passed_over[] = {"--log", "--log-format"};

static int is_in(const char *word, size_t length, const char *const *list, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (strlen(list[i]) == length && strncmp(word, list[i], length) == 0) return 1;
  return 0;
}

/* Reads the flags before `verb`: the directory of containers, or NULL when there are some that this is not for. */
static const char *read_root(char **args, char *const *verb) {
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

/* The container's directory, locked for as long as it is open; -errno when it is not there, or another one by now. */
static int lock_directory(const char *path) {
  struct stat opened, named;
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -errno;
  if (flock(fd, LOCK_EX) == 0 && fstat(fd, &opened) == 0 && stat(path, &named) == 0 && opened.st_ino == named.st_ino) return fd;
  close(fd);
  return -ESTALE;
}

/* A file of the directory, with a zero behind; NULL when there is none. */
static char *read_prepared(int directory, const char *name) {
  struct stat found;
  char *text = NULL;
  int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd >= 0 && fstat(fd, &found) == 0 && found.st_size > 0 && found.st_size <= MAX_PREPARED) text = malloc((size_t)found.st_size + 1);
  if (text != NULL && read(fd, text, (size_t)found.st_size) != found.st_size) {
    free(text);
    text = NULL;
  }
  if (text != NULL) text[found.st_size] = 0;
  if (fd >= 0) close(fd);
  return text;
}

/* Sends the request, one line, and waits for the answer, a line too, however long hooks inside may take: whether it is a yes. */
static int is_granted(int directory, const char *request) {
  static char answer[MAX_ANSWER];
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char *end = NULL;
  size_t length = 0;
  /* A path may be longer than an address. */
  snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/control.sock", directory);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  int goes_on = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
  for (size_t left = strlen(request); goes_on && left > 0;) {
    ssize_t sent = send(fd, request, left, MSG_NOSIGNAL);
    goes_on = sent > 0;
    if (goes_on) request += sent, left -= (size_t)sent;
  }
  while (goes_on && end == NULL && length < sizeof answer - 1) {
    ssize_t received = recv(fd, answer + length, sizeof answer - 1 - length, 0);
    if (received < 0 && errno == EINTR) continue;
    goes_on = received > 0;
    if (goes_on) length += (size_t)received;
    end = memchr(answer, '\n', length);
  }
  close(fd);
  if (end == NULL) return 0;
  *end = 0;
  if (strncmp(answer, "{\"ok\":", strlen("{\"ok\":")) == 0) return 1;
  setenv("TSVISOR_START_ANSWER", answer, 1);
  return 0;
}

static int start_prepared(int directory) {
  char *request = read_prepared(directory, "start-request");
  int is_started = request != NULL && is_granted(directory, request);
  free(request);
  return is_started;
}

/* Whether the process "PID STARTTIME" has ended, be it that nobody has asked for its status. */
static int has_ended(const char *line) {
  char path[64], text[1024];
  unsigned long long wanted = 0;
  long pid = 0;
  if (sscanf(line, "%ld %llu", &pid, &wanted) != 2 || pid <= 0) return 0;
  snprintf(path, sizeof path, "/proc/%ld/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return errno == ESRCH;
  text[length] = 0;
  const char *state = strrchr(text, ')');
  if (state == NULL || state[1] == 0) return 0;
  return state[2] == 'Z' || state[2] == 'X' || field_after(state, 22) != wanted;
}

static int remove_prepared(int directory, const char *path) {
  char *plan = read_prepared(directory, "removal");
  char *groups = plan == NULL ? NULL : strchr(plan, '\n');
  int goes_on = groups != NULL && has_ended(plan);
  for (char *group = groups == NULL ? NULL : groups + 1; goes_on && group[0] != 0;) {
    char *end = strchr(group, '\n');
    if (end == NULL) break;
    *end = 0;
    goes_on = remove_directory(group) == 0;
    group = end + 1;
  }
  free(plan);
  if (!goes_on) return 0;
  DIR *files = fdopendir(fcntl(directory, F_DUPFD_CLOEXEC, 0));
  if (files == NULL) return 0;
  for (struct dirent *entry; (entry = readdir(files)) != NULL;) unlinkat(directory, entry->d_name, 0);
  closedir(files);
  return rmdir(path) == 0;
}

int run_prepared(char **args, char **verb) {
  const int is_delete = strcmp(*verb, "delete") == 0;
  if (!is_delete && strcmp(*verb, "start") != 0) return 0;
  const char *root = read_root(args, verb);
  char **word = verb + 1;
  int is_forced = is_delete && *word != NULL && (strcmp(*word, "--force") == 0 || strcmp(*word, "-f") == 0);
  if (is_forced) word++;
  if (root == NULL || !is_name(*word) || word[1] != NULL) return 0;
  char path[4096];
  if ((size_t)snprintf(path, sizeof path, "%s/%s", root, *word) >= sizeof path) return 0;
  int directory = lock_directory(path);
  /* With --force what is wanted is that there is none. */
  if (directory < 0) return is_forced && directory == -ENOENT;
  int is_done = is_delete ? remove_prepared(directory, path) : start_prepared(directory);
  close(directory);
  return is_done;
}
