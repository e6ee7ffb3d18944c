/* shmget, shmat, shmdt, shmctl: sharing between processes, read-only attachments, counts, removal, addresses, fork and exec. */
#include "check.h"
#include <sys/shm.h>

static void say_segment(const char *what, int id) {
  struct shmid_ds ds;
  if (shmctl(id, IPC_STAT, &ds) < 0) say("%s: %s", what, error_name(errno));
  else say("%s: size %zu attached %ld mode %o", what, ds.shm_segsz, (long)ds.shm_nattch, ds.shm_perm.mode);
}

static volatile sig_atomic_t faulted;
static char *page;
static void on_fault(int signo) {
  (void)signo;
  faulted = 1;
  mprotect(page, 4096, PROT_READ | PROT_WRITE);
  mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

int main(void) {
  key_t key = 0x7c000000 | (getpid() & 0xffffff);
  CHECK(shmget(key, 4096, 0600));
  CHECK(shmget(key, 0, IPC_CREAT | 0600));
  int id = shmget(key, 10000, IPC_CREAT | IPC_EXCL | 0600);
  TRUTH(id >= 0 && shmget(key, 100, 0600) == id);
  CHECK(shmget(key, 10001, 0));
  CHECK(shmget(key, 100, IPC_CREAT | IPC_EXCL));
  say_segment("fresh", id);
  CHECK(shmat(-1, NULL, 0) == (void *)-1);
  CHECK(shmat(id, (void *)123, 0) == (void *)-1);
  char *a = shmat(id, NULL, 0), *b = shmat(id, NULL, SHM_RDONLY);
  NEED(a != (void *)-1 && b != (void *)-1 && a != b);
  say_segment("twice", id);
  TRUTH(a[0] == 0 && a[12287] == 0);
  strcpy(a, "written");
  say("%s", b);
  page = b;
  handle(SIGSEGV, on_fault, 0);
  b[0] = 'x';
  say("faulted %d, still %s", faulted, a);
  CHECK(shmdt(a + 4096));
  CHECK(shmdt(a + 1));
  CHECK(shmat(id, a, 0) == (void *)-1);
  CHECK(shmat(id, a + 5, SHM_RND) == (void *)-1);
  CHECK(shmat(id, a, SHM_REMAP) == a);
  say("remapped: %s", a);
  say_segment("remapped", id);
  pid_t pid = fork();
  if (pid == 0) {
    say("child sees %s", a);
    strcpy(a, "by the child");
    char *c = shmat(id, NULL, 0);
    say("and %s", c);
    NEED(shmdt(c) == 0);
    _exit(0);
  }
  wait_and_say("child", pid);
  say("%s", a);
  say_segment("after the child", id);
  CHECK(mprotect(a + 4096, 4096, PROT_READ));
  CHECK(shmdt(a));
  errno = 0;
  CHECK(msync(a, 4096, MS_SYNC));
  a = shmat(id, NULL, 0);
  say("kept: %s", a);
  CHECK(shmctl(id, IPC_RMID, NULL));
  say_segment("removed but attached", id);
  CHECK(shmget(key, 100, 0600));
  char *again = shmat(id, NULL, 0);
  TRUTH(again != (void *)-1);
  strcpy(again, "late");
  say("%s", a);
  CHECK(shmdt(again));
  CHECK(shmdt(a));
  say_segment("gone", id);
  int private = shmget(IPC_PRIVATE, 4096, 0600);
  int other = shmget(IPC_PRIVATE, 4096, 0600);
  TRUTH(private >= 0 && other >= 0 && private != other);
  struct shmid_ds ds;
  NEED(shmctl(private, IPC_STAT, &ds) == 0);
  TRUTH(ds.shm_cpid == getpid() && ds.shm_lpid == 0 && ds.shm_atime == 0 && ds.shm_ctime != 0);
  ds.shm_perm.mode = 0640;
  CHECK(shmctl(private, IPC_SET, &ds));
  say_segment("changed", private);
  CHECK(shmctl(private, 99, &ds));
  CHECK(shmctl(private, IPC_RMID, NULL));
  CHECK(shmctl(private, IPC_RMID, NULL));
  CHECK(shmctl(other, IPC_RMID, NULL));
  return 0;
}
