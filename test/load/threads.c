/* 500 threads in one process, twice: all at once at a barrier, then through one mutex, one condition and their own pipes. */
#include "check.h"
#include <pthread.h>

#define COUNT 500

static pthread_barrier_t barrier;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static long sum;
static int turn;

static void *work(void *arg) {
  long number = (long)arg;
  int ends[2];
  char byte = (char)number, back = 0;
  pthread_barrier_wait(&barrier);
  NEED(pipe(ends) == 0);
  for (int i = 0; i < 50; i++) {
    NEED(write(ends[1], &byte, 1) == 1 && read(ends[0], &back, 1) == 1 && back == byte);
    pthread_mutex_lock(&mutex);
    sum++;
    pthread_mutex_unlock(&mutex);
  }
  close(ends[0]);
  close(ends[1]);
  /* One after the other. */
  pthread_mutex_lock(&mutex);
  while (turn != number % 10) pthread_cond_wait(&turned, &mutex);
  pthread_mutex_unlock(&mutex);
  return arg;
}

int main(void) {
  pthread_t ids[COUNT];
  pthread_attr_t small;
  NEED(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, 65536) == 0);
  for (int round = 0; round < 2; round++) {
    sum = turn = 0;
    NEED(pthread_barrier_init(&barrier, NULL, COUNT + 1) == 0);
    for (long i = 0; i < COUNT; i++) NEED(pthread_create(&ids[i], &small, work, (void *)i) == 0);
    pthread_barrier_wait(&barrier);
    for (int t = 0; t < 10; t++) {
      pthread_mutex_lock(&mutex);
      turn = t;
      pthread_cond_broadcast(&turned);
      pthread_mutex_unlock(&mutex);
      for (long i = t; i < COUNT; i += 10) {
        void *result;
        NEED(pthread_join(ids[i], &result) == 0 && (long)result == i);
      }
    }
    say("sum %ld", sum);
    pthread_barrier_destroy(&barrier);
  }
  return 0;
}
