/*
 * Reads commands, a line each, and does what they say in the working directory: `s` tells of every name of a small tree what system
 * calls say of it, the others change it. Ends each answer with a line "--".
 */
#include "check.h"

static const char *const names[] = {"a", "b", "c"};

static void describe(const char *path) {
  struct stat s;
  if (lstat(path, &s) < 0) {
    printf("%s %s\n", path, error_name(errno));
    return;
  }
  printf("%s %o links %d", path, s.st_mode, S_ISDIR(s.st_mode) ? 0 : (int)s.st_nlink);
  if (!S_ISDIR(s.st_mode)) printf(" size %ld", (long)s.st_size);
  char text[64];
  ssize_t n;
  if (S_ISLNK(s.st_mode)) {
    n = readlink(path, text, sizeof text);
    printf(" to %.*s", (int)n, text);
    printf(" which %s", stat(path, &s) < 0 ? error_name(errno) : S_ISDIR(s.st_mode) ? "is a directory" : "is a file");
  } else if (S_ISREG(s.st_mode)) {
    int fd = open(path, O_RDONLY);
    n = fd < 0 ? 0 : read(fd, text, sizeof text);
    printf(" has %.*s", (int)n, text);
    close(fd);
  }
  printf("\n");
}

static void survey(const char *directory, int depth) {
  for (int i = 0; i < 3; i++) {
    char path[64];
    snprintf(path, sizeof path, "%s%s%s", directory, *directory ? "/" : "", names[i]);
    describe(path);
    if (depth > 1) survey(path, depth - 1);
  }
}

static int change(const char *what, const char *one, const char *two) {
  if (strcmp(what, "mkdir") == 0) return mkdir(one, 0755);
  if (strcmp(what, "rmdir") == 0) return rmdir(one);
  if (strcmp(what, "unlink") == 0) return unlink(one);
  if (strcmp(what, "rename") == 0) return rename(one, two);
  if (strcmp(what, "link") == 0) return link(one, two);
  if (strcmp(what, "symlink") == 0) return symlink(two, one);
  if (strcmp(what, "chmod") == 0) return chmod(one, strtol(two, NULL, 8));
  int fd = open(one, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || write(fd, two, strlen(two)) < 0) return -1;
  return close(fd);
}

int main(void) {
  char line[256], what[16], one[64], two[64];
  umask(022);
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (line[0] == 's' && line[1] == '\n') survey("", 3);
    else if (sscanf(line, "%15s %63s %63s", what, one, two) == 3) printf("%s\n", change(what, one, two) < 0 ? error_name(errno) : "done");
    printf("--\n");
    fflush(stdout);
  }
  return 0;
}
