/* membarrier: the query, registration, and the commands. */
#include "check.h"
#include <linux/membarrier.h>

/* In headers since Linux 6.3. */
#define GET_REGISTRATIONS 512

static long membarrier(int command, unsigned flags, int cpu) { return syscall(SYS_membarrier, command, flags, cpu); }

int main(void) {
  long commands = membarrier(MEMBARRIER_CMD_QUERY, 0, 0);
  int usual = MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED | MEMBARRIER_CMD_GLOBAL_EXPEDITED |
              MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE;
  say("%#lx", commands & usual);
  CHECK(membarrier(MEMBARRIER_CMD_QUERY, 1, 0));
  CHECK(membarrier(1 << 20, 0, 0));
  CHECK(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
  CHECK(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
  CHECK(membarrier(GET_REGISTRATIONS, 0, 0));
  CHECK(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
  CHECK(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
  CHECK(membarrier(GET_REGISTRATIONS, 0, 0));
  CHECK(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 1, 0));
  CHECK(membarrier(MEMBARRIER_CMD_GLOBAL, 0, 0));
  CHECK(membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0));
  CHECK(membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0));
  CHECK(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
  CHECK(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
  CHECK(membarrier(GET_REGISTRATIONS, 0, 0));
  pid_t pid = fork();
  if (pid == 0) {
    CHECK(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    _exit(0);
  }
  wait_and_say("child", pid);
  return 0;
}
