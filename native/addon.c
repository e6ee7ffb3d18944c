/*
 * The few things JavaScript cannot do: raw host system calls, the address of a buffer, a window of shared memory as an
 * ArrayBuffer, and starting the zygote in namespaces of its own. Everything that decides anything is TypeScript.
 *
 * Safety: the callers are src/host and src/platform only. Lengths are theirs to check; this file turns JS values into
 * registers and back and keeps no state.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 10
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/sched.h>
#include <malloc.h>
#include <node_api.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MAX_ARGS 7

/* A raw system call: result or -errno, errno untouched (libc's wrapper would need it per thread, and a vfork child shares it). */
static long raw(long nr, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

/* A JS number becomes an integer, a buffer or view its address, anything else 0. */
static long to_register(napi_env env, napi_value value) {
  double number;
  if (napi_get_value_double(env, value, &number) == napi_ok) return (long)number;
  void *data = NULL;
  bool is = false;
  if (napi_is_typedarray(env, value, &is) == napi_ok && is) {
    napi_get_typedarray_info(env, value, NULL, NULL, &data, NULL, NULL);
    return (long)data;
  }
  if (napi_is_dataview(env, value, &is) == napi_ok && is) {
    napi_get_dataview_info(env, value, NULL, &data, NULL, NULL);
    return (long)data;
  }
  if (napi_is_arraybuffer(env, value, &is) == napi_ok && is) {
    napi_get_arraybuffer_info(env, value, &data, NULL);
    return (long)data;
  }
  return 0;
}

/* syscall(nr, a0..a5): the kernel's own result as a number, negative errno included. */
static napi_value js_syscall(napi_env env, napi_callback_info info) {
  size_t count = MAX_ARGS;
  napi_value argv[MAX_ARGS];
  long args[MAX_ARGS] = {0};
  napi_get_cb_info(env, info, &count, argv, NULL, NULL);
  if (count > MAX_ARGS) count = MAX_ARGS;
  for (size_t i = 0; i < count; i++) args[i] = to_register(env, argv[i]);
  long result = raw(args[0], args[1], args[2], args[3], args[4], args[5], args[6]);
  napi_value out;
  napi_create_double(env, (double)result, &out);
  return out;
}

/* The first `count` arguments, all numbers. */
static void number_arguments(napi_env env, napi_callback_info info, long *args, size_t count) {
  napi_value argv[MAX_ARGS];
  size_t given = count;
  napi_get_cb_info(env, info, &given, argv, NULL, NULL);
  for (size_t i = 0; i < count && i < given; i++) {
    double number = 0;
    napi_get_value_double(env, argv[i], &number);
    args[i] = (long)number;
  }
}

/* transfer(nr, pid, local, remote, length): process_vm_readv(2) or process_vm_writev(2) of one piece, by addresses. */
static napi_value js_transfer(napi_env env, napi_callback_info info) {
  long args[5] = {0};
  number_arguments(env, info, args, 5);
  struct iovec local = {(void *)args[2], (size_t)args[4]};
  struct iovec remote = {(void *)args[3], (size_t)args[4]};
  long result = raw(args[0], args[1], (long)&local, 1, (long)&remote, 1, 0);
  napi_value out;
  napi_create_double(env, (double)result, &out);
  return out;
}

/* clock(id, address): clock_gettime(2) into the struct timespec there, without entering the kernel where the vDSO knows. */
static napi_value js_clock(napi_env env, napi_callback_info info) {
  long args[2] = {0};
  number_arguments(env, info, args, 2);
  clock_gettime((clockid_t)args[0], (struct timespec *)args[1]);
  return NULL;
}

/* addressOf(buffer): where its bytes are, exact (user addresses fit 47 bits). */
static napi_value js_address_of(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argv[1];
  napi_get_cb_info(env, info, &count, argv, NULL, NULL);
  napi_value out;
  napi_create_double(env, count == 1 ? (double)to_register(env, argv[0]) : 0, &out);
  return out;
}

/* reserve(length): an ArrayBuffer over address space without memory; parts are mapped over by mmap(MAP_FIXED). */
static napi_value js_reserve(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argv[1];
  napi_get_cb_info(env, info, &count, argv, NULL, NULL);
  double length = 0;
  napi_get_value_double(env, argv[0], &length);
  void *at = mmap(NULL, (size_t)length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  napi_value out;
  if (at == MAP_FAILED) {
    napi_throw_error(env, NULL, "cannot reserve address space for mailboxes");
    return NULL;
  }
  if (napi_create_external_arraybuffer(env, at, (size_t)length, NULL, NULL, &out) != napi_ok) {
    napi_throw_error(env, NULL, "this node does not allow external array buffers");
    return NULL;
  }
  return out;
}

extern int uv_backend_fd(const void *loop);

/* uvBackendFd(): the epoll descriptor of Node's own loop, which the sentry's epoll watches. */
static napi_value js_uv_backend_fd(napi_env env, napi_callback_info info) {
  (void)info;
  struct uv_loop_s *loop = NULL;
  napi_get_uv_event_loop(env, &loop);
  napi_value out;
  napi_create_int32(env, uv_backend_fd(loop), &out);
  return out;
}

/* cpuid(leaf, subleaf): [eax, ebx, ecx, edx]; leaf -1 gives xcr0 as [low, high, 0, 0]. */
static napi_value js_cpuid(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value argv[2];
  napi_get_cb_info(env, info, &count, argv, NULL, NULL);
  int64_t leaf = 0;
  uint32_t subleaf = 0;
  napi_get_value_int64(env, argv[0], &leaf);
  if (count > 1) napi_get_value_uint32(env, argv[1], &subleaf);
  uint32_t r[4] = {0};
  if (leaf == -1) {
    __asm__ volatile("xgetbv" : "=a"(r[0]), "=d"(r[1]) : "c"(0));
  } else {
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"((uint32_t)leaf), "c"(subleaf));
  }
  napi_value out;
  napi_create_array_with_length(env, 4, &out);
  for (uint32_t i = 0; i < 4; i++) {
    napi_value v;
    napi_create_uint32(env, r[i], &v);
    napi_set_element(env, out, i, v);
  }
  return out;
}

/* What ps(1) shows of a stub is in its argument, so that is long enough for a command line: sentry/host-title.ts writes there. */
#define TITLE_LENGTH 1024

struct spawn {
  char title[TITLE_LENGTH + 1];
  int exec_fd, control_fd, doorbell_fd, global_fd;
  int is_isolated;
  volatile long error;
};

static char spawn_stack[16384] __attribute__((aligned(16)));

/*
 * Runs in a vfork child that shares this process' memory: raw system calls and its own stack only.
 * Descriptors are put at their fixed places, everything else is closed, and the zygote is executed.
 */
__attribute__((used, noreturn)) static void spawn_child(struct spawn *s) {
  struct rlimit none = {0, 0};
  struct rlimit stack = {8 << 20, 8 << 20};
  unsigned long no_signals = 0;
  static const char empty[] = "";
  const char *argv[] = {s->title, NULL};
  const char *envp[] = {NULL};
  /* First out of the way of the numbers they go to. */
  int control = (int)raw(SYS_fcntl, s->control_fd, F_DUPFD_CLOEXEC, 16, 0, 0, 0);
  int doorbell = (int)raw(SYS_fcntl, s->doorbell_fd, F_DUPFD_CLOEXEC, 16, 0, 0, 0);
  int global = (int)raw(SYS_fcntl, s->global_fd, F_DUPFD_CLOEXEC, 16, 0, 0, 0);
  int exec = (int)raw(SYS_fcntl, s->exec_fd, F_DUPFD_CLOEXEC, 16, 0, 0, 0);
  raw(SYS_dup3, control, 3, 0, 0, 0, 0);
  raw(SYS_dup3, doorbell, 4, 0, 0, 0, 0);
  raw(SYS_dup3, global, 5, 0, 0, 0, 0);
  raw(SYS_dup3, exec, 6, O_CLOEXEC, 0, 0, 0);
  for (int fd = 0; fd < 3; fd++) raw(SYS_close, fd, 0, 0, 0, 0, 0);
  raw(SYS_close_range, 7, ~0U, 0, 0, 0, 0);
  raw(SYS_setsid, 0, 0, 0, 0, 0, 0);
  raw(SYS_rt_sigprocmask, SIG_SETMASK, (long)&no_signals, 0, 8, 0, 0);
  raw(SYS_prlimit64, 0, RLIMIT_CORE, (long)&none, 0, 0, 0);
  raw(SYS_prlimit64, 0, RLIMIT_STACK, (long)&stack, 0, 0, 0);
  raw(SYS_personality, ADDR_NO_RANDOMIZE, 0, 0, 0, 0, 0);
  raw(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0, 0);
  raw(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
  if (s->is_isolated) {
    /* An empty root, and nothing else in the mount namespace. */
    raw(SYS_mount, (long)"none", (long)"/", 0, MS_REC | MS_PRIVATE, 0, 0);
    raw(SYS_mount, (long)"none", (long)"/proc", (long)"tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, (long)"size=4k,nr_inodes=2,mode=555", 0);
    raw(SYS_chdir, (long)"/proc", 0, 0, 0, 0, 0);
    raw(SYS_pivot_root, (long)".", (long)".", 0, 0, 0, 0);
    raw(SYS_umount2, (long)".", MNT_DETACH, 0, 0, 0, 0);
    /* Where the root could not be changed, as that of an initramfs: at least no path leads out. */
    raw(SYS_chroot, (long)".", 0, 0, 0, 0, 0);
    raw(SYS_chdir, (long)"/", 0, 0, 0, 0, 0);
  }
  s->error = raw(SYS_execveat, 6, (long)empty, (long)argv, (long)envp, AT_EMPTY_PATH, 0);
  raw(SYS_exit_group, 127, 0, 0, 0, 0, 0);
  __builtin_unreachable();
}

/* spawnZygote(execFd, controlFd, doorbellFd, globalFd, cloneFlags): pid or -errno. */
static napi_value js_spawn_zygote(napi_env env, napi_callback_info info) {
  size_t count = 5;
  napi_value argv[5];
  napi_get_cb_info(env, info, &count, argv, NULL, NULL);
  int64_t flags = 0;
  struct spawn s = {0};
  napi_get_value_int32(env, argv[0], &s.exec_fd);
  napi_get_value_int32(env, argv[1], &s.control_fd);
  napi_get_value_int32(env, argv[2], &s.doorbell_fd);
  napi_get_value_int32(env, argv[3], &s.global_fd);
  napi_get_value_int64(env, argv[4], &flags);
  memset(s.title, ' ', TITLE_LENGTH);
  memcpy(s.title, "tsvisor-stub", 12);
  s.is_isolated = (flags & CLONE_NEWNS) != 0;
  unsigned long all = ~0UL;
  unsigned long before = 0;
  raw(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&before, 8, 0, 0);
  long pid;
  register long r10 __asm__("r10") = 0;
  register long r8 __asm__("r8") = 0;
  /* The child starts with the stack given and must not return through this frame. */
  __asm__ volatile("syscall\n\t"
                   "test %%rax, %%rax\n\t"
                   "jnz 1f\n\t"
                   "xor %%ebp, %%ebp\n\t"
                   "mov %[arg], %%rdi\n\t"
                   "call spawn_child\n\t"
                   "1:"
                   : "=a"(pid)
                   : "a"((long)SYS_clone), "D"(flags | CLONE_VM | CLONE_VFORK | SIGCHLD),
                     "S"((long)(spawn_stack + sizeof spawn_stack)), "d"(0L), "r"(r10), "r"(r8), [arg] "r"(&s)
                   : "rcx", "r11", "memory");
  raw(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, 8, 0, 0);
  if (pid > 0 && s.error != 0) {
    raw(SYS_wait4, pid, 0, 0, 0, 0, 0);
    pid = s.error;
  }
  napi_value out;
  napi_create_double(env, (double)pid, &out);
  return out;
}

/* A string over characters that are in memory already, and stay there unchanged. */
static napi_value js_text_at(napi_env env, napi_callback_info info) {
  long args[2] = {0, 0};
  napi_value out;
  number_arguments(env, info, args, 2);
  if (node_api_create_external_string_latin1(env, (char *)args[0], (size_t)args[1], NULL, NULL, &out, NULL) == napi_ok) return out;
  napi_throw_error(env, NULL, "this node does not allow external strings");
  return NULL;
}

/* Unmaps what the program has that nobody writes to: it is the file's, and comes back page by page when it is used. */
static int forget_program(struct dl_phdr_info *program, size_t size, void *unused) {
  (void)size, (void)unused;
  const unsigned long page = (unsigned long)sysconf(_SC_PAGESIZE);
  for (size_t i = 0; i < program->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &program->dlpi_phdr[i];
    if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) != 0) continue;
    const unsigned long begin = program->dlpi_addr + segment->p_vaddr, first = begin & ~(page - 1);
    madvise((void *)first, begin + segment->p_memsz - first, MADV_DONTNEED);
  }
  return 1; /* the program is the first, and the libraries are everybody's */
}

/* Gives back what malloc(3) has free, in the middle of its heap too, and the program's own pages. */
static napi_value js_trim(napi_env env, napi_callback_info info) {
  (void)env, (void)info;
  malloc_trim(0);
  dl_iterate_phdr(forget_program, NULL);
  return NULL;
}

NAPI_MODULE_INIT() {
  /* Else malloc(3) of some thread would open a file of /sys one day, to count CPUs for this; Node's heap is not malloc's. */
  mallopt(M_ARENA_MAX, 4);
  const struct {
    const char *name;
    napi_callback call;
  } functions[] = {
      {"syscall", js_syscall},          {"addressOf", js_address_of},  {"reserve", js_reserve},
      {"uvBackendFd", js_uv_backend_fd}, {"cpuid", js_cpuid},
      {"spawnZygote", js_spawn_zygote},  {"transfer", js_transfer},    {"clock", js_clock},
      {"textAt", js_text_at},            {"trim", js_trim},
  };
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    napi_value f;
    napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL, &f);
    napi_set_named_property(env, exports, functions[i].name, f);
  }
  return exports;
}
