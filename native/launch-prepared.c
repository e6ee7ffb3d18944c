/*
 * Verbs that need no Node: an engine calls `start` and `delete` once a container, and Node takes 20 ms or more to begin. (`exec` is in
 * launch-exec.c.)
 *
 * What they are to do is decided by src/runtime/prepared-verbs.ts when the container is made, and lies in its state directory: the request that
 * starts it, the process whose end must have come before it goes, the control groups to remove. Whatever is not as it should be is left to Node, which does all of
 * it again and says what is wrong, so nothing is printed here. Only a start that was refused is not asked for again: Node gets the answer.
 */
#define _GNU_SOURCE
#include "launch-container.h"
#include "launch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The container's directory, locked for as long as it is open; -errno when it is not there, or another one by now. */
static int lock_directory(const char *path) {
  struct stat opened, named;
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -errno;
  if (flock(fd, LOCK_EX) == 0 && fstat(fd, &opened) == 0 && stat(path, &named) == 0 && opened.st_ino == named.st_ino) return fd;
  close(fd);
  return -ESTALE;
}

/* Sends the request and waits for the answer, however long hooks inside may take: whether it is a yes. */
static int is_granted(int directory, const char *request) {
  static struct control control;
  if (!connect_control(&control, directory)) return 0;
  const char *answer = send_line(&control, request, NULL, 0) ? receive_line(&control) : NULL;
  close(control.fd);
  if (answer == NULL) return 0;
  if (begins_with(answer, "{\"ok\":")) return 1;
  setenv("TSVISOR_START_ANSWER", answer, 1);
  return 0;
}

static int start_prepared(int directory) {
  char *request = read_whole(directory, "start-request", O_NOFOLLOW);
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
  char *plan = read_whole(directory, "removal", O_NOFOLLOW);
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

static int start_or_delete(const char *root, char **verb) {
  const int is_delete = strcmp(*verb, "delete") == 0;
  char path[4096];
  char **word = verb + 1;
  int is_forced = is_delete && *word != NULL && (strcmp(*word, "--force") == 0 || strcmp(*word, "-f") == 0);
  if (is_forced) word++;
  if (!container_path(path, sizeof path, root, *word) || word[1] != NULL) return 0;
  int directory = lock_directory(path);
  /* With --force what is wanted is that there is none. */
  if (directory < 0) return is_forced && directory == -ENOENT;
  int is_done = is_delete ? remove_prepared(directory, path) : start_prepared(directory);
  close(directory);
  return is_done;
}

int run_prepared(char **args, char **verb, int *status) {
  *status = 0;
  if (strcmp(*verb, "exec") == 0) return exec_prepared(read_root(args, verb), verb + 1, status);
  if (strcmp(*verb, "delete") != 0 && strcmp(*verb, "start") != 0) return 0;
  return start_or_delete(read_root(args, verb), verb);
}
