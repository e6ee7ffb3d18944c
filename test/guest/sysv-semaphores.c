/* semget, semop, semctl (needs root): creation, permissions, atomicity, blocking, timeouts, undo, removal, information. */
#include "check.h"
#include <sys/sem.h>

union semun {
  int val;
  struct semid_ds *buf;
  unsigned short *array;
  struct seminfo *info;
};

static int op(int id, int index, int delta, int flags) {
  struct sembuf one = {index, delta, flags};
  return semop(id, &one, 1);
}

static void on_alarm(int signo) { (void)signo; }

int main(void) {
  key_t key = 0x7a000000 | (getpid() & 0xffffff);
  CHECK(semget(key, 1, 0600));
  CHECK(semget(key, 0, IPC_CREAT | 0600));
  CHECK(semget(key, -1, IPC_CREAT | 0600));
  CHECK(semget(key, 40000, IPC_CREAT | 0600));
  int id = semget(key, 3, IPC_CREAT | IPC_EXCL | 0640);
  TRUTH(id >= 0);
  TRUTH(semget(key, 3, 0600) == id);
  TRUTH(semget(key, 0, 0) == id);
  CHECK(semget(key, 4, 0));
  CHECK(semget(key, 3, IPC_CREAT | IPC_EXCL));
  struct semid_ds ds;
  CHECK(semctl(id, 0, IPC_STAT, (union semun){.buf = &ds}));
  say("mode %o nsems %ld otime %d", ds.sem_perm.mode, (long)ds.sem_nsems, ds.sem_otime != 0);
  CHECK(semctl(id, 0, GETVAL));
  CHECK(semctl(id, 3, GETVAL));
  CHECK(semctl(id, -1, GETVAL));
  CHECK(semctl(id, 0, SETVAL, (union semun){.val = 5}));
  CHECK(semctl(id, 0, SETVAL, (union semun){.val = 40000}));
  CHECK(semctl(id, 0, SETVAL, (union semun){.val = -1}));
  CHECK(semctl(id, 0, 99));
  CHECK(semctl(-1, 0, GETVAL));
  CHECK(semctl(id + 1000, 0, GETVAL));
  unsigned short values[3] = {1, 2, 3};
  CHECK(semctl(id, 0, SETALL, (union semun){.array = values}));
  memset(values, 0, sizeof values);
  CHECK(semctl(id, 0, GETALL, (union semun){.array = values}));
  say("%d %d %d", values[0], values[1], values[2]);
  CHECK(semctl(id, 0, GETALL, (union semun){.array = (void *)8}));
  CHECK(op(id, 0, 1, 0));
  CHECK(semctl(id, 0, GETVAL));
  TRUTH(semctl(id, 0, GETPID) == getpid());
  CHECK(op(id, 0, -3, IPC_NOWAIT));
  CHECK(op(id, 0, 0, IPC_NOWAIT));
  CHECK(op(id, 9, 1, 0));
  CHECK(op(id, 0, 32767, 0));
  CHECK(semop(id, NULL, 0));
  CHECK(semop(id, (void *)8, 1));
  CHECK(semop(id, NULL, 501));
  CHECK(semop(-1, NULL, 1));
  struct sembuf both[] = {{0, -1, 0}, {1, -9, IPC_NOWAIT}};
  CHECK(semop(id, both, 2));
  CHECK(semctl(id, 0, GETVAL));
  struct sembuf twice[] = {{0, -2, 0}, {0, 0, 0}, {0, 7, 0}, {2, 1, 0}};
  CHECK(semop(id, twice, 4));
  CHECK(semctl(id, 0, GETVAL));
  CHECK(semctl(id, 2, GETVAL));
  struct timespec soon = {0, 20000000}, bad = {0, -1};
  struct sembuf much = {1, -100, 0};
  CHECK(semtimedop(id, &much, 1, &soon));
  CHECK(semtimedop(id, &much, 1, &bad));
  CHECK(semtimedop(id, &much, 1, (void *)8));

  /* A child waits, the parent gives. */
  pid_t pid = fork();
  if (pid == 0) {
    _exit(op(id, 1, -10, 0) == 0 ? 0 : 1);
  }
  while (semctl(id, 1, GETNCNT) != 1) sched_yield();
  CHECK(semctl(id, 1, GETZCNT));
  CHECK(op(id, 1, 3, 0));
  CHECK(semctl(id, 1, GETNCNT));
  CHECK(op(id, 1, 5, 0));
  wait_and_say("waiter", pid);
  CHECK(semctl(id, 1, GETVAL));
  pid = fork();
  if (pid == 0) {
    _exit(op(id, 2, 0, 0) == 0 ? 0 : 1);
  }
  while (semctl(id, 2, GETZCNT) != 1) sched_yield();
  CHECK(semctl(id, 2, SETVAL, (union semun){.val = 0}));
  wait_and_say("waiter for zero", pid);

  /* What a process did with SEM_UNDO is undone when it ends. */
  CHECK(semctl(id, 0, SETVAL, (union semun){.val = 3}));
  pid = fork();
  if (pid == 0) {
    CHECK(op(id, 0, -2, SEM_UNDO));
    CHECK(op(id, 0, 4, SEM_UNDO));
    CHECK(op(id, 0, 1, 0));
    CHECK(semctl(id, 0, GETVAL));
    _exit(0);
  }
  wait_and_say("undoer", pid);
  CHECK(semctl(id, 0, GETVAL));

  /* Signals interrupt and do not restart. */
  handle(SIGALRM, on_alarm, SA_RESTART);
  struct itimerspec once = {{0, 50000000}, {0, 20000000}};
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
  timer_t timer;
  NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &once, NULL) == 0);
  CHECK(op(id, 1, -100, 0));
  NEED(timer_delete(timer) == 0);
  CHECK(semctl(id, 1, GETNCNT));

  ds.sem_perm.mode = 0400;
  CHECK(semctl(id, 0, IPC_SET, (union semun){.buf = &ds}));
  pid = fork();
  if (pid == 0) {
    NEED(setresuid(12345, 12345, 12345) == 0);
    CHECK(op(id, 0, 1, 0));
    CHECK(semctl(id, 0, GETVAL));
    CHECK(semctl(id, 0, IPC_RMID));
    CHECK(semget(key, 3, 0600));
    _exit(0);
  }
  wait_and_say("stranger", pid);
  pid = fork();
  if (pid == 0) {
    _exit(op(id, 1, -1000, 0) == -1 && errno == EIDRM ? 0 : 1);
  }
  while (semctl(id, 1, GETNCNT) != 1) sched_yield();
  CHECK(semctl(id, 0, IPC_RMID));
  wait_and_say("bereft", pid);
  CHECK(semctl(id, 0, GETVAL));
  CHECK(op(id, 0, 1, 0));
  struct seminfo info;
  TRUTH(semctl(0, 0, IPC_INFO, (union semun){.info = &info}) >= 0);
  say("%d %d %d %d", info.semmni, info.semmsl, info.semopm, info.semvmx);
  return 0;
}
