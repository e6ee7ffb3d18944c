import assert from 'node:assert/strict';
import { test } from 'node:test';
import { syscallNames } from '../abi/syscall-names.ts';
import { ALLOW, KILL_PROCESS, runFilter, X86_64 } from '../platform/bpf.fixture.ts';
import { ANSWERED_CALLS, HOST_CALLS, type HostCallGroup } from './host-calls.ts';
import { sentryFilter } from './sentry-filter.ts';

const GROUPS: readonly HostCallGroup[] = ['runtime', 'guests', 'files', 'streams', 'container', 'host network'];
const numbers = new Map([...syscallNames].map(([nr, name]) => [name, nr]));

function decide(name: string, args: number[], groups = GROUPS, arch = X86_64): number {
  return runFilter(sentryFilter(groups), arch, 0x1000, numbers.get(name) ?? -1, args);
}

test('what is not in the table ends the process, whatever the ABI', () => {
  const names = new Set([...GROUPS.flatMap((group) => HOST_CALLS[group]), ...ANSWERED_CALLS].map(({ name }) => name));
  for (const [nr, name] of syscallNames) {
    if (!names.has(name)) assert.equal(decide(name, []), KILL_PROCESS, name);
    assert.equal(runFilter(sentryFilter(GROUPS), 0x40000003, 0, nr, []), KILL_PROCESS, `i386 ${nr}`);
    assert.equal(runFilter(sentryFilter(GROUPS), X86_64, 0, nr | 0x40000000, []), KILL_PROCESS, `x32 ${nr}`);
  }
  for (const name of ['execve', 'execveat', 'fork', 'vfork', 'ptrace', 'open']) {
    assert.equal(decide(name, []), KILL_PROCESS, name);
  }
});

test('calls without limits are allowed with any arguments', () => {
  for (const group of GROUPS) {
    for (const { name, when } of HOST_CALLS[group]) if (!when) assert.equal(decide(name, [-1, -1, -1]), ALLOW, name);
  }
});

test('arguments are checked where a call could do more', () => {
  assert.equal(decide('openat2', [5]), ALLOW);
  assert.equal(decide('openat2', [-100]), KILL_PROCESS, 'AT_FDCWD');
  assert.equal(decide('linkat', [5, 0, 6, 0, 0]), ALLOW);
  assert.equal(decide('linkat', [5, 0, 6, 0, 0x1000]), KILL_PROCESS, 'AT_EMPTY_PATH');
  assert.equal(decide('linkat', [5, 0, -100, 0, 0]), KILL_PROCESS);
  assert.equal(decide('symlinkat', [-1, 7]), ALLOW, 'an address in the first argument');
  assert.equal(decide('ioctl', [3, 0xc0502100]), ALLOW);
  assert.equal(decide('ioctl', [3, 0x5401]), ALLOW, 'of another group');
  assert.equal(decide('ioctl', [3, 0x5412]), KILL_PROCESS, 'TIOCSTI');
  assert.equal(decide('clone', [0x3d0f00]), ALLOW);
  assert.equal(decide('clone', [17]), KILL_PROCESS, 'a process');
  assert.equal(decide('tgkill', [1, 1, 9]), KILL_PROCESS);
  assert.equal(decide('socketpair', [1, 0x80005]), ALLOW);
  assert.equal(decide('socketpair', [2, 0x80005]), KILL_PROCESS);
});

test('a group is absent for a sandbox without the feature', () => {
  const args = [3, 0, 0, 0x80800];
  assert.equal(decide('accept4', args), ALLOW);
  assert.equal(decide('accept4', args, ['runtime', 'guests', 'files', 'streams']), KILL_PROCESS);
});

test('what libraries look up of the host is not there', () => {
  for (const { name, errno } of ANSWERED_CALLS) assert.equal(decide(name, [-100]), 0x00050000 | errno, name);
});
