/* prctl: attributes that start-up code of runtimes and daemons sets: memory errors, write-execute refusal, the auxiliary vector. */
#include "check.h"
#include <linux/prctl.h>
#include <sys/prctl.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#define PR_GET_MDWE 66
#endif
#ifndef PR_GET_AUXV
#define PR_GET_AUXV 0x41555856
#endif

int main(void) {
  char *pages = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), vector[16];
  CHECK(prctl(PR_SET_DUMPABLE, 1));
  CHECK(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 0, 0));
  CHECK(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0));
  CHECK(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
  CHECK(prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0) == -1);
  pid_t pid = fork();
  if (pid == 0) {
    if (getuid() == 0) NEED(setresuid(4321, 4321, 4321) == 0);
    CHECK(prctl(PR_SET_IO_FLUSHER, 0, 0, 0, 0));
    CHECK(prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0));
    _exit(0);
  }
  wait_and_say("unprivileged", pid);
  CHECK(prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0));
  CHECK(prctl(PR_GET_MDWE, 0, 0, 0, 0));
  CHECK(mprotect(pages + 4096, 4096, PROT_READ | PROT_EXEC));
  CHECK(mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
  CHECK(prctl(PR_SET_MDWE, 0, 0, 0, 0));
  CHECK(prctl(PR_GET_AUXV, vector, 16, 0, 0) > 16);
  CHECK(prctl(PR_GET_UNALIGN, vector));
  CHECK(prctl(PR_GET_FPEMU, vector));
  CHECK(prctl(PR_GET_ENDIAN, vector));
  CHECK(prctl(PR_TASK_PERF_EVENTS_DISABLE, 0, 0, 0, 0));
  return 0;
}
