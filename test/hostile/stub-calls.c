/* Jumps to each syscall instruction of the stub with every number and arguments of all kinds, each in a process of its own. */
#include "attack.h"

int main(void) {
  find_sites();
  static const long values[] = {0, 1, -1, 4, 0x7ff000000000, 0x7ff020000000, 0x10000, 1L << 47, 0x7fffffffffffffff};
  for (int s = 0; s < site_count; s++) {
    for (int nr = 0; nr < 470; nr += 7) {
      pid_t pid = fork();
      if (pid == 0) {
        alarm(1);
        for (int i = 0; i < 7; i++) {
          long v[6];
          for (int k = 0; k < 6; k++) v[k] = values[any() % (sizeof values / sizeof *values)];
          by_stub(sites[s], nr + i, v[0], v[1], v[2], v[3], v[4], v[5]);
        }
        _exit(0);
      }
      /* One that waits for ever is ended. */
      for (int i = 0; i < 20 && waitpid(pid, NULL, WNOHANG) == 0; i++) usleep(1000);
      kill(pid, SIGKILL);
      waitpid(pid, NULL, 0);
    }
  }
  return 0;
}
