/* vfork and posix_spawn: shared memory, the parent waits, exec and exit release it, errors travel back. */
#include "check.h"
#include <spawn.h>

extern char **environ;
static volatile int shared;

static pid_t run(int how) {
  pid_t pid = vfork();
  if (pid == 0) {
    shared = how + 1;
    if (how == 1) execl("/bin/true", "true", NULL);
    if (how == 2) execl("/bin/false", "false", NULL);
    if (how == 3) execl("missing", "missing", NULL);
    if (how == 4) kill(getpid(), SIGKILL);
    _exit(how == 3 ? errno : 7);
  }
  return pid;
}

int main(void) {
  for (int how = 0; how < 5; how++) {
    shared = 0;
    pid_t pid = run(how);
    say("way %d: shared %d", how, shared);
    wait_and_say("  child", pid);
  }
  /* The descriptor table is copied, not shared. */
  int fd = open("f", O_RDWR | O_CREAT, 0600);
  pid_t pid = vfork();
  if (pid == 0) {
    close(fd);
    _exit(0);
  }
  wait_and_say("closer", pid);
  CHECK(write(fd, "x", 1));
  char *args[] = {"sh", "-c", "echo spawned; exit 5", NULL};
  /* It prints nothing: whether it would do so before the parent is not certain. */
  char *silent[] = {"sh", "-c", "exit 6", NULL};
  CHECK_ERROR(posix_spawn(&pid, "/bin/sh", NULL, NULL, silent, environ));
  wait_and_say("spawned", pid);
  CHECK_ERROR(posix_spawn(&pid, "/missing", NULL, NULL, args, environ));
  CHECK_ERROR(posix_spawn(&pid, "f", NULL, NULL, args, environ));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "out", O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addclose(&actions, fd);
  CHECK_ERROR(posix_spawnp(&pid, "sh", &actions, NULL, args, environ));
  wait_and_say("spawned", pid);
  char text[32] = "";
  int out = open("out", O_RDONLY);
  NEED(read(out, text, sizeof text - 1) > 0);
  say("out: %.7s", text);
  CHECK(WEXITSTATUS(system("exit 9")));
  FILE *pipe_from = popen("echo through popen", "r");
  NEED(fgets(text, sizeof text, pipe_from) != NULL);
  text[strcspn(text, "\n")] = 0;
  say("%s", text);
  CHECK(pclose(pipe_from));
  /* A grandchild made inside vfork. */
  pid = vfork();
  if (pid == 0) {
    pid_t inner = vfork();
    if (inner == 0) _exit(4);
    int status;
    waitpid(inner, &status, 0);
    _exit(WEXITSTATUS(status) + 1);
  }
  wait_and_say("nested", pid);
  for (int i = 0; i < 20; i++) {
    pid = vfork();
    if (pid == 0) {
      execl("/bin/true", "true", NULL);
      _exit(1);
    }
    int status;
    NEED(waitpid(pid, &status, 0) == pid && status == 0);
  }
  say("twenty done");
  return 0;
}
