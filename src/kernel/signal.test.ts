import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EAGAIN, EINTR } from '../abi/errno.ts';
import { RLIMIT_SIGPENDING } from '../abi/resource.ts';
import { decodeSiginfo, encodeSiginfo, SigInfo } from '../abi/siginfo.ts';
import * as abi from '../abi/signal.ts';
import { sleepOn, WAKE_SIGNAL } from './block.ts';
import { waitWhileStopped } from './group-stop.ts';
import {
  discardIfIgnored,
  forceSignal,
  raiseSignal,
  restoreSavedMask,
  sendSignalToGroup,
  sendSignalToTask,
  setBlockedMask,
  setTemporaryMask,
  takeSignalOf,
} from './signal.ts';
import { frameStackTop, nextSignal } from './signal-delivery.ts';
import { defaultAction, restartAction, signalBit } from './signal-policy.ts';
import type { Task } from './task.ts';
import { addOutsideProcess, bootTestKernel, fork, NotingThread, THREAD_FLAGS } from './test-machine.fixture.ts';
import { WaitQueue } from './wait-queue.ts';

const HANDLER = 0x401000;

function child(): Task {
  return fork(bootTestKernel());
}

function handle(task: Task, signo: number, flags = 0): void {
  const action = task.group.handlers.action(signo);
  action.handler = HANDLER;
  action.flags = flags;
}

function queued(signo: number, value: number): SigInfo {
  const info = new SigInfo(signo, abi.SI_QUEUE);
  info.valueLo = value;
  return info;
}

test('default actions are those of signal(7)', () => {
  const names = ['ignore', 'terminate', 'stop'];
  const actions: Record<string, number[]> = { ignore: [], terminate: [], stop: [] };
  for (let signo = 1; signo <= 64; signo++) actions[names[defaultAction(signo)]].push(signo);
  assert.deepEqual(actions.ignore, [17, 18, 23, 28]);
  assert.deepEqual(actions.stop, [19, 20, 21, 22]);
  assert.equal(actions.terminate.length, 56);
});

test('a standard signal is pending once, real-time signals queue in order, lower numbers first', () => {
  const task = child();
  for (const signo of [34, 10, 35]) handle(task, signo);
  setBlockedMask(task, -1, -1);
  for (let i = 0; i < 3; i++) sendSignalToTask(task, queued(abi.SIGUSR1, i));
  for (let i = 0; i < 3; i++) sendSignalToTask(task, queued(35, i));
  sendSignalToTask(task, queued(34, 9));
  assert.equal(task.hasSignalToDeliver(), false);
  const seen: number[][] = [];
  for (let info = takeSignalOf(task, -1, -1); info !== null; info = takeSignalOf(task, -1, -1)) {
    seen.push([info.signo, info.valueLo]);
  }
  assert.deepEqual(seen, [
    [10, 0],
    [34, 9],
    [35, 0],
    [35, 1],
    [35, 2],
  ]);
});

test('RLIMIT_SIGPENDING refuses sigqueue and gives the room back', () => {
  const task = child();
  const { users } = task.kernel.pids;
  task.group.limits.set(RLIMIT_SIGPENDING, 2, 2);
  setBlockedMask(task, -1, -1);
  assert.equal(sendSignalToTask(task, queued(40, 0)), 0);
  assert.equal(sendSignalToTask(task, queued(40, 1)), 0);
  assert.equal(sendSignalToTask(task, queued(40, 2)), -EAGAIN);
  assert.equal(sendSignalToTask(task, new SigInfo(41, abi.SI_USER)), 0, 'kill always gets through');
  assert.equal(sendSignalToTask(task, new SigInfo(abi.SIGTERM, abi.SI_USER)), 0);
  assert.equal(users.pendingSignals(0), 3);
  while (takeSignalOf(task, -1, -1) !== null);
  assert.equal(users.pendingSignals(0), 0);
});

test('delivery gives the old mask for the frame and blocks the signal and the mask of the action', () => {
  const task = child();
  handle(task, abi.SIGUSR1);
  task.group.handlers.action(abi.SIGUSR1).maskLo = signalBit(abi.SIGUSR2);
  setBlockedMask(task, signalBit(abi.SIGHUP), 0);
  sendSignalToTask(task, new SigInfo(abi.SIGUSR1, abi.SI_USER));
  assert.equal(task.hasSignalToDeliver(), true);
  const signal = nextSignal(task);
  assert.equal(signal?.handler, HANDLER);
  assert.equal(signal?.savedLo, signalBit(abi.SIGHUP));
  assert.equal(task.signals.blockedLo, signalBit(abi.SIGHUP) | signalBit(abi.SIGUSR1) | signalBit(abi.SIGUSR2));
  assert.equal(nextSignal(task), null);
  assert.equal(task.hasSignalToDeliver(), false);
});

test('SA_NODEFER leaves it unblocked, SA_RESETHAND resets the handler', () => {
  const task = child();
  handle(task, abi.SIGUSR1, abi.SA_NODEFER | abi.SA_RESETHAND);
  raiseSignal(task, abi.SIGUSR1);
  assert.equal(nextSignal(task)?.signo, abi.SIGUSR1);
  assert.equal(task.signals.blockedLo, 0);
  assert.equal(task.group.handlers.action(abi.SIGUSR1).handler, abi.SIG_DFL);
});

test('a temporary mask ends in the frame of a handler, or without a signal', () => {
  const task = child();
  handle(task, abi.SIGUSR1);
  setBlockedMask(task, signalBit(abi.SIGUSR1), 0);
  setTemporaryMask(task, 0, 0);
  raiseSignal(task, abi.SIGUSR1);
  assert.equal(nextSignal(task)?.savedLo, signalBit(abi.SIGUSR1));
  setBlockedMask(task, 0, 0);
  setTemporaryMask(task, -1, -1);
  restoreSavedMask(task);
  assert.equal(task.signals.blockedLo, 0);
  setTemporaryMask(task, -1, -1);
  assert.equal(nextSignal(task), null);
  assert.equal(task.signals.blockedLo, 0);
});

test('SIGKILL and SIGSTOP cannot be blocked', () => {
  const task = child();
  setBlockedMask(task, -1, -1);
  assert.equal(task.signals.blockedLo, ~(signalBit(abi.SIGKILL) | signalBit(abi.SIGSTOP)));
});

test('an ignored signal is dropped, a blocked one waits whatever its disposition, sigaction discards it', () => {
  const task = child();
  sendSignalToGroup(task.group, new SigInfo(abi.SIGCHLD, abi.SI_USER));
  assert.equal(task.group.pending.lo, 0);
  setBlockedMask(task, signalBit(abi.SIGCHLD), 0);
  sendSignalToGroup(task.group, new SigInfo(abi.SIGCHLD, abi.SI_USER));
  assert.notEqual(task.group.pending.lo, 0);
  discardIfIgnored(task.group, abi.SIGCHLD);
  assert.equal(task.group.pending.lo, 0);
});

test('a fatal signal ends the process with all its threads and tells the parent', () => {
  const init = bootTestKernel();
  const task = fork(init);
  const thread = fork(task, THREAD_FLAGS);
  sendSignalToGroup(task.group, new SigInfo(abi.SIGTERM, abi.SI_USER));
  assert.equal(nextSignal(task), null);
  assert.ok(task.isExited && thread.isExited && task.group.isZombie);
  assert.equal(task.group.exitStatus, abi.SIGTERM);
});

test('a forced signal gets through blocked and ignored', () => {
  const task = child();
  task.group.handlers.action(abi.SIGSEGV).handler = abi.SIG_IGN;
  setBlockedMask(task, -1, -1);
  forceSignal(task, abi.SIGSEGV, abi.SEGV_MAPERR, 0x1234);
  assert.equal(nextSignal(task), null);
  assert.equal(task.isExited, true);
  const other = child();
  handle(other, abi.SIGSEGV);
  forceSignal(other, abi.SIGSEGV, abi.SEGV_MAPERR, 0x1234);
  assert.equal(nextSignal(other)?.info.addr, 0x1234);
});

test('PID 1 is spared what it has no handler for, unless it comes from outside or from the CPU', () => {
  const init = bootTestKernel();
  for (const signo of [abi.SIGTERM, abi.SIGKILL, abi.SIGSTOP]) {
    sendSignalToGroup(init.group, new SigInfo(signo, abi.SI_USER));
    assert.equal(nextSignal(init), null);
    assert.equal(init.isExited, false);
    assert.equal(init.signals.isStopped, false);
  }
  handle(init, abi.SIGHUP);
  sendSignalToGroup(init.group, new SigInfo(abi.SIGHUP, abi.SI_USER));
  assert.equal(nextSignal(init)?.signo, abi.SIGHUP);
  const outside = new SigInfo(abi.SIGTERM, abi.SI_USER);
  outside.isFromOutside = true;
  sendSignalToGroup(init.group, outside);
  nextSignal(init);
  assert.equal(init.isExited, true);
  const faulting = bootTestKernel();
  forceSignal(faulting, abi.SIGILL, abi.ILL_ILLOPN);
  nextSignal(faulting);
  assert.equal(faulting.group.exitStatus, abi.SIGILL);
});

test('a process signal wakes a thread that does not block it', () => {
  const task = child();
  const thread = fork(task, THREAD_FLAGS);
  handle(task, abi.SIGUSR1);
  setBlockedMask(task, -1, -1);
  sendSignalToGroup(task.group, new SigInfo(abi.SIGUSR1, abi.SI_USER));
  assert.equal(task.hasSignalToDeliver(), false);
  assert.equal(thread.hasSignalToDeliver(), true);
  assert.ok(thread.thread instanceof NotingThread && thread.thread.interrupts === 1);
  setBlockedMask(thread, -1, -1);
  setBlockedMask(task, 0, 0);
  assert.equal(nextSignal(task)?.signo, abi.SIGUSR1);
});

test('a sibling is offered the signal its thread stops taking', () => {
  const task = child();
  const thread = fork(task, THREAD_FLAGS);
  handle(task, abi.SIGUSR1);
  setBlockedMask(thread, -1, -1);
  sendSignalToGroup(task.group, new SigInfo(abi.SIGUSR1, abi.SI_USER));
  setBlockedMask(thread, 0, 0);
  thread.signals.isDeliverable = false;
  setBlockedMask(task, -1, -1);
  assert.equal(thread.hasSignalToDeliver(), true);
});

test('a sleep ends when a signal comes', async () => {
  const task = child();
  handle(task, abi.SIGUSR1);
  const sleep = sleepOn(task, [new WaitQueue()], 1, Infinity);
  raiseSignal(task, abi.SIGUSR1);
  assert.equal(await sleep, WAKE_SIGNAL);
});

test('stop takes all threads, tells the parent once, and SIGCONT goes on', async () => {
  const init = bootTestKernel();
  const shell = fork(init);
  const task = fork(shell);
  const { pids } = init.kernel;
  pids.moveToProcessGroup(task.group, pids.createProcessGroup(task.tid, task.group.session));
  const thread = fork(task, THREAD_FLAGS);
  handle(shell, abi.SIGCHLD);
  sendSignalToGroup(task.group, new SigInfo(abi.SIGTSTP, abi.SI_USER));
  assert.equal(nextSignal(task), null);
  assert.equal(task.signals.isStopped, true);
  assert.equal(task.group.isStopped, false);
  assert.equal(thread.hasSignalToDeliver(), true);
  assert.equal(nextSignal(thread), null);
  assert.equal(task.group.isStopped, true);
  const stopped = nextSignal(shell);
  assert.deepEqual([stopped?.info.code, stopped?.info.status], [abi.CLD_STOPPED, abi.SIGTSTP]);
  setBlockedMask(shell, 0, 0);
  const resumed = waitWhileStopped(task);
  sendSignalToGroup(task.group, new SigInfo(abi.SIGCONT, abi.SI_USER));
  await resumed;
  assert.equal(task.signals.isStopped || thread.signals.isStopped, false);
  assert.equal(nextSignal(shell)?.info.code, abi.CLD_CONTINUED);
  assert.equal(nextSignal(task), null);
  assert.equal(task.isExited, false);
});

test('SIGKILL ends a stopped process; a stop signal discards SIGCONT and the other way round', async () => {
  const task = child();
  sendSignalToGroup(task.group, new SigInfo(abi.SIGSTOP, abi.SI_USER));
  nextSignal(task);
  const resumed = waitWhileStopped(task);
  sendSignalToGroup(task.group, new SigInfo(abi.SIGKILL, abi.SI_USER));
  await resumed;
  nextSignal(task);
  assert.equal(task.group.exitStatus, abi.SIGKILL);
  const other = child();
  handle(other, abi.SIGCONT);
  handle(other, abi.SIGTSTP);
  setBlockedMask(other, -1, -1);
  sendSignalToGroup(other.group, new SigInfo(abi.SIGTSTP, abi.SI_USER));
  sendSignalToGroup(other.group, new SigInfo(abi.SIGCONT, abi.SI_USER));
  assert.equal(other.group.pending.lo, signalBit(abi.SIGCONT));
  sendSignalToGroup(other.group, new SigInfo(abi.SIGTSTP, abi.SI_USER));
  assert.equal(other.group.pending.lo, signalBit(abi.SIGTSTP));
});

test('an orphaned process group is not stopped by the terminal', () => {
  const outside = addOutsideProcess(bootTestKernel().kernel);
  sendSignalToGroup(outside.group, new SigInfo(abi.SIGTSTP, abi.SI_USER));
  assert.equal(nextSignal(outside), null);
  assert.equal(outside.signals.isStopped, false);
});

test('the alternate stack is used once, from its top', () => {
  const task = child();
  Object.assign(task.signals.altStack, { address: 0x10000, size: 0x2000, flags: 0 });
  handle(task, abi.SIGUSR1, abi.SA_ONSTACK);
  raiseSignal(task, abi.SIGUSR1);
  const signal = nextSignal(task);
  assert.ok(signal !== null);
  assert.equal(frameStackTop(task, signal, 0x7fff0000), 0x12000);
  assert.equal(frameStackTop(task, signal, 0x11000), 0x11000);
});

test('interrupted calls restart as arch_do_signal_or_restart decides', () => {
  const SAME = 1;
  const INTERRUPTED = 2;
  const BLOCK = 3;
  const table = [
    [512, SAME, INTERRUPTED, SAME],
    [513, SAME, SAME, SAME],
    [514, SAME, INTERRUPTED, INTERRUPTED],
    [516, BLOCK, INTERRUPTED, INTERRUPTED],
    [EINTR, 0, 0, 0],
  ];
  for (const [code, without, plain, restarting] of table) {
    assert.equal(restartAction(-code, false, false), without);
    assert.equal(restartAction(-code, true, false), plain);
    assert.equal(restartAction(-code, true, true), restarting);
  }
});

test('siginfo has the layout of x86-64', () => {
  const bytes = new Uint8Array(128);
  const view = new DataView(bytes.buffer);
  const info = new SigInfo(abi.SIGCHLD, abi.CLD_EXITED, 7, 1000);
  info.status = 3;
  info.utime = 5;
  encodeSiginfo(info, bytes);
  assert.deepEqual(
    [0, 4, 8, 16, 20, 24, 32].map((at) => view.getInt32(at, true)),
    [17, 0, 1, 7, 1000, 3, 5],
  );
  const fault = new SigInfo(abi.SIGSEGV, abi.SEGV_ACCERR);
  fault.addr = 0x7f1234567890;
  encodeSiginfo(fault, bytes);
  assert.equal(view.getBigUint64(16, true), 0x7f1234567890n);
  assert.ok(bytes.subarray(24).every((byte) => byte === 0));
});

test('what rt_sigqueueinfo gave is passed on, cut to what Linux keeps', () => {
  const src = new Uint8Array(128).map((_, i) => i);
  new DataView(src.buffer).setInt32(8, abi.SI_QUEUE, true);
  const dst = new Uint8Array(128);
  encodeSiginfo(decodeSiginfo(src, 34), dst);
  assert.equal(new DataView(dst.buffer).getInt32(0, true), 34);
  assert.deepEqual(dst.subarray(4, 48), src.subarray(4, 48));
  assert.ok(dst.subarray(48).every((byte) => byte === 0));
});
