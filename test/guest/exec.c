/* execve: arguments, environment, what survives it, close-on-exec, #! scripts, every refusal. */
#include "check.h"
#include <sys/resource.h>

static char *self;

static void in_child(const char *label, const char *file, char *const args[], char *const env[]) {
  pid_t pid = fork();
  if (pid == 0) {
    execve(file, args, env);
    say("execve %s", error_name(errno));
    _exit(77);
  }
  wait_and_say(label, pid);
}

static void on_signal(int signal) { (void)signal; }

static int second_life(int argc, char **argv, char **env) {
  for (int i = 0; i < argc; i++) say("  argv[%d]=%s", i, strchr(argv[i], '/') && i == 0 ? "path" : argv[i]);
  for (int i = 0; env[i] && i < 5; i++) say("  env %s", env[i]);
  sigset_t mask, pending;
  sigprocmask(SIG_BLOCK, NULL, &mask);
  sigpending(&pending);
  struct sigaction a, b;
  sigaction(SIGUSR1, NULL, &a);
  sigaction(SIGUSR2, NULL, &b);
  say("  blocked %d pending %d handler reset %d ignored kept %d", sigismember(&mask, SIGHUP), sigismember(&pending, SIGHUP),
      a.sa_handler == SIG_DFL, b.sa_handler == SIG_IGN);
  say("  fd 40 %d fd 41 %d umask %o", fcntl(40, F_GETFD), fcntl(41, F_GETFD), umask(0));
  stack_t stack;
  sigaltstack(NULL, &stack);
  say("  alternate stack off %d", stack.ss_flags == SS_DISABLE);
  return 66;
}

int main(int argc, char **argv, char **env) {
  /* Anything but a plain start is a program that a test below executed: it must never run the tests again. */
  if (argc != 1 || strcmp(argv[0], "second") == 0) return second_life(argc, argv, env);
  self = argv[0];
  char *plain[] = {"second", "one", "", "three words here", NULL}, *some[] = {"A=1", "B=", "odd", NULL}, *none[] = {NULL};
  signal(SIGUSR2, SIG_IGN);
  handle(SIGUSR1, on_signal, 0);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGHUP);
  sigprocmask(SIG_BLOCK, &set, NULL);
  NEED(dup3(0, 40, O_CLOEXEC) == 40 && dup2(0, 41) == 41);
  stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
  NEED(sigaltstack(&stack, NULL) == 0);
  umask(027);
  in_child("arguments", self, plain, some);
  in_child("no environment", self, plain, none);
  in_child("null environment", self, plain, NULL);
  in_child("missing", "missing", plain, none);
  in_child("empty", "", plain, none);
  in_child("directory", ".", plain, none);
  in_child("under a file", "/dev/null/x", plain, none);
  write_file("data", "just text\n");
  in_child("not executable", "data", plain, none);
  NEED(chmod("data", 0755) == 0);
  in_child("no format", "data", plain, none);
  write_file("empty", "");
  NEED(chmod("empty", 0755) == 0);
  in_child("empty file", "empty", plain, none);
  write_file("elf", "\177ELF");
  NEED(chmod("elf", 0755) == 0);
  in_child("four bytes of ELF", "elf", plain, none);
  char script[5000];
  snprintf(script, sizeof script, "#!%s second arg with spaces \nrest", self);
  write_file("script", script);
  NEED(chmod("script", 0755) == 0);
  in_child("script", "./script", (char *[]){"name", "a", "b", NULL}, none);
  write_file("script2", "#! ./script\n");
  NEED(chmod("script2", 0755) == 0);
  in_child("script of script", "./script2", (char *[]){"name", "a", NULL}, none);
  write_file("bad", "#!/missing/interpreter\n");
  NEED(chmod("bad", 0755) == 0);
  in_child("missing interpreter", "./bad", plain, none);
  write_file("nothing", "#!\n");
  NEED(chmod("nothing", 0755) == 0);
  in_child("no interpreter", "./nothing", plain, none);
  write_file("loop", "#!./loop\n");
  NEED(chmod("loop", 0755) == 0);
  in_child("loop", "./loop", plain, none);
  memset(script, 'x', sizeof script);
  memcpy(script, "#!/", 3);
  script[400] = 0;
  write_file("long", script);
  NEED(chmod("long", 0755) == 0);
  in_child("long line", "./long", plain, none);
  int busy = open("copy", O_RDWR | O_CREAT, 0755);
  NEED(write(busy, "#!/bin/true\n", 12) == 12);
  in_child("open for writing", "./copy", plain, none);
  close(busy);
  in_child("closed again", "./copy", plain, none);
  static char big[140000];
  memset(big, 'b', sizeof big - 1);
  in_child("argument too long", self, (char *[]){"second", big, NULL}, none);
  big[131071] = 0;
  pid_t pid = fork();
  if (pid == 0) {
    dup2(open("/dev/null", O_WRONLY), 1);
    execve(self, (char *[]){"second", big, NULL}, none);
    _exit(1);
  }
  wait_and_say("argument just fits", pid);
  in_child("bad argument pointer", self, (char *[]){"second", (char *)8, NULL}, none);
  in_child("bad vector", self, (char **)8, none);
  in_child("bad path", (char *)8, plain, none);
  pid = fork();
  if (pid == 0) {
    int fd = open(self, O_RDONLY | O_CLOEXEC);
    char *fd_args[] = {"second", "by descriptor", NULL};
    syscall(SYS_execveat, fd, "", fd_args, none, AT_EMPTY_PATH);
    _exit(1);
  }
  wait_and_say("execveat", pid);
  CHECK(syscall(SYS_execveat, AT_FDCWD, "", plain, none, 0));
  CHECK(syscall(SYS_execveat, 99, "x", plain, none, 0));
  CHECK(syscall(SYS_execveat, AT_FDCWD, self, plain, none, 0x8));
  return 0;
}
