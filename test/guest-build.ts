/** Builds the C test programs: static, so that the same file runs on the host and in the sandbox without libraries. */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname } from 'node:path';
import { inParallel, repositoryRoot, runProcess } from './run-process.ts';

/** Bad pointers and sizes are the subject of many programs; gcc would warn of each. */
const flags = [
  ...['-O1', '-static', '-pthread', '-Wall', '-Wextra', '-Werror', '-Wno-unused-result', '-Wno-stringop-overflow'],
  ...['-Wno-stringop-overread', '-Wno-nonnull', '-Wno-clobbered', '-Wno-array-bounds', '-Wno-uninitialized'],
  ...['-Wno-maybe-uninitialized', '-Wno-format-truncation', '-Wno-deprecated-declarations', '-Wno-infinite-recursion'],
  ...['-fno-stack-protector', '-fcf-protection=none', '-Wno-address', '-Wno-div-by-zero'],
];

export interface GuestProgram {
  readonly name: string;
  readonly source: string;
  readonly binary: string;
}

export function listPrograms(
  folder:
    | 'test/guest'
    | 'test/hostile'
    | 'test/load'
    | 'test/strace'
    | 'test/volumes'
    | 'test/host-network'
    | 'bench/guest',
): GuestProgram[] {
  return readdirSync(`${repositoryRoot}/${folder}`)
    .filter((file) => file.endsWith('.c'))
    .sort()
    .map((file) => ({
      name: basename(file, '.c'),
      source: `${repositoryRoot}/${folder}/${file}`,
      binary: `${repositoryRoot}/build/${basename(folder) === 'guest' ? folder.replace('test/', '').replace('/', '-') : basename(folder)}/${basename(file, '.c')}`,
    }));
}

function modifiedMs(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** The headers that several programs include. */
const headers = ['test/guest/check.h', 'test/hostile/attack.h', 'test/fuzz/fuzz.h', 'native/stub-layout.h'];

function isStale(binary: string, sources: readonly string[]): boolean {
  const built = modifiedMs(binary);
  return [...sources, ...headers.map((file) => `${repositoryRoot}/${file}`)].some((file) => modifiedMs(file) > built);
}

/** Compiles one program: the compiler's words if it does not build. */
async function compile(binary: string, sources: readonly string[]): Promise<string | null> {
  mkdirSync(dirname(binary), { recursive: true });
  const includes = ['-I', `${repositoryRoot}/test/guest`, '-I', `${repositoryRoot}/native`];
  const args = [...flags, ...includes, '-o', binary, ...sources, '-lm'];
  const outcome = await runProcess('gcc', args, { cwd: repositoryRoot, timeoutMs: 120_000 });
  return outcome.code === 0 ? null : outcome.stderr;
}

/** Compiles what is older than its source or the shared headers; answers the compiler's words for what does not build. */
export async function buildPrograms(programs: readonly GuestProgram[]): Promise<Map<string, string>> {
  const failures = new Map<string, string>();
  const stale = programs.filter(({ binary, source }) => isStale(binary, [source]));
  await inParallel(stale, availableParallelism(), async ({ name, binary, source }) => {
    const words = await compile(binary, [source]);
    if (words !== null) failures.set(name, words);
  });
  return failures;
}

/** A program of several files in test/`folder`, compiled when one of them is newer: its path. */
export async function buildProgram(folder: string, name: string, parts: readonly string[]): Promise<string> {
  const binary = `${repositoryRoot}/build/${folder}/${name}`;
  const sources = parts.map((part) => `${repositoryRoot}/test/${folder}/${part}.c`);
  const words = isStale(binary, sources) ? await compile(binary, sources) : null;
  if (words !== null) throw new Error(`${name} does not build: ${words}`);
  return binary;
}
