/** Bad input to `runsc do`: one clear line, the exit code a shell expects, nothing on standard output, nothing left behind. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { runProcess, runscPath } from './run-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'do-errors-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string, mode: number): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

const USAGE = 2;
const CANNOT_EXECUTE = 126;
const NOT_FOUND = 127;

const cases: readonly { readonly args: readonly string[]; readonly code: number; readonly says: string }[] = [
  { args: [], code: USAGE, says: 'no verb' },
  { args: ['frobnicate'], code: USAGE, says: 'frobnicate' },
  { args: ['do'], code: USAGE, says: 'needs a command' },
  { args: ['do', '--nope', 'true'], code: USAGE, says: '--nope' },
  { args: ['do', '--env', 'NOEQ', 'true'], code: USAGE, says: 'NOEQ' },
  { args: ['do', '--uid', 'abc', 'true'], code: USAGE, says: 'abc' },
  { args: ['do', '--gid=-1', 'true'], code: USAGE, says: '-1' },
  { args: ['do', '--cwd', '/missing/folder', 'true'], code: USAGE, says: '/missing/folder' },
  { args: ['do', '--root', '/missing/root', 'true'], code: USAGE, says: '/missing/root' },
  { args: ['do', '--volume', '/missing/source:/x', 'true'], code: USAGE, says: '/missing/source' },
  { args: ['do', '--volume', 'nonsense', 'true'], code: USAGE, says: 'nonsense' },
  { args: ['do', '--network=moon', 'true'], code: USAGE, says: 'moon' },
  { args: ['do', 'no-such-command'], code: NOT_FOUND, says: 'no-such-command: command not found' },
  { args: ['do', '/no/such/path'], code: NOT_FOUND, says: '/no/such/path' },
  { args: ['do', '/'], code: CANNOT_EXECUTE, says: 'EACCES' },
  { args: ['do', file('plain', 'text\n', 0o644)], code: CANNOT_EXECUTE, says: 'EACCES' },
  { args: ['do', file('text', 'text\n', 0o755)], code: CANNOT_EXECUTE, says: 'ENOEXEC' },
  { args: ['do', file('short', '\x7fELF', 0o755)], code: CANNOT_EXECUTE, says: 'ENOEXEC' },
  { args: ['do', file('script', '#!/no/interpreter\n', 0o755)], code: NOT_FOUND, says: 'script' },
];

describe('bad input', { concurrency: 2 }, () => {
  for (const { args, code, says } of cases) {
    test(`runsc ${args.join(' ')}`.replace(folder, ''), async () => {
      const before = readdirSync(folder);
      const outcome = await runProcess(runscPath, args, { cwd: folder, timeoutMs: 20_000 });
      assert.equal(outcome.code, code, outcome.stderr);
      assert.equal(outcome.stdout, '');
      assert.match(outcome.stderr, /^runsc: [^\n]+\n$/);
      assert.ok(outcome.stderr.includes(says), outcome.stderr);
      assert.deepEqual(readdirSync(folder), before);
    });
  }
});
