/** A bundle with a static busybox for its root, for tests that run configurations. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Outcome, runProcess, runscPath } from './run-process.ts';

export type Json = Record<string, unknown>;

export interface Config extends Json {
  process: Json;
  root: Json;
  mounts: Json[];
  linux: Json;
}

export class BundleDirectory {
  readonly path = mkdtempSync(join(tmpdir(), 'config-'));
  readonly #example: string;
  #runs = 0;

  private constructor(example: string) {
    this.#example = example;
  }

  /** The root has all applets of busybox in /bin. */
  static async make(): Promise<BundleDirectory> {
    const scratch = mkdtempSync(join(tmpdir(), 'spec-'));
    await runProcess(runscPath, ['spec', '-b', scratch], { cwd: scratch });
    const bundle = new BundleDirectory(readFileSync(join(scratch, 'config.json'), 'utf8'));
    rmSync(scratch, { recursive: true });
    mkdirSync(join(bundle.path, 'rootfs/bin'), { recursive: true });
    mkdirSync(join(bundle.path, 'rootfs/etc'));
    copyFileSync('/bin/busybox', join(bundle.path, 'rootfs/bin/busybox'));
    await runProcess('/bin/busybox', ['--install', '-s', join(bundle.path, 'rootfs/bin')], { cwd: bundle.path });
    return bundle;
  }

  /** What `runsc spec` gives, running `script` without a terminal on a root that may be written to. */
  config(script: string): Config {
    const config: Config = JSON.parse(this.#example);
    config.process.terminal = false;
    config.process.args = ['/bin/busybox', 'sh', '-c', script];
    config.process.env = ['PATH=/bin'];
    config.root.readonly = false;
    return config;
  }

  /** Runs it: what came out, and how it ended. */
  run(config: unknown, ...flags: readonly string[]): Promise<Outcome> {
    writeFileSync(join(this.path, 'config.json'), JSON.stringify(config));
    return this.runsc(...flags, 'run', '--bundle', this.path, `test-${this.#runs++}`);
  }

  runsc(...args: readonly string[]): Promise<Outcome> {
    return runProcess(runscPath, ['--root', join(this.path, 'state'), ...args], { cwd: this.path, timeoutMs: 30_000 });
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
