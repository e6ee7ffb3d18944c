/* Every byte of an ELF header and of the first program headers with other values: what execve says and how the program ends. */
#include "check.h"
#include <elf.h>
#include <sys/resource.h>

static unsigned char *image;
static size_t size;

/* How a mutated copy of this program fares: an errno name, an exit code or a signal. */
static void attempt(char *out, size_t room) {
  int fd = open("mutant", O_WRONLY | O_CREAT | O_TRUNC, 0755);
  NEED(fd >= 0 && write(fd, image, size) == (ssize_t)size);
  close(fd);
  int failed[2];
  NEED(pipe2(failed, O_CLOEXEC) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    char *args[] = {"mutant", "child", NULL}, *none[] = {NULL};
    int null = open("/dev/null", O_WRONLY);
    dup2(null, 2);
    alarm(25);
    execve("mutant", args, none);
    int error = errno;
    write(failed[1], &error, sizeof error);
    _exit(99);
  }
  close(failed[1]);
  int error = 0, status;
  ssize_t n = read(failed[0], &error, sizeof error);
  close(failed[0]);
  NEED(waitpid(pid, &status, 0) == pid);
  if (n == sizeof error) snprintf(out, room, "%s", error_name(error));
  else if (WIFSIGNALED(status)) snprintf(out, room, "killed");
  else snprintf(out, room, "exit %d", WEXITSTATUS(status));
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "child") == 0) return 42;
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  int fd = open(argv[0], O_RDONLY);
  struct stat s;
  NEED(fd >= 0 && fstat(fd, &s) == 0);
  size = (size_t)s.st_size;
  image = malloc(size);
  NEED(read(fd, image, size) == (ssize_t)size);
  char outcome[64];
  attempt(outcome, sizeof outcome);
  say("untouched: %s", outcome);
  /* The header, and the first two segments. */
  size_t end = sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr);
  for (size_t at = 0; at < end; at++) {
    unsigned char old = image[at];
    const unsigned char values[] = {0, 0xff, old ^ 1};
    char line[200] = "";
    for (int i = 0; i < 3; i++) {
      if (values[i] == old) continue;
      image[at] = values[i];
      attempt(outcome, sizeof outcome);
      strcat(strcat(line, " "), outcome);
    }
    image[at] = old;
    say("%zu:%s", at, line);
  }
  size_t whole = size;
  static const size_t lengths[] = {0, 1, 4, 16, 63, 64, 100, 4096};
  for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    size = lengths[i];
    attempt(outcome, sizeof outcome);
    say("cut to %zu: %s", size, outcome);
  }
  size = whole;
  return 0;
}
