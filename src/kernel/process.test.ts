import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EAGAIN, ECHILD, EINVAL, EIO, EPERM, ERESTARTNOINTR, ERESTARTSYS } from '../abi/errno.ts';
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from '../abi/memory.ts';
import { RLIMIT_NPROC } from '../abi/resource.ts';
import { SigInfo } from '../abi/siginfo.ts';
import * as abi from '../abi/signal.ts';
import { __WALL, __WCLONE, __WNOTHREAD, WCONTINUED, WEXITED, WNOHANG, WNOWAIT, WSTOPPED } from '../abi/wait.ts';
import { NO_CAPABILITIES } from './capability-set.ts';
import { userCredentials } from './credentials.ts';
import { beginExec } from './exec.ts';
import { exitedStatus, exitGroup, exitTask } from './exit.ts';
import { abandonTask, checkClone, copyTask } from './fork.ts';
import { checkTtyAccess } from './job-control.ts';
import { PidTable } from './pid-table.ts';
import type { ControllingTty } from './session.ts';
import { sendSignalToGroup, setBlockedMask } from './signal.ts';
import { nextSignal } from './signal-delivery.ts';
import type { Task } from './task.ts';
import { addOutsideProcess, bootTestKernel, fork, THREAD_FLAGS } from './test-machine.fixture.ts';
import { type WaitResult, waitForChild, waitRequest } from './wait.ts';

function waitNow(task: Task, pid: number, options: number): WaitResult | number {
  const result = waitForChild(task, waitRequest(task, pid, options | WNOHANG));
  assert.ok(!(result instanceof Promise));
  return result;
}

function waitedPid(task: Task, pid: number, options: number): number {
  const result = waitNow(task, pid, options);
  return typeof result === 'number' ? result : result.pid;
}

function unprivileged(task: Task, uid: number): void {
  const none = {
    effective: NO_CAPABILITIES,
    permitted: NO_CAPABILITIES,
    inheritable: NO_CAPABILITIES,
    bounding: NO_CAPABILITIES,
    ambient: NO_CAPABILITIES,
  };
  task.setCredentials(userCredentials(uid, uid, [], none));
}

test('the first process leads session and process group 1; children are numbered upwards', () => {
  const init = bootTestKernel();
  assert.deepEqual([init.tid, init.group.processGroup.pgid, init.group.session.sid], [1, 1, 1]);
  const child = fork(init);
  assert.equal(child.tid, 2);
  assert.equal(child.group.parentPid, 1);
  assert.equal(fork(child, THREAD_FLAGS).group, child.group);
});

test('numbers wrap above the reserved ones and skip those of process groups that live on', () => {
  const init = bootTestKernel({ pidMax: 304 });
  const { pids } = init.kernel;
  for (let i = 0; i < 302; i++) pids.allocate();
  const a = fork(init);
  assert.equal(a.tid, 300);
  pids.moveToProcessGroup(a.group, pids.createProcessGroup(a.tid, a.group.session));
  const b = fork(a);
  exitGroup(a.group, 0);
  assert.equal(waitedPid(init, -1, WEXITED), 300);
  assert.equal(b.group.processGroup.pgid, 300);
  assert.equal(fork(init).tid, 302);
  assert.equal(fork(init).tid, 303);
  assert.equal(pids.allocate(), -EAGAIN);
  exitGroup(b.group, 0);
  assert.equal(waitedPid(init, 301, WEXITED), 301);
  assert.equal(pids.isFree(300), true);
});

test('the number of tasks is bounded, in all and for each user', () => {
  const init = bootTestKernel({ maxTasks: 2 });
  fork(init);
  assert.equal(copyTask(init, 0, 17, { mm: init.mm }), -EAGAIN);
  const user = fork(bootTestKernel());
  unprivileged(user, 1000);
  user.group.limits.set(RLIMIT_NPROC, 1, 1);
  assert.equal(checkClone(user, 0), -EAGAIN);
  assert.equal(new PidTable().allocateAt(0), -EINVAL);
});

test('clone flags are checked as copy_process does', () => {
  const task = fork(bootTestKernel());
  assert.equal(checkClone(task, 0x10000), -EINVAL, 'THREAD without SIGHAND');
  assert.equal(checkClone(task, 0x800), -EINVAL, 'SIGHAND without VM');
  assert.equal(checkClone(task, 0x20200), -EINVAL, 'NEWNS with FS');
  assert.equal(checkClone(task, 0x10000000), -EPERM, 'NEWUSER');
  assert.equal(checkClone(task.group.parent?.tasks[0] ?? task, 0x8000), -EINVAL, 'PARENT by init');
  assert.equal(checkClone(task, THREAD_FLAGS), 0);
  sendSignalToGroup(task.group, new SigInfo(abi.SIGTERM, 0));
  assert.equal(checkClone(task, 0), -ERESTARTNOINTR);
});

test('exit status, siginfo of SIGCHLD, and the zombie until it is waited for', () => {
  const init = bootTestKernel();
  const parent = fork(init);
  parent.group.handlers.action(abi.SIGCHLD).handler = 0x1000;
  const child = fork(parent);
  assert.equal(waitedPid(parent, -1, WEXITED), 0);
  exitGroup(child.group, exitedStatus(0x1ff));
  const info = nextSignal(parent)?.info;
  assert.deepEqual([info?.code, info?.pid, info?.status], [abi.CLD_EXITED, child.tid, 0xff]);
  const peek = waitNow(parent, child.tid, WEXITED | WNOWAIT);
  assert.ok(typeof peek !== 'number');
  assert.equal(peek.waitStatus, 0xff00);
  assert.equal(waitedPid(parent, child.tid, WEXITED), child.tid);
  assert.equal(waitedPid(parent, -1, WEXITED), -ECHILD);
  assert.equal(init.kernel.pids.task(child.tid), undefined);
});

test('a wait sleeps until the child ends, and until a signal comes', async () => {
  const parent = fork(bootTestKernel());
  const child = fork(parent);
  const waiting = waitForChild(parent, waitRequest(parent, -1, WEXITED));
  exitGroup(child.group, abi.SIGKILL);
  const result = await waiting;
  assert.ok(typeof result !== 'number');
  assert.deepEqual([result.pid, result.code, result.status, result.waitStatus], [child.tid, abi.CLD_KILLED, 9, 9]);
  fork(parent);
  parent.group.handlers.action(abi.SIGUSR1).handler = 0x1000;
  const interrupted = waitForChild(parent, waitRequest(parent, -1, WEXITED));
  sendSignalToGroup(parent.group, new SigInfo(abi.SIGUSR1, 0));
  assert.equal(await interrupted, -ERESTARTSYS);
});

test('nobody waits for children of one that ignores SIGCHLD or said SA_NOCLDWAIT', () => {
  for (const [handler, flags] of [
    [abi.SIG_IGN, 0],
    [abi.SIG_DFL, abi.SA_NOCLDWAIT],
  ]) {
    const parent = fork(bootTestKernel());
    Object.assign(parent.group.handlers.action(abi.SIGCHLD), { handler, flags });
    const child = fork(parent);
    exitGroup(child.group, 0);
    assert.equal(child.group.isReaped, true);
    assert.equal(waitedPid(parent, -1, WEXITED), -ECHILD);
  }
});

test('wait sees clone children only when asked, by process group, and those of its own thread', () => {
  const parent = fork(bootTestKernel());
  const silent = fork(parent, 0, 0);
  exitGroup(silent.group, 0);
  assert.equal(waitedPid(parent, -1, WEXITED), -ECHILD);
  assert.equal(waitedPid(parent, -1, WEXITED | WNOWAIT | __WCLONE), silent.tid);
  assert.equal(waitedPid(parent, -1, WEXITED | __WALL), silent.tid);
  const child = fork(parent);
  const thread = fork(parent, THREAD_FLAGS);
  exitGroup(child.group, 0);
  assert.equal(waitedPid(thread, -1, WEXITED | __WNOTHREAD), -ECHILD);
  assert.equal(waitedPid(thread, -77, WEXITED), -ECHILD);
  assert.equal(waitedPid(thread, 0, WEXITED), child.tid);
});

test('stops and continuations are waited for', () => {
  const parent = fork(bootTestKernel());
  const child = fork(parent);
  sendSignalToGroup(child.group, new SigInfo(abi.SIGSTOP, 0));
  nextSignal(child);
  assert.equal(waitedPid(parent, -1, WEXITED), 0);
  const stopped = waitNow(parent, -1, WSTOPPED);
  assert.ok(typeof stopped !== 'number');
  assert.equal(stopped.waitStatus, 0x137f);
  assert.equal(waitedPid(parent, -1, WSTOPPED), 0);
  sendSignalToGroup(child.group, new SigInfo(abi.SIGCONT, 0));
  const continued = waitNow(parent, -1, WCONTINUED);
  assert.ok(typeof continued !== 'number');
  assert.equal(continued.waitStatus, 0xffff);
});

test('orphans go to the nearest subreaper, else to PID 1; the death signal is sent', () => {
  const init = bootTestKernel();
  const reaper = fork(init);
  reaper.group.isSubreaper = true;
  const middle = fork(reaper);
  const orphan = fork(middle);
  orphan.parentDeathSignal = abi.SIGTERM;
  exitGroup(middle.group, 0);
  assert.equal(orphan.group.parent, reaper.group);
  nextSignal(orphan);
  assert.equal(orphan.group.exitStatus, abi.SIGTERM);
  const late = fork(reaper);
  exitGroup(reaper.group, 0);
  assert.equal(late.group.parent, init.group);
});

test('the end of PID 1 is the end of all', () => {
  const init = bootTestKernel();
  const child = fork(init);
  const grandchild = fork(child);
  const outside = addOutsideProcess(init.kernel);
  const ended: number[] = [];
  init.kernel.pids.hooks.groupExit.push((group) => ended.push(group.pid));
  exitGroup(init.group, exitedStatus(3));
  for (const task of [init, child, grandchild, outside]) assert.equal(task.isExited, true);
  assert.deepEqual(ended.sort(), [1, 2, 3, 4]);
  assert.equal(init.kernel.pids.taskCount, 0);
  assert.equal(init.kernel.pids.users.tasks(0), 0);
});

test('a thread leaves alone, clears its tid and wakes the futex; the leader stays as a zombie', () => {
  const init = bootTestKernel();
  const task = fork(init);
  const thread = fork(task, THREAD_FLAGS);
  const woken: number[] = [];
  init.kernel.pids.hooks.futexWake = (_task, address) => woken.push(address);
  thread.mm.host.mmap(0x10000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  thread.clearChildTid = 0x10040;
  thread.mm.writeNow(0x10040, Uint8Array.of(3, 0, 0, 0));
  exitTask(thread, 0);
  assert.deepEqual(woken, [0x10040]);
  assert.equal(task.mm.readU32Now(0x10040), 0);
  assert.equal(init.kernel.pids.task(thread.tid), undefined);
  const other = fork(task, THREAD_FLAGS);
  exitTask(task, exitedStatus(5));
  assert.equal(task.group.isZombie, false);
  assert.equal(waitedPid(init, -1, WEXITED), 0);
  exitTask(other, exitedStatus(9));
  const result = waitNow(init, -1, WEXITED);
  assert.ok(typeof result !== 'number');
  assert.equal(result.waitStatus, 0x500, 'the status of the leader');
});

test('exec by a thread ends the others and takes over the process id', () => {
  const init = bootTestKernel();
  const task = fork(init);
  const thread = fork(task, THREAD_FLAGS);
  thread.group.handlers.action(abi.SIGUSR1).handler = 0x1000;
  thread.group.handlers.action(abi.SIGUSR2).handler = abi.SIG_IGN;
  setBlockedMask(thread, 4, 0);
  const { files } = thread;
  beginExec(thread);
  assert.equal(task.isExited, true);
  assert.equal(thread.tid, thread.group.pid);
  assert.equal(init.kernel.pids.task(thread.tid), thread);
  assert.equal(thread.group.leader, thread);
  assert.equal(thread.group.handlers.action(abi.SIGUSR1).handler, abi.SIG_DFL);
  assert.equal(thread.group.handlers.action(abi.SIGUSR2).handler, abi.SIG_IGN);
  assert.equal(thread.signals.blockedLo, 4);
  assert.equal(thread.files, files, 'nobody else uses it any more');
  exitGroup(thread.group, 0);
  assert.equal(waitedPid(init, -1, WEXITED), thread.tid);
});

test('a task that never ran leaves nothing behind', () => {
  const init = bootTestKernel();
  const child = fork(init);
  abandonTask(child);
  assert.equal(init.kernel.pids.taskCount, 1);
  assert.equal(waitedPid(init, -1, WEXITED), -ECHILD);
  assert.equal(init.kernel.pids.isFree(child.tid), true);
});

test('the end of a shell hangs up its stopped job', () => {
  const init = bootTestKernel();
  const shell = fork(init);
  const { pids } = init.kernel;
  pids.moveToProcessGroup(shell.group, pids.createSession(shell.group, shell.tid));
  const job = fork(shell);
  pids.moveToProcessGroup(job.group, pids.createProcessGroup(job.tid, job.group.session));
  sendSignalToGroup(job.group, new SigInfo(abi.SIGTSTP, 0));
  nextSignal(job);
  assert.equal(job.group.isStopped, true);
  exitGroup(shell.group, 0);
  assert.equal(job.group.isStopped, false);
  nextSignal(job);
  assert.equal(job.group.exitStatus, abi.SIGHUP);
});

test('the terminal is the foreground group’s', () => {
  const init = bootTestKernel();
  const shell = fork(init);
  const { pids } = init.kernel;
  pids.moveToProcessGroup(shell.group, pids.createSession(shell.group, shell.tid));
  const tty: ControllingTty = {
    foreground: shell.group.processGroup,
    session: shell.group.session,
    isTostop: false,
    onSessionEnd: () => {},
  };
  shell.group.session.tty = tty;
  const job = fork(shell);
  pids.moveToProcessGroup(job.group, pids.createProcessGroup(job.tid, job.group.session));
  assert.equal(checkTtyAccess(shell, tty, 'read'), 0);
  assert.equal(checkTtyAccess(job, tty, 'write'), 0);
  assert.equal(checkTtyAccess(job, tty, 'read'), -ERESTARTSYS);
  nextSignal(job);
  assert.equal(job.group.stopSignal, abi.SIGTTIN);
  sendSignalToGroup(job.group, new SigInfo(abi.SIGCONT, 0));
  job.group.handlers.action(abi.SIGTTIN).handler = abi.SIG_IGN;
  assert.equal(checkTtyAccess(job, tty, 'read'), -EIO);
  exitGroup(shell.group, 0);
  assert.equal(tty.session, null);
  assert.equal(checkTtyAccess(job, tty, 'read'), 0);
});
