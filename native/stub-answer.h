/* Calls answered here, without the sentry. Part of stub.c, which is one translation unit. */
#define FUTEX_WAIT_ 0
#define FUTEX_WAIT_BITSET_ 9
#define FUTEX_PRIVATE_REALTIME 384

/*
 * futex(2), as far as it needs no one else: a private wake when nobody waits, and a wait without a timeout for a word that has another value,
 * or gets it while this thread stays awake, which is as if it had called a little later. Whether it is answered.
 *
 * The sentry counts a waiter before it looks at the word, and a waker has written the word before it looks at the count, so one sees the other.
 */
static int answer_futex(struct thread *t, const u64 *regs, long *result) {
  u32 *word = (u32 *)regs[R_RDI];
  u32 op = (u32)regs[R_RSI];
  u32 value = (u32)regs[R_RDX];
  if ((u64)word % 4 != 0 || (u64)word >> 47 != 0) return 0;
  if (op == FUTEX_PRIVATE_WAKE) {
    u32 at = ((u32)(u64)word / 4) % FUTEX_TABLE_WORDS;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    *result = 0;
    return MB32((u8 *)MAILBOXES, MB_FUTEX_TABLE + at * 4) == 0 && !t->is_kicked;
  }
  u32 command = op & ~FUTEX_PRIVATE_REALTIME;
  if (regs[R_R10] != 0) return 0;
  if (command == FUTEX_WAIT_ ? (op & 256) != 0 : command != FUTEX_WAIT_BITSET_ || (u32)regs[R_R9] == 0) return 0;
  if (stub_load(word) == value) {
    if (!wait_awake(t, word, value, 0)) {
      t->is_tired = 1;
      return 0;
    }
  }
  *result = -11; /* EAGAIN */
  return stub_load(word) >= 0 && !t->is_kicked;
}

/* The calls that only tell who the caller is, which changes by calls of its own alone. */
static int answer_identity(u8 *mb, u32 nr, long *result) {
  u32 which;
  switch (nr) {
    case __NR_getpid: which = 0; break;
    case __NR_gettid: which = 1; break;
    case __NR_getuid: which = 2; break;
    case __NR_geteuid: which = 3; break;
    case __NR_getgid: which = 4; break;
    case __NR_getegid: which = 5; break;
    default: return 0;
  }
  *result = (long)MB32(mb, MB_IDENTITY + which * 4);
  return 1;
}

/* Whether the call is answered here. An interrupt that came meanwhile is the sentry's to know. */
static int answer(struct thread *t, u8 *mb, const u64 *regs, long *result) {
  u32 nr = (u32)regs[R_RAX];
  if (MB32(mb, MB_LOCAL) == 0) return 0;
  if (nr == __NR_futex) return answer_futex(t, regs, result);
  return answer_identity(mb, nr, result) && !t->is_kicked;
}
