/**
 * What the sentry may ask of the host once it is locked in: each call with its reason, and with limits to its arguments where a
 * compromised sentry could do more with it. The filter (sentry-filter.ts), docs/SECURITY.md and the tracing test come from this table.
 *
 * To give a feature calls of its own, give it a group; a sandbox without the feature does not have them.
 */
import { ENOENT, ENOSYS } from '../abi/errno.ts';
import * as I from '../abi/ioctl.ts';
import { FIONREAD, TCFLSH, TCGETS, TCSETS, TCXONC, TIOCGWINSZ, TIOCOUTQ, TIOCSWINSZ } from '../abi/ioctl.ts';
import { KICK_SIGNAL } from '../platform/layout.ts';

/** One argument: the low 32 bits are one of these values; or a descriptor, so not AT_FDCWD. */
export type ArgumentLimit =
  | { readonly argument: number; readonly oneOf: readonly number[] }
  | { readonly argument: number; readonly isDescriptor: true };

export interface HostCall {
  readonly name: string;
  readonly why: string;
  /** What the arguments are limited to, for people. */
  readonly limits?: string;
  /** The call is allowed if all limits of one of these hold; with any arguments when there are none. */
  readonly when?: readonly (readonly ArgumentLimit[])[];
  /** Made only on some hosts, or for what few sandboxes see: a trace need not show it. */
  readonly isRare?: boolean;
}

/** Calls that libraries of Node make without need, at moments we do not choose: they are told that there is no such thing. */
export const ANSWERED_CALLS: readonly { readonly name: string; readonly errno: number; readonly why: string }[] = [
  { name: 'clone3', errno: ENOSYS, why: 'libc takes clone for threads then, whose flags can be looked at' },
  { name: 'openat', errno: ENOENT, why: "the CPU's frequency in /sys, for locks of V8 that had to be waited for" },
];

export type HostCallGroup = 'runtime' | 'guests' | 'files' | 'streams' | 'container' | 'host network';

const one = (argument: number, ...oneOf: readonly number[]): ArgumentLimit => ({ argument, oneOf });
const descriptor = (argument: number): ArgumentLimit => ({ argument, isDescriptor: true });

const AT_A_DESCRIPTOR = { limits: 'beside a descriptor', when: [[descriptor(0)]] } as const;

const SOL_SOCKET = 1;
const SO_PASSCRED = 16;
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
/** Both non-blocking and close-on-exec. */
const SOCK_STREAM = 0x80801;
const SOCK_DGRAM = 0x80802;
/** SOL_SOCKET, IP, IPv6, TCP, UDP. */
const SOCKET_LEVELS = [1, 0, 41, 6, 17];
/** What is asked of a socket's interfaces; nothing that sets them. */
const SOCKET_REQUESTS = [
  ...[I.SIOCATMARK, I.SIOCGIFNAME, I.SIOCGIFCONF, I.SIOCGIFFLAGS, I.SIOCGIFADDR, I.SIOCGIFDSTADDR, I.SIOCGIFBRDADDR],
  ...[I.SIOCGIFNETMASK, I.SIOCGIFMETRIC, I.SIOCGIFMTU, I.SIOCGIFHWADDR, I.SIOCGIFINDEX, I.SIOCGIFTXQLEN, I.SIOCGIFMAP],
];
const SOCK_SEQPACKET_CLOEXEC = 0x80005;
const SOCK_NONBLOCK_CLOEXEC = 0x80800;
const O_CLOEXEC = 0o2000000;
const MFD_CLOEXEC = 1;
const SHUT_RD = 0;
const F_GETFL = 3;
/** VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS, PARENT_SETTID, CHILD_CLEARTID: what libc makes threads with. */
const CLONE_THREAD = 0x3d0f00;
const SIGABRT = 6;
const SIGPROF = 27;
const SIGKILL = 9;
const SIGCONT = 18;
const SIGSTOP = 19;
const NOTIF_RECV = 0xc0502100;
const NOTIF_SEND = 0xc0182101;
const PR_SET_NAME = 15;
const PR_SET_VMA = 0x53564d41;
/** WAIT, WAKE, WAIT_BITSET, shared and private, the last also by the wall clock. */
const FUTEX_OPERATIONS = [0, 1, 9, 128, 129, 137, 265, 393];
/** NORMAL, DONTNEED, FREE, DONTFORK, HUGEPAGE, NOHUGEPAGE, POPULATE_WRITE. */
const ADVICE = [0, 4, 8, 10, 14, 15, 23];
const TERMINAL_REQUESTS = [TCGETS, TCSETS, TCFLSH, TCXONC, TIOCGWINSZ, TIOCSWINSZ, TIOCOUTQ, FIONREAD];

export const HOST_CALLS: Readonly<Record<HostCallGroup, readonly HostCall[]>> = {
  // V8, libuv and libc. Those with limits come first, for a filter looks through its list each time for them alone.
  runtime: [
    {
      name: 'futex',
      why: 'locks of V8 and libc; waking stubs',
      limits: 'WAIT, WAKE, WAIT_BITSET',
      when: [[one(1, ...FUTEX_OPERATIONS)]],
    },
    { name: 'madvise', why: "V8's heap", limits: 'listed advice', when: [[one(2, ...ADVICE)]] },
    {
      name: 'tgkill',
      why: 'a stub thread is to look for signals; abort(3) and profiles of our own',
      limits: "the stubs' signal, SIGABRT, SIGPROF",
      when: [[one(2, KICK_SIGNAL, SIGABRT, SIGPROF)]],
    },
    { name: 'read', why: 'the doorbell, streams, /proc of stubs' },
    { name: 'write', why: 'streams, the debug log, waking our own loop' },
    { name: 'close', why: 'descriptors of ours' },
    { name: 'mmap', why: "V8's heap and code; mailboxes" },
    { name: 'munmap', why: "V8's heap, memory of threads that end" },
    { name: 'mprotect', why: "V8's code" },
    { name: 'mremap', why: 'realloc(3) of large blocks', isRare: true },
    { name: 'pkey_mprotect', why: "V8's code, on CPUs with protection keys", isRare: true },
    { name: 'brk', why: 'malloc(3)' },
    { name: 'epoll_pwait', why: "Node's loop" },
    { name: 'epoll_ctl', why: "Node's loop and the sentry's" },
    { name: 'rt_sigaction', why: 'signals that are handed on to the guest, and no longer' },
    { name: 'rt_sigprocmask', why: 'libc, around threads and signals' },
    { name: 'rt_sigreturn', why: 'the end of a signal handler', isRare: true },
    { name: 'restart_syscall', why: 'the kernel, after SIGSTOP and SIGCONT', isRare: true },
    { name: 'getpid', why: "libuv's and libc's own checks" },
    { name: 'gettid', why: 'abort(3)', isRare: true },
    { name: 'getrandom', why: "guests' random bytes, cookies of clones" },
    { name: 'clock_gettime', why: "time; CPU time of stubs, by their processes' clocks" },
    { name: 'clock_nanosleep', why: 'libc, where a thread waits for another to end', isRare: true },
    { name: 'sched_yield', why: 'whoever spins offers its CPU' },
    { name: 'getcpu', why: 'a stub on our CPU is told not to spin' },
    { name: 'sched_getaffinity', why: 'libc, of a thread that begins or ends', isRare: true },
    { name: 'sched_getparam', why: 'libc, of a thread that begins', isRare: true },
    { name: 'sched_getscheduler', why: 'libc, of a thread that begins', isRare: true },
    {
      name: 'prctl',
      why: 'names of threads and mappings',
      limits: 'PR_SET_NAME, PR_SET_VMA',
      when: [[one(0, PR_SET_NAME, PR_SET_VMA)]],
      isRare: true,
    },
    {
      name: 'clone',
      why: "threads of V8's profiler (runsc debug)",
      limits: 'threads of this process',
      when: [[one(0, CLONE_THREAD)]],
      isRare: true,
    },
    { name: 'set_robust_list', why: 'libc, of a thread that begins', isRare: true },
    { name: 'rseq', why: 'libc, of a thread that begins', isRare: true },
    { name: 'exit', why: "Node's other threads end" },
    { name: 'exit_group', why: 'the end' },
  ],
  guests: [
    {
      name: 'ioctl',
      why: 'clones of stubs, answered as seccomp notifications',
      limits: 'SECCOMP_IOCTL_NOTIF_RECV and _SEND',
      when: [[one(1, NOTIF_RECV, NOTIF_SEND)]],
    },
    {
      name: 'pidfd_send_signal',
      why: 'a guest process is ended, stopped or continued',
      limits: 'SIGKILL, SIGSTOP, SIGCONT',
      when: [[one(1, SIGKILL, SIGSTOP, SIGCONT)]],
    },
    {
      name: 'socketpair',
      why: 'the control socket of a stub',
      limits: 'unix packets',
      when: [[one(0, AF_UNIX), one(1, SOCK_SEQPACKET_CLOEXEC)]],
    },
    {
      name: 'setsockopt',
      why: 'the kernel is to attest whose stub it is',
      limits: 'SO_PASSCRED',
      when: [[one(1, SOL_SOCKET), one(2, SO_PASSCRED)]],
    },
    {
      name: 'memfd_create',
      why: "mailboxes, an ordinary user's files in memory that are mapped",
      limits: 'close-on-exec',
      when: [[one(1, MFD_CLOEXEC)]],
    },
    { name: 'shutdown', why: 'a stub that is killed before it comes up', limits: 'SHUT_RD', when: [[one(1, SHUT_RD)]] },
    { name: 'epoll_pwait2', why: "the sentry's loop" },
    { name: 'sendmsg', why: 'descriptors for a stub: mailboxes, files to map; answers on the control socket' },
    { name: 'recvmsg', why: "a stub's attested pid; requests on the control socket" },
    { name: 'process_vm_readv', why: "guests' memory" },
    { name: 'process_vm_writev', why: "guests' memory" },
    { name: 'pidfd_open', why: 'a handle on a stub that came up' },
    { name: 'ftruncate', why: 'sizes of mailboxes and files' },
  ],
  files: [
    {
      name: 'openat2',
      why: "files beneath the donated roots; a stub's files in /proc; files in memory that are mapped",
      ...AT_A_DESCRIPTOR,
    },
    { name: 'statx', why: 'what a file is', ...AT_A_DESCRIPTOR },
    { name: 'readlinkat', why: 'links', ...AT_A_DESCRIPTOR },
    { name: 'mkdirat', why: 'writable volumes', ...AT_A_DESCRIPTOR },
    { name: 'unlinkat', why: 'writable volumes', ...AT_A_DESCRIPTOR },
    {
      name: 'renameat2',
      why: 'writable volumes',
      limits: 'beside descriptors',
      when: [[descriptor(0), descriptor(2)]],
    },
    {
      name: 'linkat',
      why: 'writable volumes',
      limits: 'beside descriptors, no flags',
      when: [[descriptor(0), descriptor(2), one(4, 0)]],
    },
    { name: 'symlinkat', why: 'writable volumes', limits: 'beside a descriptor', when: [[descriptor(1)]] },
    { name: 'fchmodat2', why: 'writable volumes', ...AT_A_DESCRIPTOR },
    { name: 'fchmodat', why: 'the same before Linux 6.6', ...AT_A_DESCRIPTOR, isRare: true },
    { name: 'fchownat', why: 'writable volumes', ...AT_A_DESCRIPTOR },
    { name: 'utimensat', why: 'writable volumes', ...AT_A_DESCRIPTOR },
    { name: 'getdents64', why: 'directories' },
    { name: 'pread64', why: 'file data' },
    { name: 'pwrite64', why: 'file data' },
    { name: 'lseek', why: 'holes, directory positions, standard streams' },
    { name: 'fallocate', why: 'file data' },
    { name: 'fsync', why: 'writable volumes' },
    { name: 'fstatfs', why: 'statfs(2) of the guest' },
    { name: 'fstat', why: 'standard streams, memory files' },
    {
      name: 'inotify_init1',
      why: 'changes of names in host directories by others',
      limits: 'non-blocking, close-on-exec',
      when: [[one(0, SOCK_NONBLOCK_CLOEXEC)]],
    },
    { name: 'inotify_add_watch', why: 'the same, of the working directory' },
    { name: 'inotify_rm_watch', why: 'the same', isRare: true },
    { name: 'fchdir', why: 'to name a directory to watch' },
    { name: 'chdir', why: 'back to the root from there' },
    { name: 'sendfile', why: 'the copy of a file into memory', isRare: true },
  ],
  streams: [
    {
      name: 'ioctl',
      why: 'standard streams that are terminals',
      limits: 'terminal settings and sizes, FIONREAD',
      when: [[one(1, ...TERMINAL_REQUESTS)]],
    },
    { name: 'fcntl', why: 'how a stream is open', limits: 'F_GETFL', when: [[one(1, F_GETFL)]] },
    { name: 'poll', why: 'streams that cannot be made non-blocking', isRare: true },
    { name: 'sendto', why: 'streams that are sockets' },
    { name: 'recvfrom', why: 'streams that are sockets' },
  ],
  container: [
    {
      name: 'accept4',
      why: 'the control socket',
      limits: 'no address',
      when: [[one(1, 0), one(2, 0), one(3, SOCK_NONBLOCK_CLOEXEC)]],
    },
    { name: 'pipe2', why: 'the state for a startContainer hook', limits: 'close-on-exec', when: [[one(1, O_CLOEXEC)]] },
  ],
  'host network': [
    {
      name: 'socket',
      why: 'sockets of guests',
      limits: 'AF_INET, AF_INET6; streams, datagrams',
      when: [[one(0, AF_INET, AF_INET6), one(1, SOCK_STREAM, SOCK_DGRAM)]],
    },
    {
      name: 'setsockopt',
      why: 'their options (src/net/host/host-options.ts)',
      limits: 'of sockets, IP, IPv6, TCP, UDP',
      when: [[one(1, ...SOCKET_LEVELS)]],
    },
    {
      name: 'ioctl',
      why: 'their queues; interfaces of the host',
      limits: 'TIOCOUTQ, FIONREAD, SIOCATMARK, SIOCGIF*',
      when: [[one(1, TIOCOUTQ, FIONREAD, ...SOCKET_REQUESTS)]],
    },
    { name: 'accept4', why: 'their connections', limits: 'non-blocking', when: [[one(3, SOCK_NONBLOCK_CLOEXEC)]] },
    { name: 'shutdown', why: 'their ends' },
    { name: 'bind', why: 'their addresses' },
    { name: 'connect', why: 'their peers' },
    { name: 'listen', why: 'their connections' },
    { name: 'getsockname', why: 'their addresses' },
    { name: 'getpeername', why: 'their peers' },
    { name: 'getsockopt', why: 'their options' },
  ],
};
