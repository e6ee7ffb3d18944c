/* Code that is called until it is patched, and changed again and again, by one thread while others run it. */
#include "attack.h"

static uint8_t *code;
static volatile int is_over;

static long call(void) {
  long result;
  __asm__ volatile("call *%1" : "=a"(result) : "r"(code) : "rcx", "r11", "memory");
  return result;
}

static void *runner(void *arg) {
  while (!is_over) call();
  return arg;
}

static void set_number(uint8_t nr) {
  mprotect(code, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
  code[1] = nr;
  mprotect(code, 4096, PROT_READ | PROT_EXEC);
}

int main(void) {
  static const uint8_t text[] = {0xb8, SYS_getpid, 0, 0, 0, 0x0f, 0x05, 0xc3};
  code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(code, text, sizeof text);
  mprotect(code, 4096, PROT_READ | PROT_EXEC);
  long pid = getpid(), uid = getuid();
  int wrong = 0;
  for (int round = 0; round < 40; round++) {
    set_number(SYS_getpid);
    for (int i = 0; i < 300; i++) wrong += call() != pid;
    set_number(SYS_getuid);
    for (int i = 0; i < 300; i++) wrong += call() != uid;
  }
  printf("wrong answers %d\n", wrong);
  set_number(SYS_getpid);
  wrong = memcmp(code, text, sizeof text) != 0;
  printf("changed back %d\n", wrong);
  fflush(stdout);
  pthread_t t[3];
  for (int i = 0; i < 3; i++) pthread_create(&t[i], NULL, runner, NULL);
  for (int round = 0; round < 100; round++) {
    set_number(round % 2 ? SYS_getpid : SYS_getppid);
    usleep(1000);
  }
  is_over = 1;
  for (int i = 0; i < 3; i++) pthread_join(t[i], NULL);
  puts("over");
  return 0;
}
