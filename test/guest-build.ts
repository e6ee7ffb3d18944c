/** Builds the C test programs: static, so that the same file runs on the host and in the sandbox without libraries. */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
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

export function listPrograms(folder: 'test/guest' | 'test/hostile' | 'test/strace' | 'bench/guest'): GuestProgram[] {
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

/** Compiles what is older than its source or the shared headers; answers the compiler's words for what does not build. */
export async function buildPrograms(programs: readonly GuestProgram[]): Promise<Map<string, string>> {
  const headers = Math.max(
    modifiedMs(`${repositoryRoot}/test/guest/check.h`),
    modifiedMs(`${repositoryRoot}/test/hostile/attack.h`),
    modifiedMs(`${repositoryRoot}/native/stub-layout.h`),
  );
  const stale = programs.filter((p) => modifiedMs(p.binary) < Math.max(headers, modifiedMs(p.source)));
  const failures = new Map<string, string>();
  for (const program of stale) mkdirSync(program.binary.replace(/\/[^/]*$/, ''), { recursive: true });
  await inParallel(stale, availableParallelism(), async (program) => {
    const includes = ['-I', `${repositoryRoot}/test/guest`, '-I', `${repositoryRoot}/native`];
    const args = [...flags, ...includes, '-o', program.binary, program.source, '-lm'];
    const outcome = await runProcess('gcc', args, { cwd: repositoryRoot, timeoutMs: 120_000 });
    if (outcome.code !== 0) failures.set(program.name, outcome.stderr);
  });
  return failures;
}
