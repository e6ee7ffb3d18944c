import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SigInfo } from '../abi/siginfo.ts';
import { SI_USER } from '../abi/signal.ts';
import { __WALL, WEXITED, WNOHANG, WSTOPPED } from '../abi/wait.ts';
import { beginExec } from './exec.ts';
import { exitedStatus, exitGroup, exitTask } from './exit.ts';
import { continueGroup } from './group-stop.ts';
import { sendSignalToGroup, setBlockedMask } from './signal.ts';
import { nextSignal } from './signal-delivery.ts';
import type { Task } from './task.ts';
import { bootTestKernel, fork, THREAD_FLAGS } from './test-machine.fixture.ts';
import { waitForChild, waitRequest } from './wait.ts';

/** What must hold between any two calls. */
function check(init: Task): void {
  const { pids } = init.kernel;
  let listed = 0;
  let pendingSignals = 0;
  for (const group of pids.groups()) {
    assert.equal(pids.group(group.pid), group);
    assert.equal(group.leader.tid, group.pid);
    assert.equal(group.isReaped, false);
    assert.equal(group.isZombie, group.tasks.length === 0);
    assert.ok(group.processGroup.members.has(group));
    assert.equal(pids.processGroup(group.processGroup.pgid), group.processGroup);
    assert.ok(group.parent === null ? group.isInit : group.parent.children.has(group));
    assert.ok(group.parent === null || !group.parent.isZombie, 'nobody is the child of a zombie');
    assert.equal(group.isStopped, group.stopSignal !== 0 && group.tasks.every((task) => task.signals.isStopped));
    for (const task of group.tasks) {
      assert.equal(task.isExited, false);
      assert.equal(task.group, group);
      assert.equal(pids.task(task.tid), task);
      pendingSignals += count(task.signals.pending.lo, task.signals.pending.hi);
      const due =
        task.signals.pending.next(task.signals.blockedLo, task.signals.blockedHi) !== 0 || task.signals.isStopPending;
      assert.ok(!due || task.hasSignalToDeliver(), 'a due signal is not flagged');
    }
    pendingSignals += count(group.pending.lo, group.pending.hi);
    listed += group.tasks.length + (group.leader.isExited ? 1 : 0);
  }
  assert.equal(pids.taskCount, listed);
  assert.equal(pids.users.tasks(0), listed);
  assert.equal(pids.users.pendingSignals(0), pendingSignals);
}

/** Standard signals queue once, so that a bit is an entry. */
function count(lo: number, hi: number): number {
  let n = 0;
  for (let bits = lo >>> 0; bits !== 0; bits = (bits & (bits - 1)) >>> 0) n += 1;
  assert.equal(hi, 0);
  return n;
}

const step = fc.record({
  action: fc.integer({ min: 0, max: 9 }),
  who: fc.nat(1000),
  number: fc.integer({ min: 1, max: 31 }),
});

function perform(tasks: readonly Task[], action: number, who: number, number: number): void {
  const task = tasks[who % tasks.length];
  const { pids } = task.kernel;
  const mayFork = !task.signals.isStopped && !task.hasSignalToDeliver() && tasks.length < 40;
  switch (action) {
    case 0:
    case 1:
      if (mayFork) fork(task);
      return;
    case 2:
      if (mayFork) fork(task, THREAD_FLAGS);
      return;
    case 3:
      if (!task.group.isInit) exitTask(task, exitedStatus(number));
      return;
    case 4:
      if (!task.group.isInit) exitGroup(task.group, exitedStatus(number));
      return;
    case 5:
      waitForChild(task, waitRequest(task, -1, WEXITED | WSTOPPED | WNOHANG | __WALL));
      return;
    case 6:
      sendSignalToGroup(task.group, new SigInfo(number, SI_USER));
      return;
    case 7:
      nextSignal(task);
      return;
    case 8:
      if (!task.signals.isStopped) beginExec(task);
      return;
    default:
      if (number < 4) continueGroup(task.group);
      else if (number < 12) setBlockedMask(task, number * 0x01234567, 0);
      else if (task.group.session.leader !== task.group && pids.processGroup(task.group.pid) === undefined) {
        const { session } = task.group;
        const isNewSession = number < 20;
        const target = isNewSession
          ? pids.createSession(task.group, task.group.pid)
          : pids.createProcessGroup(task.group.pid, session);
        pids.moveToProcessGroup(task.group, target);
      }
  }
}

test('whatever processes do to each other, the tables agree, and the end of PID 1 leaves nothing', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 40, maxLength: 200 }), (steps) => {
      const init = bootTestKernel();
      for (const { action, who, number } of steps) {
        const tasks = [...init.kernel.pids.tasks()].filter((task) => !task.isExited);
        perform(tasks, action, who, number);
        check(init);
      }
      exitGroup(init.group, 0);
      const { pids } = init.kernel;
      assert.equal(pids.taskCount, 0);
      assert.equal([...pids.groups()].length, 0);
      assert.equal(pids.users.pendingSignals(0), 0);
      assert.equal(pids.isFree(1), true);
    }),
    { numRuns: 100 },
  );
});
