import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HostProbe, isKernelNewEnough, judgeHost } from './host-facts.ts';

const good: HostProbe = {
  platform: 'linux x64',
  kernelRelease: '6.1.0-17-amd64',
  seccompActions: ['trap', 'user_notif'],
  userNamespaces: 100,
  pidNamespaces: 100,
  netNamespaces: 100,
  mntNamespaces: 100,
  isUsernsRestricted: false,
  isRoot: false,
  openFiles: 20000,
  cpuCount: 2,
  hasFsgsbase: true,
  cgroup: 'v2',
  calls: [
    { name: 'memfd_create', isNeeded: true, works: true },
    { name: 'membarrier', isNeeded: false, works: true },
  ],
  zygote: { isolation: 'user' },
};
const states = (change: Partial<HostProbe>): string[] =>
  judgeHost({ ...good, ...change })
    .filter((fact) => fact.state !== 'good')
    .map((fact) => fact.state);

test('kernel releases', () => {
  for (const release of ['5.11.0', '5.15-rc1', '6.0', '10.2.1']) assert.ok(isKernelNewEnough(release), release);
  for (const release of ['5.10.200', '4.19', '', 'x']) assert.ok(!isKernelNewEnough(release), release);
});

test('what cannot be done without is fatal, the rest only weaker', () => {
  assert.deepEqual(states({}), []);
  assert.deepEqual(states({ seccompActions: ['trap'] }), ['fatal']);
  assert.deepEqual(states({ zygote: { failure: 'EPERM' } }), ['fatal']);
  assert.deepEqual(states({ calls: [{ name: 'openat2', isNeeded: true, works: false }] }), ['fatal']);
  assert.deepEqual(states({ calls: [{ name: 'membarrier', isNeeded: false, works: false }] }), ['weaker']);
  assert.deepEqual(states({ userNamespaces: 0, zygote: { isolation: 'filter' } }), ['weaker', 'weaker']);
  assert.deepEqual(states({ isUsernsRestricted: true }), ['weaker']);
  assert.deepEqual(states({ isUsernsRestricted: true, isRoot: true }), []);
});

test('all that is not good says how to mend it', () => {
  const bad = judgeHost({
    ...good,
    userNamespaces: 0,
    netNamespaces: undefined,
    cpuCount: 1,
    openFiles: 10,
    hasFsgsbase: false,
  });
  for (const fact of bad) assert.ok(fact.state === 'good' || fact.remedy !== undefined, fact.text);
});
