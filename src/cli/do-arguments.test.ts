import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { SandboxOptions } from '../sentry/sandbox-options.ts';
import { GLOBAL_FLAGS, type Parsed, parseFlags } from './arguments.ts';
import { type Caller, parseDo } from './do-arguments.ts';
import { UsageError } from './errors.ts';

const caller: Caller = { cwd: '/tmp', env: { HOME: '/root', LANG: 'C' }, uid: 7, gid: 8 };
const none: Parsed = { flags: [], rest: [] };

function options(...args: string[]): SandboxOptions {
  const result = parseDo(none, args, caller);
  assert.notEqual(result, 'help');
  if (result === 'help') throw new Error('help');
  return result;
}

const refuses = (pattern: RegExp, ...args: string[]): void =>
  assert.throws(
    () => parseDo(none, args, caller),
    (error) => error instanceof UsageError && pattern.test(error.message),
  );

test("the command's own flags are left alone", () => {
  assert.deepEqual(options('--uid', '3', 'ls', '--uid', '4', '-la').argv, ['ls', '--uid', '4', '-la']);
  assert.deepEqual(options('--', '--odd', 'x').argv, ['--odd', 'x']);
});

test('defaults are the caller', () => {
  const { uid, gid, env, cwd, root } = options('true');
  assert.deepEqual(
    { uid, gid, cwd, root, home: env.HOME },
    { uid: 7, gid: 8, cwd: '/tmp', root: { path: '/', kind: 'overlay' }, home: '/root' },
  );
});

test('--env overrides the environment, an empty value is one', () => {
  const { env } = options('--env', 'LANG=de=x', '-e', 'EMPTY=', 'true');
  assert.equal(env.LANG, 'de=x');
  assert.equal(env.EMPTY, '');
});

test('global flags count before and after the verb', () => {
  const before = parseDo(parseFlags(['--strace', '--debug-log', 'x.log'], GLOBAL_FLAGS), ['true'], caller);
  assert.ok(before !== 'help' && before.strace && before.debugLog === '/tmp/x.log');
  assert.ok(options('--strace', 'true').strace);
});

test('volumes', () => {
  assert.deepEqual(options('-v', '/usr:/u:ro', '--volume', '.:/here', 'true').mounts.slice(-2), [
    { target: '/u', source: { kind: 'host', path: '/usr', isWritable: false, isRecursive: true }, flags: 1 },
    { target: '/here', source: { kind: 'host', path: '/tmp', isWritable: true, isRecursive: true }, flags: 0 },
  ]);
  refuses(/does not exist: \/no\/such/, '-v', '/no/such:/x', 'true');
  refuses(/SRC:\/DST/, '-v', '/usr', 'true');
  refuses(/SRC:\/DST/, '-v', '/usr:/u:rx', 'true');
});

test('mistakes are refused by name', () => {
  refuses(/unknown flag --colour/, '--colour', 'true');
  refuses(/unknown flag --__proto__/, '--__proto__', 'true');
  refuses(/--root needs a value/, '--root');
  refuses(/--root needs a value/, '--root', '--strace', 'true');
  refuses(/--strace takes no value: x/, '--strace=x', 'true');
  refuses(/needs a command/, '--uid', '0');
  refuses(/--uid is not a number.*: root/, '--uid', 'root', 'true');
  refuses(/--uid is not a number/, '--uid=4294967295', 'true');
  refuses(/--cwd is not a directory/, '--cwd', '/no/such', 'true');
  refuses(/--cwd is not an absolute path/, '--cwd', 'tmp', 'true');
  refuses(/--network is neither none nor host: sandbox/, '--network=sandbox', 'true');
  refuses(/--env is not/, '--env', '=x', 'true');
});

test('no command line throws anything but a UsageError', () => {
  const word = fc.oneof(
    fc.constantFrom('--env', '--uid', '-v', '--root', '--', '-', '-eA=1', '--env=A=1', '--strace', '-h'),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (args) => {
      try {
        parseDo(none, args, caller);
      } catch (error) {
        assert.ok(error instanceof UsageError, String(error));
      }
    }),
  );
});
