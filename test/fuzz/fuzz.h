/*
 * What the parts of the system call fuzzer share: a thread's random numbers and memory, and what the processes count together.
 */
#ifndef FUZZ_H
#define FUZZ_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define MAX_THREADS 16
#define SYSCALL_LIMIT 600
/* Where mapping calls mostly work, so that a worker does not lose its own memory at once. */
#define ARENA_SIZE (1 << 20)
#define SCRATCH_SIZE (1 << 16)

/* In memory that all processes share. */
struct shared {
  uint64_t calls;
  uint64_t workers;
  uint32_t is_over;
  uint32_t children;
  uint8_t succeeded[SYSCALL_LIMIT + 1];
};

struct fuzz {
  uint64_t state;
  uint8_t *scratch;    /* SCRATCH_SIZE bytes, then a page that cannot be touched */
  uint32_t used;       /* of the scratch memory, by the structures of the call being made */
  uint32_t is_root;    /* it may change files of others, so it is given fewer paths */
  uint32_t depth;      /* of forks below the worker */
  volatile uint64_t calls;
  volatile pid_t tid;
};

extern struct shared *shared;
extern struct fuzz threads[MAX_THREADS];
extern int thread_count;
extern uint8_t *arena;
extern uint8_t *read_only_page;
extern uint8_t *forbidden_page;

static inline uint64_t any(struct fuzz *f) {
  f->state ^= f->state << 13;
  f->state ^= f->state >> 7;
  f->state ^= f->state << 17;
  return f->state * 0x2545f4914f6cdd1dULL;
}
/* A number below n. */
static inline uint32_t below(struct fuzz *f, uint32_t n) { return (uint32_t)((any(f) >> 33) % n); }
static inline int one_in(struct fuzz *f, uint32_t n) { return below(f, n) == 0; }

#define PICK(f, list) ((list)[below(f, sizeof(list) / sizeof((list)[0]))])

/* A raw system call; no errno, which vfork's children would share with their parents. */
static inline long raw(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t g) {
  long result;
  register uint64_t r10 __asm__("r10") = d;
  register uint64_t r8 __asm__("r8") = e;
  register uint64_t r9 __asm__("r9") = g;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

/* values.c */
uint64_t any_pointer(struct fuzz *f);
uint64_t any_length(struct fuzz *f);
uint64_t any_number(struct fuzz *f);
uint64_t any_flags(struct fuzz *f);
uint64_t any_fd(struct fuzz *f);
uint64_t any_pid(struct fuzz *f);
uint64_t any_signal(struct fuzz *f);
uint64_t any_path(struct fuzz *f);
uint64_t any_arena_address(struct fuzz *f);
/* A piece of scratch memory; at times it ends where memory ends, or is in another thread's. */
void *take(struct fuzz *f, uint32_t size);

/* structures.c */
uint64_t any_iovec(struct fuzz *f);
uint64_t any_sockaddr(struct fuzz *f);
uint64_t any_message(struct fuzz *f);
uint64_t any_timespec(struct fuzz *f);
uint64_t any_strings(struct fuzz *f);
uint64_t any_struct(struct fuzz *f, uint32_t size);
uint64_t any_poll_set(struct fuzz *f);

/* calls.c */
void one_call(struct fuzz *f);

/* forks.c */
void one_fork(struct fuzz *f);
void one_exec(struct fuzz *f);

/* descriptors.c */
void open_descriptors(struct fuzz *f);
#endif
