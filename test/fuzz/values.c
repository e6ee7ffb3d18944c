/* Values of arguments: at the edges, beside them, and anywhere. */
#include "fuzz.h"
#include "stub-layout.h"

uint64_t any_number(struct fuzz *f) {
  static const uint64_t edges[] = {
      0, 1, 2, 3, 4, 7, 8, 12, 16, 64, 128, 255, 256, 512, 1024, 4095, 4096, 4097, 8192, 65535, 65536, 1 << 20, 0x7fffffff,
      0x80000000, 0xffffffff, 0x100000000, 0x100000001, 1ULL << 40, 1ULL << 47, (1ULL << 53) + 1, 0x7fffffffffffffff,
      0x8000000000000000, -1ULL, -2ULL, -100ULL, -4096ULL,
  };
  switch (below(f, 4)) {
    case 0: return any(f);
    case 1: return 1ULL << below(f, 64);
    case 2: return below(f, 70);
    default: return PICK(f, edges);
  }
}

uint64_t any_length(struct fuzz *f) {
  if (one_in(f, 6)) return any_number(f);
  static const uint64_t lengths[] = {0, 1, 2, 4, 8, 16, 24, 28, 40, 64, 88, 112, 128, 144, 256, 1000, 4096, 10000, 65536};
  return PICK(f, lengths);
}

uint64_t any_flags(struct fuzz *f) {
  switch (below(f, 6)) {
    case 0: return 0;
    case 1: return 1ULL << below(f, 33);
    case 2: return (1ULL << below(f, 25)) | (1ULL << below(f, 25));
    case 3: return below(f, 16);
    case 4: return any(f) & any(f) & 0xffffffff;
    default: return any_number(f);
  }
}

/* Mostly among those that open_descriptors has made; what calls return lies behind them. */
uint64_t any_fd(struct fuzz *f) {
  static const uint64_t wrong[] = {-1ULL, -2ULL, -100ULL, 1023, 1024, 65536, 0x7fffffff, 0x80000000, 0xffffffff00000003ULL};
  if (one_in(f, 12)) return PICK(f, wrong);
  return one_in(f, 4) ? below(f, 100) : below(f, 50);
}

uint64_t any_pid(struct fuzz *f) {
  static const uint64_t nobody[] = {99999, -99999ULL, 0x80000000, 0x7fffffff};
  switch (below(f, 6)) {
    case 0: return PICK(f, nobody);
    case 1: return 0;
    case 2: return (uint64_t)raw(SYS_getpid, 0, 0, 0, 0, 0, 0);
    case 3: return (uint64_t)raw(SYS_gettid, 0, 0, 0, 0, 0, 0);
    case 4: return (uint64_t)threads[below(f, thread_count)].tid;
    /* Nobody has a right to hurt the others, so everyone may try. */
    default: return one_in(f, 8) ? -1ULL : below(f, 400);
  }
}

uint64_t any_signal(struct fuzz *f) {
  /* Those that end the worker are not what most of its time should go to. */
  static const uint64_t mild[] = {0, SIGUSR1, SIGCHLD, SIGWINCH, SIGURG, SIGCONT, SIGUSR1, SIGALRM, 34, 64, 65, -1ULL};
  return one_in(f, 30) ? below(f, 66) : PICK(f, mild);
}

void *take(struct fuzz *f, uint32_t size) {
  uint32_t rounded = (size + 15) & ~15u;
  if (rounded > SCRATCH_SIZE / 4) rounded = SCRATCH_SIZE / 4;
  /* Memory that another thread uses for its own calls changes under the kernel's eyes. */
  struct fuzz *owner = one_in(f, 16) ? &threads[below(f, thread_count)] : f;
  if (one_in(f, 8)) return owner->scratch + SCRATCH_SIZE - size;
  if (f->used + rounded > SCRATCH_SIZE - PAGE) f->used = 0;
  uint8_t *at = owner->scratch + f->used;
  f->used += rounded;
  return at;
}

uint64_t any_pointer(struct fuzz *f) {
  switch (below(f, 24)) {
    case 0: return 0;
    case 1: return 1 + below(f, PAGE - 1);
    case 2: return -1ULL - below(f, 16);
    case 3: return 0x8000000000000000ULL | any(f);
    case 4: return 0x7ffffffff000ULL - below(f, 32);
    case 5: return STUB_BASE + (any(f) % (STUB_END - STUB_BASE));
    case 6: return MAILBOXES + below(f, MAILBOX_STRIDE * 4);
    case 7: return (uint64_t)read_only_page + below(f, PAGE);
    case 8: return (uint64_t)forbidden_page + below(f, PAGE);
    case 9: return (uint64_t)f->scratch + SCRATCH_SIZE - below(f, 64);
    case 10: return (uint64_t)f->scratch + below(f, SCRATCH_SIZE);
    case 11: return (uint64_t)any_pointer;
    case 12: return any_arena_address(f);
    case 13: return any_path(f);
    default: {
      uint64_t *words = take(f, 512);
      for (int i = 0; i < 64; i++) words[i] = one_in(f, 3) ? 0 : any_number(f);
      /* The header of a netlink message: length, type and flags, sequence and port. */
      if (one_in(f, 8)) {
        words[0] = any_length(f) % 600 | (uint64_t)(16 + below(f, 40)) << 32 | (uint64_t)(0x1 | (any_flags(f) & 0x300)) << 48;
        words[2] = below(f, 20);
      }
      return (uint64_t)words;
    }
  }
}

uint64_t any_arena_address(struct fuzz *f) {
  uint64_t at = (uint64_t)arena + (uint64_t)below(f, ARENA_SIZE / PAGE) * PAGE;
  return one_in(f, 10) ? at + below(f, PAGE) : at;
}

/* In the worker's own directory, and what nobody can change. */
static const char *const own_paths[] = {
    "", ".", "a", "b", "c", "d", "d/a", "d/b", "d/e/f", "a/b", "d/", "a/", "fifo", "sock", "sym", "loop", "dangling", "exe", "script",
    "/proc/self/status", "/proc/self/maps", "/proc/self/mem", "/proc/self/fd", "/proc/self/fd/3", "/proc/self/fd/9", "/proc/self/stat",
    "/proc/self/task", "/proc/self/exe", "/proc/self/cwd", "/proc/self/oom_score_adj", "/proc/self/comm", "/proc/self/environ",
    "/proc/self/cmdline", "/proc/self/limits", "/proc/self/mountinfo", "/proc/self/smaps", "/proc/self/fdinfo/5", "/proc/meminfo",
    "/proc/stat", "/proc/net/unix", "/proc/net/tcp", "/proc/sys/kernel/hostname", "/proc/sys/fs/pipe-max-size",
    "/sys/devices/system/cpu/online",
};
/* With these root could take the ground from under its neighbours. */
static const char *const all_paths[] = {
    "..", "/proc", "/proc/1/fd", "/proc/self/root", "/sys", "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom",
    "/dev/ptmx", "/dev/tty", "/dev/kmsg", "/dev/fd/5", "/dev/shm/fuzz", "/dev", "/", "/etc/passwd", "/usr/bin", "/nonexistent/a",
};

uint64_t any_path(struct fuzz *f) {
  if (one_in(f, 12)) return one_in(f, 2) ? 0 : (uint64_t)f->scratch + below(f, SCRATCH_SIZE);
  if (one_in(f, 12)) {
    /* Names and paths as long as they may be, and longer. */
    static const uint32_t lengths[] = {254, 255, 256, 4094, 4095, 4096, 5000};
    uint32_t length = PICK(f, lengths);
    char *text = take(f, length + 1);
    char slash = one_in(f, 2) ? '/' : 'n';
    for (uint32_t i = 0; i < length; i++) text[i] = i % 2 ? slash : "nd.."[below(f, 4)];
    text[length] = 0;
    return (uint64_t)text;
  }
  const char *path = f->is_root || !one_in(f, 3) ? PICK(f, own_paths) : PICK(f, all_paths);
  size_t length = strlen(path) + 1;
  char *text = take(f, (uint32_t)length);
  memcpy(text, path, length);
  return (uint64_t)text;
}
