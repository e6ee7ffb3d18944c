/**
 * A volume is one directory for both sides: whatever the host or the guest changes in it, and however often its names have been looked
 * up before, the other sees it at once. One program does and tells the same in the sandbox and on the host.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import fc from 'fast-check';
import { buildPrograms, listPrograms } from './guest-build.ts';
import { plainEnvironment, runscPath } from './run-process.ts';

class Surveyor {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(file: string, args: readonly string[], cwd: string) {
    const child = spawn(file, [...args], { cwd, env: plainEnvironment, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  async ask(command: string): Promise<string[]> {
    this.#child.stdin?.write(`${command}\n`);
    const answer: string[] = [];
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) throw new Error(`ended at ${command} after ${answer.join()}`);
      if (value === '--') return answer;
      answer.push(value);
    }
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin?.end();
    await ended;
  }
}

const name = fc.constantFrom('a', 'b', 'c');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
const command = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant('mkdir'), path, fc.constant('-')) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('write'), path, fc.constantFrom('one', 'other')) },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom('unlink', 'rmdir'), path, fc.constant('-')) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom('rename', 'link', 'symlink'), path, path) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('chmod'), path, fc.constantFrom('600', '755', '640')) },
);
const step = fc.record({ isGuest: fc.boolean(), command: command.map((words) => words.join(' ')) });

test('a volume is the same for the host and the guest', async () => {
  const programs = listPrograms('test/volumes');
  assert.deepEqual([...(await buildPrograms(programs))], []);
  const survey = programs[0]?.binary ?? '';
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 60, maxLength: 120 }), async (steps) => {
      const directory = mkdtempSync(join(tmpdir(), 'volume-'));
      const host = new Surveyor(survey, [], directory);
      const guest = new Surveyor(runscPath, ['do', '-v', `${directory}:/mnt`, '--cwd', '/mnt', survey], directory);
      try {
        for (const { isGuest, command } of steps) {
          await (isGuest ? guest : host).ask(command);
          assert.deepEqual(
            await guest.ask('s'),
            await host.ask('s'),
            `after ${command} by the ${isGuest ? 'guest' : 'host'}`,
          );
        }
      } finally {
        await Promise.all([host.end(), guest.end()]);
        rmSync(directory, { recursive: true, force: true });
      }
    }),
    { numRuns: 2 },
  );
});
