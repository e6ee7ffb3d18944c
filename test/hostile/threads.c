/* A thread a millisecond, each of which ends at once or sleeps for ever. */
#include "attack.h"

static void *run(void *arg) {
  if (arg) pause();
  return NULL;
}

int main(void) {
  int made = 0;
  double start = now();
  /* For a second, or as long as a busy machine needs for a hundred. */
  for (int i = 0; now() < start + 1 || (made <= 100 && now() < start + 30); i++) {
    pthread_t t;
    if (pthread_create(&t, NULL, run, (void *)(long)(i % 4 == 0)) != 0) continue;
    made++;
    if (i % 4 != 0) pthread_detach(t);
    usleep(500);
  }
  printf("made %d\n", made > 10);
  return 0;
}
