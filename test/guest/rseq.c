/* rseq(2): registration by libc, errors, the area's words, an aborted sequence, fork, threads and exec. */
#include "check.h"
#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/rseq.h>
#include <sys/time.h>

#define AREA_SIZE 32

static long rseq(void *area, unsigned length, unsigned flags, unsigned signature) {
  return syscall(SYS_rseq, area, length, flags, signature);
}

static struct rseq *libc_area(void) { return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset); }

static struct rseq own __attribute__((aligned(64))) = {.cpu_id = RSEQ_CPU_ID_UNINITIALIZED};
static volatile int handled;

static void on_alarm(int signal) { handled += signal == SIGALRM; }

/*
 * A sequence that never ends by itself: true when the kernel has moved the thread to its abort handler. It begins with the
 * instruction behind the store, so there is no moment at which the kernel could find the thread before it and forget it.
 */
static int spin_until_aborted(struct rseq *area) {
  int is_aborted = 0;
  __asm__ volatile(".pushsection .data\n"
                   "\t.balign 32\n"
                   "3:\t.long 0, 0\n"
                   "\t.quad 1f, 2f - 1f, 4f\n"
                   "\t.popsection\n"
                   "\tleaq 3b(%%rip), %%rax\n"
                   "\tmovq %%rax, %[sequence]\n"
                   "1:\tpause\n"
                   "\tjmp 1b\n"
                   "2:\tjmp 5f\n"
                   "\t.byte 0x0f, 0xb9, 0x3d\n" /* ud1 with the signature as its displacement */
                   "\t.long %c[signature]\n"
                   "4:\tmovl $1, %[aborted]\n"
                   "5:\n"
                   : [aborted] "+m"(is_aborted), [sequence] "=m"(area->rseq_cs)
                   : [signature] "i"(RSEQ_SIG)
                   : "rax", "memory");
  return is_aborted;
}

static void *in_thread(void *unused) {
  struct rseq *area = libc_area();
  CHECK(rseq(area, AREA_SIZE, 0, RSEQ_SIG));
  TRUTH((int)area->cpu_id >= 0);
  return unused;
}

int main(int argc, char **argv) {
  struct rseq *area = libc_area();
  TRUTH(__rseq_size > 0);
  CHECK(rseq(area, AREA_SIZE, 0, RSEQ_SIG));
  if (argc > 1) return 0;
  TRUTH((int)area->cpu_id >= 0);
  TRUTH(area->cpu_id_start == area->cpu_id);

  CHECK(rseq(area, AREA_SIZE, 0, RSEQ_SIG + 1));
  CHECK(rseq(&own, AREA_SIZE, 0, RSEQ_SIG));
  CHECK(rseq(area, AREA_SIZE, 2, RSEQ_SIG));
  CHECK(rseq(&own, AREA_SIZE, RSEQ_FLAG_UNREGISTER, RSEQ_SIG));
  CHECK(rseq(area, AREA_SIZE + 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG));
  CHECK(rseq(area, AREA_SIZE, RSEQ_FLAG_UNREGISTER, RSEQ_SIG + 1));
  CHECK(rseq(area, AREA_SIZE, RSEQ_FLAG_UNREGISTER, RSEQ_SIG));
  TRUTH((int)area->cpu_id == RSEQ_CPU_ID_UNINITIALIZED);
  CHECK(rseq(area, AREA_SIZE, RSEQ_FLAG_UNREGISTER, RSEQ_SIG));

  CHECK(rseq((char *)&own + 8, AREA_SIZE, 0, RSEQ_SIG));
  CHECK(rseq(&own, 16, 0, RSEQ_SIG));
  CHECK(rseq((void *)0x800000000000, AREA_SIZE, 0, RSEQ_SIG));
  CHECK(rseq((void *)0xffffffffffffffe0, AREA_SIZE, 0, RSEQ_SIG));
  CHECK(rseq(&own, AREA_SIZE, 0, RSEQ_SIG));
  TRUTH((int)own.cpu_id >= 0);

  struct itimerval often = {{0, 1000}, {0, 1000}};
  struct itimerval never = {{0, 0}, {0, 0}};
  handle(SIGALRM, on_alarm, 0);
  NEED(setitimer(ITIMER_REAL, &often, NULL) == 0);
  int aborted = 0, rounds = 0;
  do {
    aborted += spin_until_aborted(&own);
    rounds++;
  } while (handled < 5);
  NEED(setitimer(ITIMER_REAL, &never, NULL) == 0);
  TRUTH(aborted == rounds);
  TRUTH(own.rseq_cs == 0);

  CHECK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0));
  CHECK(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0));
  CHECK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0));
  CHECK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_CMD_FLAG_CPU, 0));
  CHECK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 2, 0));

  pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    CHECK(rseq(&own, AREA_SIZE, 0, RSEQ_SIG));
    CHECK(rseq(&own, AREA_SIZE, RSEQ_FLAG_UNREGISTER, RSEQ_SIG));
    execl(argv[0], argv[0], "again", NULL);
    _exit(1);
  }
  wait_and_say("child", pid);

  pthread_t thread;
  NEED(pthread_create(&thread, NULL, in_thread, NULL) == 0);
  NEED(pthread_join(thread, NULL) == 0);
  CHECK(rseq(&own, AREA_SIZE, 0, RSEQ_SIG));
  return 0;
}
