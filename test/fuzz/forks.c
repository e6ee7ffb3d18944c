/* Calls that make tasks or replace the program, with odd flags and vectors. Children make some calls of their own and end. */
#include "fuzz.h"
#include <linux/sched.h>

#define CHILD_STACK 65536

static void child_life(struct fuzz *f, int calls) {
  f->depth++;
  f->state ^= (uint64_t)raw(SYS_gettid, 0, 0, 0, 0, 0, 0) * 0x9e3779b97f4a7c15ULL;
  if (f->state == 0) f->state = 1;
  for (int i = 0; i < calls; i++) {
    f->used = 0;
    one_call(f);
  }
  if (one_in(f, 4)) one_exec(f);
}

static uint64_t clone_flags(struct fuzz *f) {
  static const uint64_t usual[] = {
      0,
      CLONE_VM,
      CLONE_VM | CLONE_FS | CLONE_FILES,
      CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND,
      CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
      CLONE_FILES,
      CLONE_FS,
      CLONE_PARENT,
      CLONE_VM | CLONE_VFORK,
      CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
      CLONE_PIDFD,
  };
  uint64_t flags = PICK(f, usual);
  if (one_in(f, 3)) flags ^= 1ULL << (8 + below(f, 24));
  return flags & ~(uint64_t)CLONE_SETTLS;
}

/* The whole of a clone and of its child's life, for children that share our memory and need a stack of their own. */
static long clone_with_stack(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, struct fuzz *child) {
  long result;
  register uint64_t r10 __asm__("r10") = d;
  register uint64_t r8 __asm__("r8") = 0;
  register struct fuzz *who __asm__("r12") = child;
  __asm__ volatile("syscall\n\t"
                   "test %%rax, %%rax\n\t"
                   "jnz 1f\n\t"
                   "xor %%ebp, %%ebp\n\t"
                   "and $-16, %%rsp\n\t"
                   "mov %%r12, %%rdi\n\t"
                   "call clone_child\n\t"
                   "1:"
                   : "=a"(result)
                   : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(who)
                   : "rcx", "r11", "memory");
  return result;
}

__attribute__((used, noreturn)) void clone_child(struct fuzz *f) {
  child_life(f, 5 + (int)below(f, 20));
  for (;;) raw(one_in(f, 2) ? SYS_exit : SYS_exit_group, below(f, 256), 0, 0, 0, 0, 0);
}

static void clone_sharing(struct fuzz *f, uint64_t flags) {
  /* Above the scratch memory there is room for it; whoever is unlucky enough to share it dies. */
  uint8_t *stack = mmap(NULL, CHILD_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stack == MAP_FAILED) return;
  struct fuzz *child = (struct fuzz *)stack;
  *child = *f;
  child->is_root = f->is_root;
  uint64_t tids = one_in(f, 6) ? any_pointer(f) : (uint64_t)(stack + 1024);
  if (one_in(f, 2)) {
    clone_with_stack(SYS_clone, flags | (one_in(f, 4) ? any_signal(f) & 0xff : SIGCHLD), (uint64_t)stack + CHILD_STACK, tids, tids + 4, child);
  } else {
    struct clone_args *args = take(f, sizeof *args + 16);
    memset(args, 0, sizeof *args);
    args->flags = flags;
    args->exit_signal = (flags & (CLONE_THREAD | CLONE_PARENT)) ? 0 : SIGCHLD;
    args->stack = (uint64_t)stack;
    args->stack_size = CHILD_STACK;
    args->parent_tid = tids;
    args->child_tid = tids + 4;
    args->pidfd = tids + 8;
    uint64_t size = one_in(f, 6) ? any_length(f) : sizeof *args;
    if (one_in(f, 6)) ((uint64_t *)args)[below(f, 11)] = any_number(f);
    clone_with_stack(SYS_clone3, (uint64_t)args, size, 0, 0, child);
  }
}

static void clone_copying(struct fuzz *f, uint64_t flags) {
  uint64_t tids = (uint64_t)take(f, 16);
  long pid = one_in(f, 3) ? raw(SYS_fork, 0, 0, 0, 0, 0, 0)
                          : raw(SYS_clone, (flags & ~(uint64_t)(CLONE_VM | CLONE_VFORK)) | SIGCHLD, 0, tids, tids + 4, 0, 0);
  if (pid == 0) clone_child(f);
}

void one_fork(struct fuzz *f) {
  /* A task more is asked for than there will be when all end in time. */
  if (f->depth > 1) return;
  uint64_t flags = clone_flags(f);
  __atomic_fetch_add(&shared->children, 1, __ATOMIC_RELAXED);
  if (flags & CLONE_VM) clone_sharing(f, flags);
  else clone_copying(f, flags);
  f->calls++;
  __atomic_fetch_add(&shared->calls, 1, __ATOMIC_RELAXED);
  int status;
  while (raw(SYS_wait4, -1ULL, (uint64_t)&status, 1, 0, 0, 0) > 0) continue;
}

void one_exec(struct fuzz *f) {
  static const char *const programs[] = {"./exe", "./script", "exe", "/proc/self/exe", "./a", "d", "", "./sym", "/bin/true"};
  uint64_t path = one_in(f, 4) ? any_path(f) : (uint64_t)PICK(f, programs);
  uint64_t argv = any_strings(f);
  uint64_t envp = any_strings(f);
  if (one_in(f, 2)) raw(SYS_execve, path, argv, envp, 0, 0, 0);
  else raw(SYS_execveat, any_fd(f), path, argv, envp, one_in(f, 2) ? 0 : 0x1000, 0);
  f->calls++;
  __atomic_fetch_add(&shared->calls, 1, __ATOMIC_RELAXED);
}
