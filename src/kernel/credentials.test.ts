import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CAP_CHOWN, CAP_KILL, CAP_SETUID, SECBIT_KEEP_CAPS, SECBIT_NO_SETUID_FIXUP } from '../abi/capability.ts';
import { EINVAL, EPERM } from '../abi/errno.ts';
import { capabilitySetOf, DOCKER_CAPABILITIES, NO_CAPABILITIES } from './capability-set.ts';
import { type Credentials, rootCredentials, userCredentials } from './credentials.ts';
import { credentialsForExec } from './exec.ts';
import { parseFileCapabilities } from './file-capabilities.ts';
import { setfsuid, setgid, setregid, setresuid, setreuid, setuid, UNCHANGED } from './set-ids.ts';

const none = {
  effective: NO_CAPABILITIES,
  permitted: NO_CAPABILITIES,
  inheritable: NO_CAPABILITIES,
  bounding: DOCKER_CAPABILITIES,
  ambient: NO_CAPABILITIES,
};
const user = userCredentials(1000, 1000, [4, 27], none);

function uids(creds: Credentials | number): number[] {
  if (typeof creds === 'number') return [creds];
  return [creds.uid, creds.euid, creds.suid, creds.fsuid];
}

function made(creds: Credentials | number): Credentials {
  assert.ok(typeof creds !== 'number', `refused: ${creds}`);
  return creds;
}

test('setuid of root sets all ids and loses the capabilities', () => {
  const dropped = made(setuid(rootCredentials(DOCKER_CAPABILITIES), 1000));
  assert.deepEqual(uids(dropped), [1000, 1000, 1000, 1000]);
  assert.deepEqual(dropped.caps.permitted, NO_CAPABILITIES);
  assert.deepEqual(dropped.caps.effective, NO_CAPABILITIES);
  assert.deepEqual(dropped.caps.bounding, DOCKER_CAPABILITIES);
  assert.deepEqual(uids(setuid(dropped, 0)), [-EPERM]);
  assert.deepEqual(uids(setuid(dropped, UNCHANGED)), [-EINVAL]);
});

test('keepcaps keeps permitted, not effective; no_setuid_fixup keeps all', () => {
  const keeping = made(setuid(rootCredentials().with({ securebits: SECBIT_KEEP_CAPS }), 1000));
  assert.notDeepEqual(keeping.caps.permitted, NO_CAPABILITIES);
  assert.deepEqual(keeping.caps.effective, NO_CAPABILITIES);
  const unfixed = made(setuid(rootCredentials().with({ securebits: SECBIT_NO_SETUID_FIXUP }), 1000));
  assert.deepEqual(unfixed.caps, rootCredentials().caps);
});

test('seteuid to a user and back takes effective away and gives it back', () => {
  const root = rootCredentials(DOCKER_CAPABILITIES);
  const lowered = made(setresuid(root, UNCHANGED, 1000, UNCHANGED));
  assert.deepEqual(uids(lowered), [0, 1000, 0, 1000]);
  assert.deepEqual(lowered.caps.effective, NO_CAPABILITIES);
  const back = made(setresuid(lowered, UNCHANGED, 0, UNCHANGED));
  assert.deepEqual(back.caps.effective, DOCKER_CAPABILITIES);
});

test('the unprivileged move only between the ids they have', () => {
  const setuidProgram = user.with({ euid: 5, suid: 5, fsuid: 5 });
  assert.deepEqual(uids(setreuid(setuidProgram, 5, 1000)), [5, 1000, 1000, 1000]);
  assert.deepEqual(uids(setreuid(user, UNCHANGED, 7)), [-EPERM]);
  assert.deepEqual(uids(setresuid(setuidProgram, UNCHANGED, 1000, UNCHANGED)), [1000, 1000, 5, 1000]);
  assert.deepEqual(uids(setresuid(user, 1000, 1000, 0)), [-EPERM]);
  assert.equal(setgid(user, 27), -EPERM);
  assert.equal(made(setregid(user, UNCHANGED, 1000)).sgid, 1000);
});

test('setfsuid moves the file capabilities alone', () => {
  const root = rootCredentials();
  const changed = setfsuid(root, 1000);
  assert.equal(changed.fsuid, 1000);
  assert.equal(changed.hasCapability(CAP_CHOWN), false);
  assert.equal(changed.hasCapability(CAP_KILL), true);
  assert.deepEqual(setfsuid(changed, 0).caps.effective, root.caps.effective);
  assert.equal(setfsuid(user, 0), user);
});

test('exec: root gets its bounding set, a user nothing', () => {
  const root = credentialsForExec(rootCredentials(DOCKER_CAPABILITIES), 0o755, 0, 0, false);
  assert.deepEqual(root.creds.caps.effective, DOCKER_CAPABILITIES);
  assert.equal(root.isSecure, false);
  const plain = credentialsForExec(user, 0o755, 0, 0, false);
  assert.deepEqual(plain.creds.caps.permitted, NO_CAPABILITIES);
  assert.equal(plain.isSecure, false);
});

test('exec of a set-id program', () => {
  const sudo = credentialsForExec(user, 0o4755, 0, 0, false);
  assert.deepEqual(uids(sudo.creds), [1000, 0, 0, 0]);
  assert.deepEqual(sudo.creds.caps.effective, DOCKER_CAPABILITIES);
  assert.equal(sudo.isSecure, true);
  const refused = credentialsForExec(user, 0o6755, 0, 0, true);
  assert.deepEqual(uids(refused.creds), [1000, 1000, 1000, 1000]);
  assert.deepEqual(refused.creds.caps.permitted, NO_CAPABILITIES);
  const sgid = credentialsForExec(user, 0o2755, 0, 42, false).creds;
  assert.deepEqual([sgid.gid, sgid.egid, sgid.sgid, sgid.fsgid], [1000, 42, 42, 42]);
  assert.equal(credentialsForExec(user, 0o2744, 0, 42, false).creds.egid, 1000);
});

test('ambient capabilities survive exec of a plain program, not of a set-id one', () => {
  const set = capabilitySetOf(CAP_SETUID);
  const ambient = user.with({ caps: { ...none, permitted: set, inheritable: set, ambient: set } });
  const plain = credentialsForExec(ambient, 0o755, 0, 0, false);
  assert.deepEqual([plain.creds.caps.permitted, plain.creds.caps.effective], [set, set]);
  assert.equal(plain.isSecure, false);
  assert.deepEqual(credentialsForExec(ambient, 0o4755, 1001, 0, false).creds.caps.ambient, NO_CAPABILITIES);
});

test('exec of a file with capabilities', () => {
  const ping = { permitted: capabilitySetOf(CAP_KILL), inheritable: NO_CAPABILITIES, isEffective: true };
  const given = credentialsForExec(user, 0o755, 0, 0, false, ping);
  assert.deepEqual(given.creds.caps.effective, capabilitySetOf(CAP_KILL));
  assert.equal(given.isSecure, true);
  assert.equal(given.isRefused, false);
  assert.deepEqual(credentialsForExec(user, 0o755, 0, 0, true, ping).creds.caps.permitted, NO_CAPABILITIES);
  // Set-user-ID root beside them gives the id, not root's capabilities.
  const both = credentialsForExec(user, 0o4755, 0, 0, false, ping);
  assert.equal(both.creds.euid, 0);
  assert.deepEqual(both.creds.caps.permitted, capabilitySetOf(CAP_KILL));
  const bounded = user.with({ caps: { ...none, bounding: NO_CAPABILITIES } });
  assert.equal(credentialsForExec(bounded, 0o755, 0, 0, false, ping).isRefused, true);
  const aware = { ...ping, isEffective: false };
  assert.deepEqual(credentialsForExec(user, 0o755, 0, 0, false, aware).creds.caps.effective, NO_CAPABILITIES);
});

test('the attribute of file capabilities', () => {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x02000001, true);
  view.setUint32(4, 1 << CAP_SETUID, true);
  const parsed = parseFileCapabilities(bytes);
  assert.deepEqual(parsed?.permitted, capabilitySetOf(CAP_SETUID));
  assert.equal(parsed?.isEffective, true);
  assert.equal(parseFileCapabilities(bytes.subarray(0, 16)), null);
  assert.equal(parseFileCapabilities(new Uint8Array(20)), null);
  const ofOther = new Uint8Array(24);
  ofOther.set(bytes);
  new DataView(ofOther.buffer).setUint32(0, 0x03000001, true);
  assert.notEqual(parseFileCapabilities(ofOther), null);
  new DataView(ofOther.buffer).setUint32(20, 1000, true);
  assert.equal(parseFileCapabilities(ofOther), null);
});
