/** Containers of a test: bundles of a static busybox under one scratch directory, and the verbs on them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Outcome, plainEnvironment, runProcess, runscPath } from './run-process.ts';

export type Json = Record<string, unknown>;

export interface Config extends Json {
  process: Json;
  linux: Json & { namespaces: { type: string; path?: string }[] };
  mounts: Json[];
}

export interface Made {
  readonly code: number;
  output(): string;
}

/** Runs a verb in so little address space that Node does not begin. */
export function runWithoutNode(cwd: string, args: readonly string[], input = ''): Promise<Outcome> {
  const words = ['-c', 'ulimit -v 100000; exec "$0" "$@"', runscPath, ...args];
  return runProcess('/bin/sh', words, { cwd, input, timeoutMs: 30_000 });
}

export class Containers {
  readonly directory = mkdtempSync(join(tmpdir(), 'containers-'));
  #bundles = 0;

  constructor() {
    mkdirSync(join(this.directory, 'rootfs/bin'), { recursive: true });
    copyFileSync('/bin/busybox', join(this.directory, 'rootfs/bin/busybox'));
    mkdirSync(join(this.directory, 'spec'));
  }

  get state(): string {
    return join(this.directory, 'state');
  }

  run(...args: string[]): Promise<Outcome> {
    return runProcess(runscPath, ['--root', this.state, ...args], { cwd: this.directory, timeoutMs: 30_000 });
  }

  async ok(...args: string[]): Promise<string> {
    const { stdout, stderr, code } = await this.run(...args);
    assert.deepEqual({ stderr, code }, { stderr: '', code: 0 }, args.join(' '));
    return stdout;
  }

  /** Refused with one line that matches. */
  async refused(pattern: RegExp, ...args: string[]): Promise<void> {
    const { stderr, code } = await this.run(...args);
    assert.match(stderr, pattern);
    assert.match(stderr, /^runsc: [^\n]*\n$/);
    assert.notEqual(code, 0);
  }

  /** A bundle that runs a script: its path. */
  async bundle(script: string, change: (config: Config) => void = () => {}): Promise<string> {
    if (this.#bundles === 0) await this.ok('spec', '--bundle', join(this.directory, 'spec'));
    const path = join(this.directory, `bundle-${this.#bundles++}`);
    mkdirSync(path);
    const config = JSON.parse(readFileSync(join(this.directory, 'spec/config.json'), 'utf8'));
    config.process.terminal = false;
    config.process.args = ['/bin/busybox', 'sh', '-c', script];
    config.root.path = join(this.directory, 'rootfs');
    change(config);
    writeFileSync(join(path, 'config.json'), JSON.stringify(config));
    return path;
  }

  /** Its output goes to a file of its bundle, for it holds that to its end. */
  async create(id: string, bundle: string, ...flags: string[]): Promise<Made> {
    const log = join(bundle, 'output');
    const fd = openSync(log, 'a');
    const args = ['--root', this.state, 'create', '--bundle', bundle, ...flags, id];
    const child = spawn(runscPath, args, { env: plainEnvironment, stdio: ['ignore', fd, fd] });
    closeSync(fd);
    const [code] = await once(child, 'close');
    return { code, output: () => readFileSync(log, 'utf8') };
  }

  async stateOf(id: string): Promise<{ status: string; pid: number }> {
    return JSON.parse(await this.ok('state', id));
  }

  async untilStatus(id: string, status: string): Promise<void> {
    while ((await this.stateOf(id)).status !== status);
  }

  async clear(): Promise<void> {
    for (const id of (await this.ok('list', '--quiet')).split('\n'))
      if (id !== '') await this.ok('delete', '--force', id);
  }

  async remove(): Promise<void> {
    await this.clear();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
