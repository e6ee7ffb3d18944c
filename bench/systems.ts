/**
 * The systems that are measured beside each other: this kernel, Linux and, where it is there, gVisor. gVisor's runsc is the one GVISOR_RUNSC
 * names, or the one in the folder gvisor of the directory for temporary files.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
export const buildDirectory = `${repository}/build/bench`;
const gvisor = process.env.GVISOR_RUNSC ?? `${tmpdir()}/gvisor/root/usr/bin/runsc`;

/** How to run a command on each system. */
export const systems: readonly { readonly name: string; readonly prefix: readonly string[] }[] = [
  { name: 'native', prefix: [] },
  { name: 'tsvisor', prefix: [`${repository}/runsc`, 'do'] },
  ...(existsSync(gvisor) ? [{ name: 'gvisor', prefix: [gvisor, '-ignore-cgroups', '-network=none', 'do'] }] : []),
];

/** Compiles a program of bench/guest, static: it must run where there is nothing else. */
export function build(name: string): void {
  mkdirSync(buildDirectory, { recursive: true });
  const source = `${repository}/bench/guest/${name}.c`;
  const flags = ['-O2', '-static', '-pthread', '-Wall', '-Wextra'];
  execFileSync('gcc', [...flags, '-o', `${buildDirectory}/${name}`, source], { stdio: 'inherit' });
}

export function output(argv: readonly string[]): string {
  const [file = '', ...args] = argv;
  return execFileSync(file, args, { encoding: 'utf8', cwd: '/tmp', stdio: ['ignore', 'pipe', 'inherit'] });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function human(ns: number): string {
  if (ns < 1e3) return `${ns.toFixed(0)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toPrecision(3)} µs`;
  return `${(ns / 1e6).toPrecision(3)} ms`;
}

export function row(cells: readonly string[]): void {
  process.stdout.write(`${cells.map((cell, i) => (i === 0 ? cell.padEnd(18) : cell.padStart(10))).join(' ')}\n`);
}
