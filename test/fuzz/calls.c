/* One system call: a number, and arguments of about the kind it takes. */
#include "fuzz.h"
#include <sys/mount.h>

/*
 * A letter for each argument: f descriptor, p path, b buffer, l length, o offset or any number, i small number, x flags, P pid, s signal,
 * v iovec, A address of a socket, H message, t time, m address for mappings, L length of one, g strings, e poll set, S structure,
 * 8 the size of a signal set, T milliseconds.
 */
static const char *const shapes[SYSCALL_LIMIT] = {
    [SYS_read] = "fbl", [SYS_write] = "fbl", [SYS_open] = "pxx", [SYS_close] = "f", [SYS_stat] = "pb", [SYS_fstat] = "fb",
    [SYS_lstat] = "pb", [SYS_poll] = "eiT", [SYS_lseek] = "foi", [SYS_mmap] = "mLixfo", [SYS_mprotect] = "mLi", [SYS_munmap] = "mL",
    [SYS_brk] = "o", [SYS_rt_sigaction] = "sSS8", [SYS_rt_sigprocmask] = "iSb8", [SYS_ioctl] = "fxb", [SYS_pread64] = "fblo",
    [SYS_pwrite64] = "fblo", [SYS_readv] = "fvi", [SYS_writev] = "fvi", [SYS_access] = "pi", [SYS_pipe] = "b",
    [SYS_select] = "ibbbt", [SYS_mremap] = "mLLim", [SYS_msync] = "mLi", [SYS_mincore] = "mLb", [SYS_madvise] = "mLi",
    [SYS_shmget] = "ilx", [SYS_shmat] = "imx", [SYS_shmctl] = "iiS", [SYS_dup] = "f", [SYS_dup2] = "ff", [SYS_nanosleep] = "tb",
    [SYS_getitimer] = "ib", [SYS_alarm] = "i", [SYS_setitimer] = "itb", [SYS_sendfile] = "ffbl", [SYS_socket] = "iii",
    [SYS_connect] = "fAl", [SYS_accept] = "fbb", [SYS_sendto] = "fblxAl", [SYS_recvfrom] = "fblxbb", [SYS_sendmsg] = "fHx",
    [SYS_recvmsg] = "fHx", [SYS_shutdown] = "fi", [SYS_bind] = "fAl", [SYS_listen] = "fi", [SYS_getsockname] = "fbS",
    [SYS_getpeername] = "fbS", [SYS_socketpair] = "iiib", [SYS_setsockopt] = "fiiSl", [SYS_getsockopt] = "fiibS",
    [SYS_wait4] = "Pbxb", [SYS_kill] = "Ps", [SYS_uname] = "b", [SYS_semget] = "iix", [SYS_semop] = "iSi", [SYS_semctl] = "iiiS",
    [SYS_shmdt] = "m", [SYS_msgget] = "ix", [SYS_msgsnd] = "iSlx", [SYS_msgrcv] = "iblix", [SYS_msgctl] = "iiS", [SYS_fcntl] = "fiS",
    [SYS_flock] = "fi", [SYS_fsync] = "f", [SYS_fdatasync] = "f", [SYS_truncate] = "po", [SYS_ftruncate] = "fo",
    [SYS_getdents] = "fbl", [SYS_getcwd] = "bl", [SYS_chdir] = "p", [SYS_fchdir] = "f", [SYS_rename] = "pp", [SYS_mkdir] = "px",
    [SYS_rmdir] = "p", [SYS_creat] = "px", [SYS_link] = "pp", [SYS_unlink] = "p", [SYS_symlink] = "pp", [SYS_readlink] = "pbl",
    [SYS_chmod] = "px", [SYS_fchmod] = "fx", [SYS_chown] = "pii", [SYS_fchown] = "fii", [SYS_lchown] = "pii", [SYS_umask] = "x",
    [SYS_gettimeofday] = "bb", [SYS_getrlimit] = "ib", [SYS_getrusage] = "ib", [SYS_sysinfo] = "b", [SYS_times] = "b",
    [SYS_syslog] = "ibl", [SYS_setpgid] = "PP", [SYS_setreuid] = "ii", [SYS_setregid] = "ii", [SYS_getgroups] = "ib",
    [SYS_setgroups] = "ib", [SYS_setresuid] = "iii", [SYS_getresuid] = "bbb", [SYS_getpgid] = "P", [SYS_getsid] = "P",
    [SYS_capget] = "SS", [SYS_capset] = "SS", [SYS_rt_sigpending] = "bl", [SYS_rt_sigtimedwait] = "Sbt8", [SYS_rt_sigqueueinfo] = "PsS",
    [SYS_rt_sigsuspend] = "S8", [SYS_sigaltstack] = "Sb", [SYS_utime] = "pS", [SYS_mknod] = "pxo", [SYS_personality] = "x",
    [SYS_statfs] = "pb", [SYS_fstatfs] = "fb", [SYS_getpriority] = "iP", [SYS_setpriority] = "iPi", [SYS_sched_setparam] = "PS",
    [SYS_sched_getparam] = "Pb", [SYS_sched_setscheduler] = "PiS", [SYS_sched_getscheduler] = "P", [SYS_sched_rr_get_interval] = "Pb",
    [SYS_mlock] = "mL", [SYS_munlock] = "mL", [SYS_mlockall] = "i", [SYS_prctl] = "iooob", [SYS_arch_prctl] = "ob", [SYS_setrlimit] = "iS",
    [SYS_chroot] = "p", [SYS_mount] = "pppxp", [SYS_umount2] = "pi", [SYS_readahead] = "fol", [SYS_setxattr] = "ppblx",
    [SYS_lsetxattr] = "ppblx", [SYS_fsetxattr] = "fpblx", [SYS_getxattr] = "ppbl", [SYS_lgetxattr] = "ppbl", [SYS_fgetxattr] = "fpbl",
    [SYS_listxattr] = "pbl", [SYS_llistxattr] = "pbl", [SYS_flistxattr] = "fbl", [SYS_removexattr] = "pp", [SYS_lremovexattr] = "pp",
    [SYS_fremovexattr] = "fp", [SYS_tkill] = "Ps", [SYS_time] = "b", [SYS_futex] = "bxxtbo", [SYS_sched_setaffinity] = "PlS",
    [SYS_sched_getaffinity] = "Plb", [SYS_epoll_create] = "i", [SYS_getdents64] = "fbl", [SYS_set_tid_address] = "b",
    [SYS_semtimedop] = "iSit", [SYS_fadvise64] = "fooi", [SYS_timer_create] = "iSb", [SYS_timer_settime] = "iitb",
    [SYS_timer_gettime] = "ib", [SYS_timer_getoverrun] = "i", [SYS_timer_delete] = "i", [SYS_clock_settime] = "it",
    [SYS_clock_gettime] = "ib", [SYS_clock_getres] = "ib", [SYS_clock_nanosleep] = "iitb", [SYS_epoll_wait] = "fbiT",
    [SYS_epoll_ctl] = "fifS", [SYS_tgkill] = "PPs", [SYS_utimes] = "pS", [SYS_mbind] = "mLibox", [SYS_set_mempolicy] = "ibo",
    [SYS_get_mempolicy] = "bbomx", [SYS_waitid] = "iPbxb", [SYS_inotify_add_watch] = "fpx", [SYS_inotify_rm_watch] = "fi",
    [SYS_openat] = "fpxx", [SYS_mkdirat] = "fpx", [SYS_mknodat] = "fpxo", [SYS_fchownat] = "fpiix", [SYS_futimesat] = "fpS",
    [SYS_newfstatat] = "fpbx", [SYS_unlinkat] = "fpx", [SYS_renameat] = "fpfp", [SYS_linkat] = "fpfpx", [SYS_symlinkat] = "pfp",
    [SYS_readlinkat] = "fpbl", [SYS_fchmodat] = "fpx", [SYS_faccessat] = "fpi", [SYS_pselect6] = "ibbbtS", [SYS_ppoll] = "eitS8",
    [SYS_unshare] = "x", [SYS_set_robust_list] = "Sl", [SYS_get_robust_list] = "Pbb", [SYS_splice] = "fbfblx", [SYS_tee] = "fflx",
    [SYS_sync_file_range] = "foox", [SYS_vmsplice] = "fvix", [SYS_utimensat] = "fptx", [SYS_epoll_pwait] = "fbiTS8",
    [SYS_signalfd] = "fS8", [SYS_timerfd_create] = "ix", [SYS_eventfd] = "o", [SYS_fallocate] = "fioo", [SYS_timerfd_settime] = "fxtb",
    [SYS_timerfd_gettime] = "fb", [SYS_accept4] = "fbbx", [SYS_signalfd4] = "fS8x", [SYS_eventfd2] = "ox", [SYS_epoll_create1] = "x",
    [SYS_dup3] = "ffx", [SYS_pipe2] = "bx", [SYS_inotify_init1] = "x", [SYS_preadv] = "fvioo", [SYS_pwritev] = "fvioo",
    [SYS_rt_tgsigqueueinfo] = "PPsS", [SYS_recvmmsg] = "fHixt", [SYS_prlimit64] = "PiSb", [SYS_name_to_handle_at] = "fpSbx",
    [SYS_open_by_handle_at] = "fSx", [SYS_syncfs] = "f", [SYS_sendmmsg] = "fHix", [SYS_setns] = "fx", [SYS_getcpu] = "bbb",
    [SYS_process_vm_readv] = "Pvivix", [SYS_process_vm_writev] = "Pvivix", [SYS_sched_setattr] = "PSx", [SYS_sched_getattr] = "Pblx",
    [SYS_renameat2] = "fpfpx", [SYS_seccomp] = "ixS", [SYS_getrandom] = "blx", [SYS_memfd_create] = "px", [SYS_execveat] = "fpggx",
    [SYS_mlock2] = "mLx", [SYS_copy_file_range] = "fbfblx", [SYS_preadv2] = "fvioox", [SYS_pwritev2] = "fvioox",
    [SYS_pkey_mprotect] = "mLii", [SYS_statx] = "fpxxb", [SYS_rseq] = "Slxo", [SYS_pidfd_send_signal] = "fsSx", [SYS_pidfd_open] = "Px",
    [SYS_close_range] = "oox", [SYS_openat2] = "fpSl", [SYS_pidfd_getfd] = "ffx", [SYS_faccessat2] = "fpix", [SYS_epoll_pwait2] = "fbitS8",
    [SYS_ptrace] = "iPom", [452] = "fpxx", [454] = "bxx", [455] = "bxtx", [449] = "Sixt",
};

/* What ends or freezes the worker at once, or everyone; forks and execs have their own file. */
static int is_left_out(struct fuzz *f, long nr) {
  switch (nr) {
    case SYS_clone:
    case SYS_clone3:
    case SYS_fork:
    case SYS_vfork:
    case SYS_execve:
    case SYS_execveat:
    case SYS_reboot: return 1;
    case SYS_exit:
    case SYS_exit_group:
    case SYS_rt_sigreturn:
    case SYS_close_range:
    case SYS_vhangup: return !one_in(f, 50);
    case SYS_pause:
    case SYS_rt_sigsuspend: return !one_in(f, 10);
    case SYS_setresuid:
    case SYS_setuid:
    case SYS_setreuid: return f->is_root;
    case SYS_ptrace:
    case SYS_setpriority: return f->is_root && one_in(f, 2);
    default: return 0;
  }
}

static uint64_t control_number(struct fuzz *f, long nr) {
  static const uint32_t terminal[] = {0x5401, 0x5402, 0x5403, 0x5404, 0x540b, 0x540e, 0x540f, 0x5410, 0x5411, 0x5412,
                                      0x5413, 0x5414, 0x541b, 0x5420, 0x5421, 0x5422, 0x5423, 0x5429, 0x5450, 0x5451,
                                      0x5452, 0x80045430, 0x40045431, 0x5441, 0x8901, 0x8905, 0x8910, 0x8912, 0x8913, 0x8927,
                                      0x80086601, 0x40086602, 0x1, 0x2, 0x40049409, 0x4020940d, 0x80045432};
  static const uint32_t commands[] = {1024, 1025, 1026, 1027, 1028, 1030, 1031, 1032, 1033, 1034, 1035, 1036, 36, 37, 38};
  if (nr == SYS_ioctl) return one_in(f, 4) ? any(f) : PICK(f, terminal);
  if (nr == SYS_fcntl) return one_in(f, 3) ? PICK(f, commands) : below(f, 18);
  return any_flags(f);
}

static uint64_t argument(struct fuzz *f, long nr, char letter) {
  static const uint64_t levels[] = {0, 1, 1, 1, 6, 17, 41, 270};
  if (one_in(f, 40)) return one_in(f, 2) ? any_pointer(f) : any_number(f);
  switch (letter) {
    case 'f': return any_fd(f);
    case 'p': return any_path(f);
    case 'b': return any_pointer(f);
    case 'l': return any_length(f);
    case 'o': return one_in(f, 2) ? below(f, 3 * PAGE) : any_number(f);
    case 'i': return one_in(f, 20) ? any_number(f) : nr == SYS_setsockopt && one_in(f, 2) ? PICK(f, levels) : below(f, 48);
    case 'x': return nr == SYS_ioctl ? control_number(f, nr) : any_flags(f);
    case 'P': return any_pid(f);
    case 's': return any_signal(f);
    case 'v': return any_iovec(f);
    case 'A': return any_sockaddr(f);
    case 'H': return any_message(f);
    case 't': return any_timespec(f);
    case 'm': return one_in(f, 60) ? any_pointer(f) : any_arena_address(f);
    case 'L': return one_in(f, 30) ? any_number(f) : below(f, 20) * PAGE;
    case 'g': return any_strings(f);
    case 'e': return any_poll_set(f);
    case 'S': return any_struct(f, 128);
    case '8': return one_in(f, 10) ? any_number(f) : 8;
    case 'T': return one_in(f, 10) ? any_number(f) : below(f, 4);
    default: return any_number(f);
  }
}

/* mmap and shmat over anything would only end the worker: fixed places are in the arena. */
static void tame(struct fuzz *f, long nr, uint64_t *a) {
  uint64_t begin = (uint64_t)arena, end = begin + ARENA_SIZE;
  int is_inside = a[0] >= begin && a[0] < end && a[1] <= end - a[0];
  /* Without MS_BIND it is the file system that changes, and everybody's. */
  if (nr == SYS_mount && f->is_root && (a[3] & MS_REMOUNT)) a[3] |= MS_BIND;
  if (one_in(f, 50)) return;
  if ((nr == SYS_mmap && (a[3] & 0x10)) || nr == SYS_munmap || nr == SYS_mprotect || nr == SYS_pkey_mprotect || nr == SYS_madvise) {
    if (!is_inside) {
      a[0] = begin;
      a[1] = PAGE;
    }
  }
  if (nr == SYS_mremap && (a[3] & 2)) a[4] = begin;
  if (nr == SYS_fcntl) a[1] = control_number(f, nr);
}

void one_call(struct fuzz *f) {
  long nr = below(f, SYSCALL_LIMIT);
  if (nr >= 340 && nr < 420) return;
  /* A shape known is a call that gets far: three in four are of those. */
  if (shapes[nr] == NULL && !one_in(f, 4)) return;
  if (is_left_out(f, nr)) return;
  const char *shape = shapes[nr] != NULL ? shapes[nr] : "bbbbbb";
  uint64_t a[6];
  for (int i = 0; i < 6; i++) {
    if (*shape != 0) a[i] = argument(f, nr, *shape++);
    else a[i] = one_in(f, 4) ? any_number(f) : 0;
    if (shapes[nr] == NULL) a[i] = one_in(f, 2) ? any_pointer(f) : one_in(f, 2) ? any_fd(f) : any_number(f);
  }
  tame(f, nr, a);
  /* The C library's own site is one that the kernel patches when it is hot. */
  long result = one_in(f, 2) ? raw(nr, a[0], a[1], a[2], a[3], a[4], a[5]) : syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
  if (result >= 0) shared->succeeded[nr] = 1;
  f->calls++;
  __atomic_fetch_add(&shared->calls, 1, __ATOMIC_RELAXED);
}
