/* A child of vfork(2) that waits in the stub's text, where no interrupt reaches it: killed after its parent, it is the last of its address space. */
#include "attack.h"
#include <sched.h>

static char stack[65536] __attribute__((aligned(16)));
static int up[2];

static int stay(void *arg) {
  static uint32_t word;
  pid_t self = getpid();
  (void)arg;
  if (write(up[1], &self, sizeof self) != sizeof self) _exit(1);
  for (;;) by_stub(sites[0], SYS_futex, (long)&word, 0 /* FUTEX_WAIT */, 0, 0, 0, 0);
  return 0;
}

int main(void) {
  find_sites();
  if (pipe(up) != 0) return 1;
  pid_t parent = fork();
  if (parent == 0) {
    clone(stay, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
    _exit(1);
  }
  close(up[1]);
  pid_t child;
  int status;
  if (read(up[0], &child, sizeof child) != sizeof child) return 1;
  if (kill(parent, SIGKILL) != 0 || waitpid(parent, &status, 0) != parent || !WIFSIGNALED(status)) return 2;
  /* The descriptor closes when the child is over. */
  if (kill(child, SIGKILL) != 0 || read(up[0], &child, 1) != 0) return 3;
  puts("both ended");
  return 0;
}
