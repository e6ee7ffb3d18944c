/* Writes over all mailboxes, the stub's data and its stacks while other threads make calls. */
#include "attack.h"

static void *caller(void *arg) {
  for (;;) {
    getppid();
    char *m = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m != MAP_FAILED) munmap(m, 65536);
    int fd = open("/etc/passwd", O_RDONLY);
    char b[100];
    read(fd, b, sizeof b);
    close(fd);
  }
  return arg;
}

int main(void) {
  pthread_t t;
  for (int i = 0; i < 4; i++) pthread_create(&t, NULL, caller, NULL);
  volatile uint64_t *boxes = (uint64_t *)MAILBOXES;
  double end = now() + 1;
  while (now() < end) {
    for (int i = 0; i < 2000; i++) {
      /* Mostly the first lines, where the conversation is. */
      uint64_t slot = any() % 6, word = any() % 4 != 0 ? any() % 64 : any() % 4096;
      uint64_t value = any() % 3 == 0 ? any() : any() % 8;
      boxes[slot * (MAILBOX_STRIDE / 8) + word] = value;
    }
  }
  volatile uint64_t *data = (uint64_t *)STUB_DATA_START;
  for (int i = 0; i < STUB_DATA_SIZE / 8; i++) data[i] = any();
  _exit(0);
}
