import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EACCES, EAGAIN, ECHILD, EFAULT, EINTR, EINVAL, ENOMEM, EPERM, ERESTARTNOHAND, ESRCH } from '../abi/errno.ts';
import { SigInfo } from '../abi/siginfo.ts';
import * as abi from '../abi/signal.ts';
import { NO_CAPABILITIES } from '../kernel/capability-set.ts';
import { rootCredentials, userCredentials } from '../kernel/credentials.ts';
import { exitedStatus, exitGroup } from '../kernel/exit.ts';
import { raiseSignal, sendSignalToGroup } from '../kernel/signal.ts';
import { nextSignal } from '../kernel/signal-delivery.ts';
import type { Task } from '../kernel/task.ts';
import { ArrayMemory, bootTestKernel, fork, THREAD_FLAGS } from '../kernel/test-machine.fixture.ts';
import type { SyscallDef } from './define.ts';
import { identitySyscalls } from './identity.ts';
import { killSyscalls } from './kill.ts';
import { limitsSyscalls } from './limits.ts';
import { pidfdSyscalls } from './pidfd.ts';
import { prctlSyscalls } from './prctl.ts';
import { processSyscalls } from './process.ts';
import { schedSyscalls } from './sched.ts';
import { signalSyscalls } from './signal.ts';
import { systemSyscalls } from './system.ts';
import { waitSyscalls } from './wait.ts';

const families: readonly (readonly SyscallDef[])[] = [
  identitySyscalls,
  killSyscalls,
  limitsSyscalls,
  pidfdSyscalls,
  prctlSyscalls,
  processSyscalls,
  schedSyscalls,
  signalSyscalls,
  systemSyscalls,
  waitSyscalls,
];
const byName = new Map(families.flat().map((def) => [def.name, def]));

const BAD = 0x7fff0000;

function start(task: Task, name: string, ...args: number[]): number | Promise<number> {
  const def = byName.get(name);
  assert.ok(def !== undefined, name);
  const [a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0] = args;
  return def.handler(task, a0, a1, a2, a3, a4, a5);
}

function call(task: Task, name: string, ...args: number[]): number {
  const result = start(task, name, ...args);
  assert.ok(typeof result === 'number', `${name} blocks`);
  return result;
}

function memory(task: Task): ArrayMemory {
  assert.ok(task.mem instanceof ArrayMemory);
  return task.mem;
}

function words(task: Task, addr: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => memory(task).view.getInt32(addr + 4 * i, true));
}

function becomeUser(task: Task, uid: number): void {
  const none = NO_CAPABILITIES;
  const caps = { effective: none, permitted: none, inheritable: none, bounding: none, ambient: none };
  task.setCredentials(userCredentials(uid, uid, [], caps));
}

test('numbers and names are declared once', () => {
  const all = families.flat();
  assert.equal(new Set(all.map((def) => def.nr)).size, all.length);
  assert.equal(byName.size, all.length);
});

test('setpgid and setsid keep the rules of sessions', () => {
  const shell = fork(bootTestKernel());
  assert.equal(call(shell, 'setsid'), shell.tid);
  assert.equal(call(shell, 'setsid'), -EPERM);
  assert.equal(call(shell, 'setpgid', 0, 0), -EPERM, 'a session leader');
  const job = fork(shell);
  assert.equal(call(shell, 'setpgid', job.tid, job.tid), 0);
  assert.equal(call(shell, 'getpgid', job.tid), job.tid);
  assert.equal(call(shell, 'setpgid', job.tid, 77), -EPERM);
  assert.equal(call(shell, 'setpgid', job.tid, -1), -EINVAL);
  assert.equal(call(shell, 'setpgid', 1, 0), -ESRCH);
  job.group.hasExeced = true;
  assert.equal(call(shell, 'setpgid', job.tid, shell.tid), -EACCES);
  const thread = fork(job, THREAD_FLAGS);
  assert.equal(call(job, 'setpgid', thread.tid, 0), -EINVAL);
  assert.equal(call(job, 'setsid'), -EPERM, 'leads a process group');
  assert.equal(call(shell, 'setpgid', 0x7fffffff, 0), -ESRCH);
  const other = fork(job);
  assert.equal(call(other, 'setsid'), other.tid);
  assert.equal(call(job, 'getsid', other.tid), other.tid);
  assert.equal(call(job, 'setpgid', other.tid, 0), -EPERM, 'another session');
});

test('wait4 and waitid tell of a child', async () => {
  const parent = fork(bootTestKernel());
  assert.equal(call(parent, 'wait4', -1, 0, 0), -ECHILD);
  assert.equal(call(parent, 'wait4', -1, 0, 4), -EINVAL);
  assert.equal(call(parent, 'wait4', -0x80000000, 0, 0), -ESRCH);
  const child = fork(parent);
  assert.equal(call(parent, 'wait4', -1, 0, 1), 0);
  const waiting = start(parent, 'wait4', child.tid, 64, 0, 128);
  exitGroup(child.group, exitedStatus(7));
  assert.equal(await waiting, child.tid);
  assert.equal(memory(parent).readU32(64), 0x700);
  const next = fork(parent);
  memory(parent).bytes.fill(0xee);
  assert.equal(call(parent, 'waitid', 0, 0, 64, 1 | 4), 0);
  assert.deepEqual(words(parent, 64, 3), [0, 0, 0]);
  assert.equal(memory(parent).bytes[64 + 12], 0xee);
  exitGroup(next.group, abi.SIGKILL);
  assert.equal(call(parent, 'waitid', 1, next.tid, 64, 4), 0);
  assert.deepEqual(words(parent, 80, 3), [next.tid, 0, 9]);
  assert.equal(words(parent, 72, 1)[0], abi.CLD_KILLED);
  assert.equal(call(parent, 'waitid', 0, 0, 64, 0), -EINVAL);
  assert.equal(call(parent, 'waitid', 1, 0, 64, 4), -EINVAL);
});

test('kill finds its targets and asks for leave', () => {
  const init = bootTestKernel();
  const a = fork(init);
  const b = fork(init);
  assert.equal(call(a, 'kill', b.tid, 65), -EINVAL);
  assert.equal(call(a, 'kill', b.tid, -1), -EINVAL);
  assert.equal(call(a, 'kill', 999, 0), -ESRCH);
  assert.equal(call(a, 'kill', -999, 0), -ESRCH);
  becomeUser(a, 1000);
  assert.equal(call(a, 'kill', b.tid, 0), -EPERM);
  assert.equal(call(a, 'kill', b.tid, abi.SIGCONT), 0, 'same session');
  becomeUser(b, 1000);
  assert.equal(call(a, 'kill', b.tid, abi.SIGUSR1), 0);
  nextSignal(b);
  assert.equal(b.group.exitStatus, abi.SIGUSR1);
  assert.equal(call(a, 'kill', b.tid, abi.SIGTERM), 0, 'a zombie takes it');
  const thread = fork(a, THREAD_FLAGS);
  assert.equal(call(a, 'tgkill', a.tid, thread.tid, 0), 0);
  assert.equal(call(a, 'tgkill', init.tid, thread.tid, 0), -ESRCH);
  assert.equal(call(a, 'tgkill', 0, thread.tid, 0), -EINVAL);
  assert.equal(call(init, 'kill', -1, abi.SIGKILL), 0);
  assert.equal(a.hasSignalToDeliver() || thread.hasSignalToDeliver(), true);
  assert.equal(init.hasSignalToDeliver(), false);
});

test('rt_sigqueueinfo refuses to forge the kernel or kill', () => {
  const init = bootTestKernel();
  const a = fork(init);
  const b = fork(init);
  memory(a).view.setInt32(8, abi.SI_USER, true);
  assert.equal(call(a, 'rt_sigqueueinfo', b.tid, 34, 0), -EPERM);
  memory(a).view.setInt32(8, abi.SI_TKILL, true);
  assert.equal(call(a, 'rt_tgsigqueueinfo', b.tid, b.tid, 34, 0), -EPERM);
  memory(a).view.setInt32(8, abi.SI_QUEUE, true);
  memory(a).view.setInt32(24, 42, true);
  b.group.handlers.action(34).handler = 0x1000;
  assert.equal(call(a, 'rt_sigqueueinfo', b.tid, 34, 0), 0);
  assert.equal(nextSignal(b)?.info.valueLo, 42);
});

test('rt_sigaction keeps what it is given, refuses SIGKILL, drops unknown flags', () => {
  const task = fork(bootTestKernel());
  const { view } = memory(task);
  view.setUint32(256, 0x401000, true);
  view.setUint32(264, (abi.SA_RESTART | abi.SA_UNSUPPORTED) >>> 0, true);
  view.setInt32(280, -1, true);
  assert.equal(call(task, 'rt_sigaction', abi.SIGKILL, 256, 0, 8), -EINVAL);
  assert.equal(call(task, 'rt_sigaction', abi.SIGKILL, 0, 64, 8), 0);
  assert.equal(call(task, 'rt_sigaction', 65, 0, 0, 8), -EINVAL);
  assert.equal(call(task, 'rt_sigaction', 10, 0, 0, 4), -EINVAL);
  assert.equal(call(task, 'rt_sigaction', 10, BAD, 0, 8), -EFAULT);
  assert.equal(call(task, 'rt_sigaction', 10, 256, 64, 8), 0);
  assert.deepEqual(words(task, 64, 2), [0, 0]);
  assert.equal(call(task, 'rt_sigaction', 10, 0, 64, 8), 0);
  assert.deepEqual(words(task, 64, 4), [0x401000, 0, abi.SA_RESTART, 0]);
  assert.equal(words(task, 88, 1)[0], ~((1 << 8) | (1 << 18)));
});

test('rt_sigprocmask, rt_sigpending and rt_sigsuspend', async () => {
  const task = fork(bootTestKernel());
  const { view } = memory(task);
  view.setInt32(256, 1 << 9, true);
  assert.equal(call(task, 'rt_sigprocmask', abi.SIG_BLOCK, 256, 64, 8), 0);
  assert.equal(words(task, 64, 1)[0], 0);
  assert.equal(call(task, 'rt_sigprocmask', 3, 256, 0, 8), -EINVAL);
  raiseSignal(task, abi.SIGUSR1);
  assert.equal(call(task, 'rt_sigpending', 64, 8), 0);
  assert.equal(words(task, 64, 1)[0], 1 << 9);
  task.group.handlers.action(abi.SIGUSR1).handler = 0x1000;
  view.setInt32(256, 0, true);
  assert.equal(await start(task, 'rt_sigsuspend', 256, 8), -ERESTARTNOHAND);
  const signal = nextSignal(task);
  assert.deepEqual([signal?.signo, signal?.savedLo], [abi.SIGUSR1, 1 << 9]);
});

test('rt_sigtimedwait takes what is pending, waits, and is interrupted', async () => {
  const task = fork(bootTestKernel());
  const { view } = memory(task);
  view.setInt32(256, 1 << 9, true);
  assert.equal(call(task, 'rt_sigtimedwait', 256, 0, 512, 8), -EAGAIN);
  view.setUint32(520, 1e9, true);
  assert.equal(call(task, 'rt_sigtimedwait', 256, 0, 512, 8), -EINVAL);
  const waiting = start(task, 'rt_sigtimedwait', 256, 1024, 0, 8);
  raiseSignal(task, abi.SIGUSR1);
  assert.equal(await waiting, abi.SIGUSR1);
  assert.equal(words(task, 1024, 1)[0], abi.SIGUSR1);
  assert.equal(task.hasSignalToDeliver(), false);
  task.group.handlers.action(abi.SIGUSR2).handler = 0x1000;
  const interrupted = start(task, 'rt_sigtimedwait', 256, 0, 0, 8);
  raiseSignal(task, abi.SIGUSR2);
  assert.equal(await interrupted, -EINTR);
  view.setUint32(520, 1000, true);
  const late = start(task, 'rt_sigtimedwait', 256, 0, 512, 8);
  assert.ok(late instanceof Promise);
  nextSignal(task);
  const timed = start(task, 'rt_sigtimedwait', 256, 0, 512, 8);
  task.kernel.timers.run(2e9);
  assert.equal(await timed, -EAGAIN);
});

test('sigaltstack checks size and use', () => {
  const task = fork(bootTestKernel());
  const { view } = memory(task);
  view.setUint32(256, 0x10000, true);
  view.setUint32(272, 2047, true);
  assert.equal(call(task, 'sigaltstack', 256, 0), -ENOMEM);
  view.setUint32(272, 8192, true);
  view.setUint32(264, 8, true);
  assert.equal(call(task, 'sigaltstack', 256, 0), -EINVAL);
  view.setUint32(264, 0, true);
  assert.equal(call(task, 'sigaltstack', 256, 64), 0);
  assert.equal(words(task, 72, 1)[0], abi.SS_DISABLE);
  task.thread.registers.setUint32(15 * 8, 0x11000, true);
  assert.equal(call(task, 'sigaltstack', 256, 0), -EPERM);
  assert.equal(call(task, 'sigaltstack', 0, 64), 0);
  assert.deepEqual([words(task, 64, 1)[0], words(task, 72, 1)[0]], [0x10000, abi.SS_ONSTACK]);
});

test('prlimit64 knows infinity and privilege', () => {
  const task = fork(bootTestKernel());
  assert.equal(call(task, 'prlimit64', 0, 3, 0, 64), 0);
  assert.deepEqual(words(task, 64, 4), [8 << 20, 0, -1, -1]);
  becomeUser(task, 1000);
  const { view } = memory(task);
  view.setUint32(256, 2048, true);
  view.setUint32(264, 1024, true);
  assert.equal(call(task, 'prlimit64', 0, 7, 256, 0), -EINVAL);
  view.setUint32(264, 2048, true);
  assert.equal(call(task, 'setrlimit', 7, 256), 0);
  assert.equal(task.files.limit, 2048);
  view.setUint32(264, 4096, true);
  assert.equal(call(task, 'prlimit64', 0, 7, 256, 0), -EPERM);
  assert.equal(call(task, 'prlimit64', 0, 16, 0, 64), -EINVAL);
  assert.equal(call(task, 'prlimit64', 1, 7, 0, 64), -EPERM);
});

test('capget and capset', () => {
  const task = fork(bootTestKernel());
  task.setCredentials(rootCredentials({ lo: 0xa80425fb, hi: 0 }));
  const { view } = memory(task);
  assert.equal(call(task, 'capget', 256, 0), 0, 'a probe');
  assert.equal(view.getUint32(256, true), 0x20080522);
  assert.equal(call(task, 'capget', 256, 64), 0);
  assert.equal(view.getUint32(64, true), 0xa80425fb);
  memory(task).bytes.fill(0, 64, 96);
  view.setUint32(68, 0x80, true);
  assert.equal(call(task, 'capset', 256, 64), 0);
  assert.equal(task.creds.caps.permitted.lo, 0x80);
  view.setUint32(68, 0x81, true);
  assert.equal(call(task, 'capset', 256, 64), -EPERM);
  view.setUint32(260, 1, true);
  assert.equal(call(task, 'capset', 256, 64), -EPERM);
});

test('prctl keeps names, privileges and the ambient set', () => {
  const task = fork(bootTestKernel());
  const { bytes } = memory(task);
  bytes.set(Buffer.from('a name of more than 15\0'), 256);
  assert.equal(call(task, 'prctl', 15, 256), 0);
  assert.equal(task.name, 'a name of more ');
  assert.equal(call(task, 'prctl', 16, 64), 0);
  assert.equal(bytes[79], 0);
  assert.equal(call(task, 'prctl', 38, 1, 0, 0, 1), -EINVAL);
  assert.equal(call(task, 'prctl', 38, 1), 0);
  assert.equal(call(task, 'prctl', 39), 1);
  assert.equal(fork(task).hasNoNewPrivs, true);
  assert.equal(call(task, 'prctl', 23, 40), 1);
  assert.equal(call(task, 'prctl', 23, 41), -EINVAL);
  assert.equal(call(task, 'prctl', 24, 40), 0);
  assert.equal(call(task, 'prctl', 23, 40), 0);
  assert.equal(call(task, 'prctl', 47, 2, 5), -EPERM, 'not inheritable');
  assert.equal(call(task, 'prctl', 28, 0x2), 0);
  assert.equal(call(task, 'prctl', 28, 0x3), -EPERM, 'locked');
  assert.equal(call(task, 'prctl', 1, 65), -EINVAL);
  assert.equal(call(task, 'prctl', 0xffff), -EINVAL);
});

test('ids: the set calls of the unprivileged, groups', () => {
  const task = fork(bootTestKernel());
  const { view } = memory(task);
  view.setUint32(256, 30, true);
  view.setUint32(260, 20, true);
  assert.equal(call(task, 'setgroups', 2, 256), 0);
  assert.equal(call(task, 'getgroups', 0, 0), 2);
  assert.equal(call(task, 'getgroups', 1, 64), -EINVAL);
  assert.equal(call(task, 'getgroups', 2, 64), 2);
  assert.deepEqual(words(task, 64, 2), [20, 30]);
  assert.equal(call(task, 'setuid', 1000), 0);
  assert.equal(task.kernel.pids.users.tasks(1000), 1);
  assert.equal(call(task, 'setgroups', 0, 0), -EPERM);
  assert.equal(call(task, 'setresuid', 0, 0, 0), -EPERM);
  assert.equal(call(task, 'setfsuid', 0), 1000);
  assert.equal(call(task, 'getresuid', 64, 68, 72), 0);
  assert.deepEqual(words(task, 64, 3), [1000, 1000, 1000]);
  assert.equal(call(task, 'sethostname', 0, 1), -EPERM);
});

test('affinity and priorities', () => {
  const task = fork(bootTestKernel());
  assert.equal(call(task, 'sched_getaffinity', 0, 128, 64), 8);
  assert.deepEqual(words(task, 64, 2), [3, 0]);
  assert.equal(call(task, 'sched_getaffinity', 0, 7, 64), -EINVAL);
  memory(task).view.setUint32(256, 2, true);
  assert.equal(call(task, 'sched_setaffinity', 0, 4, 256), 0);
  assert.equal(call(task, 'sched_getaffinity', 0, 8, 64), 8);
  assert.equal(words(task, 64, 1)[0], 2);
  memory(task).view.setUint32(256, 4, true);
  assert.equal(call(task, 'sched_setaffinity', 0, 4, 256), -EINVAL);
  assert.equal(call(task, 'setpriority', 0, 0, 100), 0);
  assert.equal(call(task, 'getpriority', 0, 0), 1);
  becomeUser(task, 1000);
  assert.equal(call(task, 'setpriority', 0, 0, 0), -EACCES);
  assert.equal(call(task, 'sched_get_priority_max', 1), 99);
  assert.equal(call(task, 'sched_get_priority_max', 9), -EINVAL);
  memory(task).view.setUint32(256, 1, true);
  assert.equal(call(task, 'sched_setscheduler', 0, 1, 256), -EPERM);
});

test('uname, getrandom, syslog', () => {
  const task = fork(bootTestKernel());
  const { bytes } = memory(task);
  assert.equal(call(task, 'uname', 256), 0);
  const field = (i: number): string => Buffer.from(bytes.subarray(256 + 65 * i, 321 + 65 * i)).toString('latin1');
  assert.equal(field(0).replace(/\0+$/, ''), 'Linux');
  assert.equal(field(4).replace(/\0+$/, ''), 'x86_64');
  assert.equal(call(task, 'uname', BAD), -EFAULT);
  assert.equal(call(task, 'getrandom', 64, 16, 0), 16);
  assert.equal(bytes[79], 0x5a);
  assert.equal(call(task, 'getrandom', 64, 16, 8), -EINVAL);
  assert.equal(call(task, 'getrandom', BAD, 16, 0), -EFAULT);
  task.kernel.log.log('booted', 1.5e9);
  assert.equal(call(task, 'syslog', 3, 1024, 4096), 25);
  assert.equal(Buffer.from(bytes.subarray(1024, 1049)).toString(), '<6>[    1.500000] booted\n');
  assert.equal(call(task, 'syslog', 11, 0, 0), -EINVAL);
});

test('exit ends the thread, exit_group all', () => {
  const task = fork(bootTestKernel());
  const thread = fork(task, THREAD_FLAGS);
  const other = fork(task, THREAD_FLAGS);
  call(thread, 'exit', 3);
  assert.deepEqual([thread.isExited, task.isExited], [true, false]);
  call(other, 'exit_group', 0x1234);
  assert.equal(task.isExited, true);
  assert.equal(task.group.exitStatus, 0x3400);
  sendSignalToGroup(task.group, new SigInfo(abi.SIGTERM, 0));
});
