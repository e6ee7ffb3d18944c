/* How many processes and threads there can be beside this one, found again and again; each time with what is left of the last one gone. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 20
#define MAX 1000

static sem_t gate;

static void *wait_at_gate(void *unused) {
  sem_wait(&gate);
  return unused;
}

static void count_processes(int *count, int *error) {
  pid_t children[MAX];
  int n = 0;
  while (n < MAX) {
    pid_t child = fork();
    if (child < 0) break;
    if (child == 0) {
      pause();
      _exit(0);
    }
    children[n++] = child;
  }
  *error = errno;
  *count = n;
  for (int i = 0; i < n; i++) kill(children[i], SIGKILL);
  for (int i = 0; i < n; i++) waitpid(children[i], NULL, 0);
}

static void count_threads(int *count, int *error) {
  pthread_t threads[MAX];
  int n = 0;
  while (n < MAX && (*error = pthread_create(&threads[n], NULL, wait_at_gate, NULL)) == 0) n++;
  *count = n;
  for (int i = 0; i < n; i++) sem_post(&gate);
  for (int i = 0; i < n; i++) pthread_join(threads[i], NULL);
}

static void repeat(const char *what, void (*count_them)(int *, int *)) {
  int first = -1;
  for (int round = 0; round < ROUNDS; round++) {
    int count;
    int error;
    count_them(&count, &error);
    if (count != first) printf("%s: %d, then %s\n", what, count, strerror(error));
    first = count;
  }
}

int main(void) {
  sem_init(&gate, 0, 0);
  repeat("processes", count_processes);
  repeat("threads", count_threads);
  return 0;
}
