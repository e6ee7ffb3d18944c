/** An interactive shell on a terminal, which script(1) provides: line editing, Ctrl-C, job control, the window size, the exit code. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { plainEnvironment, runscPath } from './run-process.ts';

class Terminal {
  readonly #child;
  #output = '';

  constructor(command: string) {
    this.#child = spawn('script', ['-qec', command, '/dev/null'], {
      env: { ...plainEnvironment, TERM: 'dumb', PS1: '> ' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.stdout.on('data', (chunk: Buffer) => {
      this.#output += chunk.toString('latin1');
    });
  }

  /** Types, and waits until what is printed from then on has `expected` in it. */
  async type(keys: string, expected: string): Promise<void> {
    this.#output = '';
    this.#child.stdin.write(keys);
    const deadline = performance.now() + 10_000;
    while (!this.#output.includes(expected)) {
      assert.ok(performance.now() < deadline, `no ${JSON.stringify(expected)} in ${JSON.stringify(this.#output)}`);
      await sleep(5);
    }
  }

  /** Ends what is still running: a test that failed half-way must not wait for its shell. */
  hangUp(): void {
    this.#child.kill('SIGHUP');
  }

  /** The exit code, after the last keys. */
  async end(keys: string): Promise<number | null> {
    this.#child.stdin.write(keys);
    const [code] = await once(this.#child, 'exit');
    return typeof code === 'number' ? code : null;
  }
}

test('an interactive bash', { timeout: 60_000 }, async (t) => {
  const terminal = new Terminal(`exec ${runscPath} do bash --norc --noprofile -i`);
  t.after(() => terminal.hangUp());
  await terminal.type('echo sum $((40 + 2))\r', 'sum 42\r\n');
  await terminal.type('tty\r', '/dev/pts/0\r\n');
  await terminal.type('stty size > /dev/null && echo sized\r', '\r\nsized\r\n');
  await terminal.type('sh -c "echo started; exec sleep 1000"\r', '\r\nstarted\r\n');
  await terminal.type('\x03', '^C');
  await terminal.type('echo code $?\r', 'code 130\r\n');
  // Its word, and not the echo of the command: the terminal is the shell's until the shell has given it away.
  await terminal.type('sh -c "echo reading; exec cat"\r', '\r\nreading\r\n');
  await terminal.type('a line\r', 'a line\r\na line\r\n');
  await terminal.type('\x1a', 'Stopped');
  await terminal.type('jobs\r', 'cat"\r\n');
  await terminal.type('fg\r', 'cat"\r\n');
  await terminal.type('again\r', 'again\r\nagain\r\n');
  await terminal.type('\x04', '> ');
  await terminal.type('echo mistake\x7f\x7f\x7f\x7f\x7f\x7f\x7fright\r', '\r\nright\r\n');
  await terminal.type('sleep 1000 & kill %1; wait; echo over\r', '\r\nover\r\n');
  assert.equal(await terminal.end('exit 7\r'), 7);
});
