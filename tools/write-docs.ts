/**
 * Writes what of the documents comes from tables in the code. With --check it only compares, and fails when one is out of date.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { withHostCalls } from './write-host-calls.ts';
import { syscallsDocument } from './write-syscalls.ts';

const DOCUMENTS: readonly (readonly [string, (now: string) => string])[] = [
  ['SYSCALLS.md', syscallsDocument],
  ['SECURITY.md', withHostCalls],
];

for (const [name, write] of DOCUMENTS) {
  const file = fileURLToPath(new URL(`../docs/${name}`, import.meta.url));
  const now = readFileSync(file, 'utf8');
  const text = write(now);
  if (text === now) continue;
  if (process.argv[2] === '--check') {
    process.stderr.write(`docs/${name} is out of date: run npm run docs\n`);
    process.exitCode = 1;
  } else {
    writeFileSync(file, text);
  }
}
