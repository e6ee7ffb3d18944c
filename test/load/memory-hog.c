/* Memory without end under RLIMIT_AS and RLIMIT_DATA: ENOMEM, and what is there goes on. */
#include "check.h"
#include <pthread.h>
#include <sys/resource.h>

#define MEGABYTE (1 << 20)

static void *nothing(void *arg) { return arg; }

/* How many megabytes there are until mmap says no; all are touched. */
static int fill(int most) {
  int count = 0;
  while (count < most) {
    char *at = mmap(NULL, MEGABYTE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
      NEED(errno == ENOMEM);
      return count;
    }
    for (int i = 0; i < MEGABYTE; i += 4096) at[i] = 1;
    count++;
  }
  return count;
}

static void hog(int resource, const char *name) {
  pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    struct rlimit limit = {300 * MEGABYTE, 300 * MEGABYTE};
    NEED(setrlimit(resource, &limit) == 0);
    int got = fill(1000);
    say("%s: as much as allowed: %s", name, got > 200 && got <= 300 ? "yes" : "no");
    say("%s: malloc: %s", name, malloc(64 * MEGABYTE) == NULL ? "NULL" : "memory");
    pthread_t id;
    say("%s: thread: %s", name, error_name(pthread_create(&id, NULL, nothing, NULL)));
    CHECK((long)sbrk(64 * MEGABYTE));
    /* It can still fork: the copy is as large, and as limited. */
    pid_t child = fork();
    if (child == 0) _exit(mmap(NULL, 64 * MEGABYTE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? 5 : 6);
    wait_and_say("child", child);
    _exit(0);
  }
  wait_and_say(name, pid);
}

int main(void) {
  hog(RLIMIT_AS, "RLIMIT_AS");
  hog(RLIMIT_DATA, "RLIMIT_DATA");
  /* A stack without end is its process's end alone. */
  pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    volatile char *at = (volatile char *)&pid;
    for (;; at -= 2048) *at = 1;
  }
  wait_and_say("stack", pid);
  TRUTH(fill(50) == 50);
  return 0;
}
