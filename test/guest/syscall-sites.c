/* One `syscall` instruction that is called with many numbers, so often that its site becomes hot: results, registers, flags, signals, threads. */
#include "check.h"
#include <pthread.h>
#include <sys/time.h>

#define CALLS 40
#define THREADS 4

/* What a system call leaves alone: everything but rax, rcx and r11, the flags included. */
struct registers {
  long rbx, rdx, rsi, rdi, rbp, r8, r9, r10, r12, r13, r14, r15, flags;
};

/* Calls `nr` with registers and flags of known values: what came back in them. */
__attribute__((noinline)) static long call_with(long nr, struct registers *r) {
  long result = nr;
  register struct registers *at __asm__("r15") = r;
  __asm__ volatile(
      "mov $0x11, %%ebx\n\tmov $0x22, %%edx\n\tmov $0x33, %%esi\n\tmov $0x44, %%edi\n\tmov $0x55, %%r8d\n\tmov $0x66, %%r9d\n\t"
      "mov $0x77, %%r10d\n\tmov $0x88, %%r12d\n\tmov $0x99, %%r13d\n\tmov $0xaa, %%r14d\n\t"
      "cmp %%rax, %%rax\n\tstc\n\tnop\n\tsyscall\n\t"
      "mov %%rbx, 0(%%r15)\n\tpushfq\n\tpop %%rbx\n\tmov %%rdx, 8(%%r15)\n\tmov %%rsi, 16(%%r15)\n\tmov %%rdi, 24(%%r15)\n\tmov %%r8, 40(%%r15)\n\t"
      "mov %%r9, 48(%%r15)\n\tmov %%r10, 56(%%r15)\n\tmov %%r12, 64(%%r15)\n\tmov %%r13, 72(%%r15)\n\tmov %%r14, 80(%%r15)\n\tmov %%rbx, 96(%%r15)\n\t"
      : "+a"(result)
      : "r"(at)
      : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "memory", "cc");
  return result;
}

/* Whoever waits for the handler to have run reads from here. */
static int told[2];
static void on_alarm(int signal) {
  int saved = errno;
  if (signal == SIGALRM && write(told[1], "", 1) != 1) _exit(98);
  errno = saved;
}

/* Again and again, for the first may come before the call that it is to meet; 0 ends it. */
static void alarm_every(long us) {
  struct itimerval timer = {{0, us}, {0, us}};
  NEED(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

static void *call_often(void *unused) {
  (void)unused;
  long wrong = 0;
  pid_t tid = gettid(), pid = getpid();
  for (int i = 0; i < 2000; i++) {
    wrong += syscall(SYS_gettid) != tid;
    wrong += syscall(SYS_getpid) != pid;
    wrong += syscall(SYS_close, -1) != -1 || errno != EBADF;
    wrong += syscall(1000 + i % 3) != -1 || errno != ENOSYS;
  }
  return (void *)wrong;
}

int main(void) {
  long wrong = 0;
  int ends[2];
  char buffer[8];
  NEED(pipe(ends) == 0 && pipe(told) == 0);
  for (int i = 0; i < CALLS; i++) {
    wrong += syscall(SYS_getppid) != getppid();
    wrong += syscall(SYS_write, ends[1], "abc", 3L) != 3 || syscall(SYS_read, ends[0], buffer, 8L) != 3;
    wrong += syscall(SYS_lseek, ends[0], 0L, SEEK_CUR) != -1 || errno != ESPIPE;
    wrong += syscall(SYS_openat, AT_FDCWD, "/nonexistent", O_RDONLY) != -1 || errno != ENOENT;
    wrong += syscall(-1) != -1 || errno != ENOSYS;
    wrong += syscall(0x100000000 + SYS_getppid) != getppid();
  }
  report_value("wrong results", wrong);

  struct registers first, now;
  memset(&first, 0, sizeof first);
  call_with(SYS_getppid, &first);
  int differences = 0;
  for (int i = 0; i < CALLS; i++) {
    memset(&now, 0, sizeof now);
    if (call_with(i & 1 ? SYS_getppid : 1000, &now) != (i & 1 ? getppid() : -ENOSYS)) differences++;
    if (memcmp(&now, &first, sizeof now) != 0) differences++;
  }
  say("rdx %lx rsi %lx rdi %lx r8 %lx r9 %lx r10 %lx, carry %ld zero %ld, differences %d", first.rdx, first.rsi, first.rdi, first.r8,
      first.r9, first.r10, first.flags & 1, first.flags >> 6 & 1, differences);

  handle(SIGALRM, on_alarm, 0);
  alarm_every(20000);
  report_value("read that is interrupted", syscall(SYS_read, ends[0], buffer, 8L));
  alarm_every(0);
  handle(SIGALRM, on_alarm, SA_RESTART);
  pid_t child = fork();
  if (child == 0) {
    /* The site came along with the fork. */
    for (int i = 0; i < CALLS; i++) wrong += syscall(SYS_getppid) != getppid();
    _exit(wrong == 0 && syscall(SYS_write, ends[1], "xy", 2L) == 2 ? 7 : 1);
  }
  int status;
  NEED(waitpid(child, &status, 0) == child && read(ends[0], buffer, 2) == 2);
  while (poll(&(struct pollfd){.fd = told[0], .events = POLLIN}, 1, 0) == 1) NEED(read(told[0], buffer, 8) > 0);
  child = fork();
  if (child == 0) {
    /* Once the parent's handler has run, most likely in its read. */
    _exit(read(told[0], buffer, 1) == 1 && syscall(SYS_write, ends[1], "xy", 2L) == 2 ? 8 : 1);
  }
  int first_status = status;
  alarm_every(20000);
  report_value("read that is restarted", syscall(SYS_read, ends[0], buffer, 8L));
  alarm_every(0);
  NEED(waitpid(child, &status, 0) == child);
  say("children %d %d", WEXITSTATUS(first_status), WEXITSTATUS(status));

  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) NEED(pthread_create(&threads[i], NULL, call_often, NULL) == 0);
  wrong = 0;
  for (int i = 0; i < THREADS; i++) {
    void *result;
    NEED(pthread_join(threads[i], &result) == 0);
    wrong += (long)result;
  }
  report_value("wrong in threads", wrong);
  return 0;
}
