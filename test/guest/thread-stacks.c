/* A thread's memory may go as soon as it has been joined: nothing of the ended thread touches it any more. */
#include "check.h"
#include <pthread.h>

#define STACK_SIZE 65536

static void *run(void *argument) { return argument; }

int main(void) {
  int joined = 0;
  for (int i = 0; i < 300; i++) {
    pthread_t thread;
    pthread_attr_t attributes;
    char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(stack != MAP_FAILED);
    NEED(pthread_attr_init(&attributes) == 0);
    NEED(pthread_attr_setstack(&attributes, stack, STACK_SIZE) == 0);
    NEED(pthread_create(&thread, &attributes, run, stack) == 0);
    void *result = NULL;
    NEED(pthread_join(thread, &result) == 0);
    joined += result == stack;
    NEED(munmap(stack, STACK_SIZE) == 0);
  }
  say("joined %d", joined);
  return 0;
}
