/* Waiting for the sentry: awake while that is likely to pay, then asleep. Part of stub.c, which is one translation unit. */
#define SPINS_PER_YIELD 128

/*
 * A thread whose call sleeps stays awake for a while all the same if its last sleeps were short: to be woken takes longer. In each round it
 * offers the CPU, which whoever is to wake it may be waiting for, and looks for the answer in between.
 */
#define PATIENCE_MAX 8
#define PAUSES_PER_ROUND 32
#define SHARED_SPINS 1
/* A sleep that staying awake would have saved; and an offer of the CPU that others have made much use of. */
#define SHORT_SLEEP_CYCLES 60000
#define LONG_YIELD_CYCLES 1000000
#define RESTS 32

static inline void pause_cpu(void) { __asm__ volatile("pause"); }

static inline u64 cycles(void) {
  u32 low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (u64)high << 32 | low;
}

/* Stays awake while it has patience: whether it has seen the word equal to `value`, or other than that. */
static int wait_awake(struct thread *t, u32 *word, u32 value, int until_equal) {
  if (GLOBAL32(GP_IS_CONTENDED) != 0) return 0;
  if (t->rest > 0) {
    t->rest--;
    return 0;
  }
  for (u32 i = 0; i < t->patience; i++) {
    u64 before = cycles();
    stub_syscall(__NR_sched_yield, 0, 0, 0, 0, 0, 0);
    if (cycles() - before > LONG_YIELD_CYCLES) break;
    for (u32 j = 0; j < PAUSES_PER_ROUND; j++) {
      if ((stub_load(word) == value) == until_equal) {
        t->patience = PATIENCE_MAX;
        return 1;
      }
      pause_cpu();
    }
  }
  t->patience /= 2;
  if (t->patience == 0) {
    t->patience = 1;
    t->rest = RESTS;
  }
  return 0;
}

/* The sentry is awake and has this thread's CPU, or had it a moment ago: it can only go on when we sleep. */
static inline int shares_cpu(void) {
  u32 cpu, ignored;
  __asm__ volatile("rdtscp" : "=c"(cpu), "=a"(ignored) : : "edx");
  return GLOBAL32(GP_SENTRY_CPU) == (cpu & 0xfff);
}

static void wait_asleep(u32 *state) {
  for (;;) {
    u32 now = __atomic_load_n(state, __ATOMIC_ACQUIRE);
    if (now == STATE_REPLY) return;
    if (now != STATE_SLEEPING &&
        !__atomic_compare_exchange_n(state, &now, STATE_SLEEPING, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
      continue;
    stub_syscall(__NR_futex, (long)state, 0 /* FUTEX_WAIT */, STATE_SLEEPING, 0, 0, 0);
  }
}

/* Publishes the request and waits for the answer: spins while that is likely to pay, then sleeps. */
static void ring_and_wait(struct thread *t, u8 *mb) {
  u32 *state = (u32 *)(mb + MB_STATE);
  u32 is_tired = t->is_tired;
  t->is_tired = 0;
  t->is_kicked = 0;
  __atomic_exchange_n(state, STATE_REQUEST, __ATOMIC_SEQ_CST);
  if (GLOBAL32(GP_SENTRY_ASLEEP) != 0) {
    u64 one = 1;
    stub_syscall(__NR_write, FD_DOORBELL, (long)&one, 8, 0, 0, 0);
  }
  u32 limit = GLOBAL32(GP_SPIN_LIMIT);
  u32 is_shared = limit != 0 && shares_cpu();
  if (is_shared) limit = SHARED_SPINS;
  for (u32 i = 0; i < limit; i++) {
    u32 now = __atomic_load_n(state, __ATOMIC_ACQUIRE);
    if (now == STATE_REPLY) return;
    if (now == STATE_BLOCKED) {
      if (!is_tired && wait_awake(t, state, STATE_REPLY, 1)) return;
      u64 begin = cycles();
      wait_asleep(state);
      if (cycles() - begin < SHORT_SLEEP_CYCLES) {
        t->patience = PATIENCE_MAX;
        t->rest = 0;
      }
      return;
    }
    /* Whoever is to answer, or to run meanwhile, may be waiting for this very CPU. */
    int is_time = is_shared || (i & (SPINS_PER_YIELD - 1)) == SPINS_PER_YIELD - 1;
    if (is_time && GLOBAL32(GP_IS_CONTENDED) == 0) stub_syscall(__NR_sched_yield, 0, 0, 0, 0, 0, 0);
    pause_cpu();
  }
  wait_asleep(state);
}
