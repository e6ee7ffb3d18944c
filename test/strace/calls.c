/* Calls of every kind of argument; ../strace.test.ts has what strace(1) prints of them. The first is a mark, the last too. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_signal(int signo) { (void)signo; }

int main(void) {
  int ends[2], status;
  char bytes[64];
  struct stat st;
  struct rlimit limit;
  getppid();
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  pipe2(ends, O_CLOEXEC);
  mkdir("d", 0755);
  int fd = open("d/f", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  struct iovec parts[2] = {{"one\n", 4}, {"\"two\"\1\377", 7}};
  writev(fd, parts, 2);
  pread(fd, bytes, sizeof bytes, 0);
  fstat(fd, &st);
  lseek(fd, -3, SEEK_END);
  ftruncate(fd, 4096);
  char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  mprotect(at, 4096, PROT_READ);
  munmap(at, 4096);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  ioctl(fd, TIOCGWINSZ, NULL);
  open("d/none", O_RDONLY);
  access("d", R_OK | X_OK);
  rename("d/f", "d/g");
  unlinkat(AT_FDCWD, "d/g", 0);
  rmdir("d");
  getrlimit(RLIMIT_NOFILE, NULL);
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 4096});
  getrlimit(RLIMIT_CORE, &limit);
  write(ends[1], "a rather long text, longer than what is shown", 45);
  struct pollfd wanted = {ends[0], POLLIN, 0};
  poll(&wanted, 1, -1);
  dup2(ends[0], 20);
  close(20);
  close(21);
  raise(SIGUSR1);
  pid_t child = fork();
  if (child == 0) _exit(7);
  waitpid(child, &status, 0);
  char *argv[] = {"/nowhere", "with", "words", NULL};
  execve("/nowhere", argv, argv + 3);
  getppid();
  return 0;
}
