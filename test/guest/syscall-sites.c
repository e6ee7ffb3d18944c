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

static volatile int alarms;
static void on_alarm(int signal) { alarms += signal == SIGALRM; }

static void alarm_in(long us) {
  struct itimerval once = {{0, 0}, {0, us}};
  NEED(setitimer(ITIMER_REAL, &once, NULL) == 0);
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
  NEED(pipe(ends) == 0);
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
  alarm_in(20000);
  report_value("read that is interrupted", syscall(SYS_read, ends[0], buffer, 8L));
  handle(SIGALRM, on_alarm, SA_RESTART);
  pid_t child = fork();
  if (child == 0) {
    /* The site came along with the fork. */
    while (syscall(SYS_kill, getppid(), 0) != 0) {}
    usleep(60000);
    _exit(syscall(SYS_write, ends[1], "xy", 2L) == 2 ? 7 : 1);
  }
  alarm_in(20000);
  report_value("read that is restarted", syscall(SYS_read, ends[0], buffer, 8L));
  int status;
  NEED(waitpid(child, &status, 0) == child);
  say("child %d, alarms %d", WEXITSTATUS(status), alarms);

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
