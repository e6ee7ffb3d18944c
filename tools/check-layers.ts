/**
 * Checks how the source is laid out: a file imports from its own layer or an earlier one; the kernel's own layers take the host at
 * construction and never import it; files are short and named for what they hold.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const LAYERS = [
  'abi',
  'wire',
  'host',
  'platform',
  'kernel',
  'mm',
  'vfs',
  'fs',
  'net',
  'syscalls',
  'sentry',
  'runtime',
  'cli',
  'shim',
  'sdk',
];
/** Layers that refer to each other's types: a task has an address space, an inode a credential. */
const CONTRACTS = new Set(['kernel', 'mm', 'vfs', 'fs']);
/** Layers that must run without a host: on a virtual clock, in tests, from a snapshot. */
const HOSTLESS = new Set([...CONTRACTS, 'net']);
const VAGUE_NAME = /(^|-)(utils?|misc|helpers?|manager|base)(-|\.)/;
const MAX_LINES = 500;
/** Tests and their fixtures put parts together across layers; nothing else may import a fixture. */
const TEST_FILE = /\.(test|fixture)\.ts$/;

export interface Finding {
  readonly file: string;
  readonly message: string;
  readonly isError: boolean;
}

interface Import {
  readonly from: string;
  readonly isTypeOnly: boolean;
}

/** The relative imports of a module, static and dynamic; `import type` apart, for it is gone at run time. */
export function importsOf(source: string): Import[] {
  const found: Import[] = [];
  const statement = /^\s*(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?['"](\.[^'"]+)['"]/gm;
  for (const match of source.matchAll(statement)) {
    found.push({ from: match[2] ?? '', isTypeOnly: match[1] !== undefined });
  }
  for (const match of source.matchAll(/\bimport\(\s*['"](\.[^'"]+)['"]/g)) {
    found.push({ from: match[1] ?? '', isTypeOnly: false });
  }
  return found;
}

/** What is wrong with one file; `file` is its path below src/. */
export function checkFile(file: string, source: string): Finding[] {
  const findings: Finding[] = [];
  const report = (message: string, isError: boolean): void => void findings.push({ file, message, isError });
  const layer = file.split('/')[0] ?? '';
  const rank = LAYERS.indexOf(layer);
  if (rank < 0) report(`is in no known layer: ${layer}`, true);
  if (VAGUE_NAME.test(file.split('/').at(-1) ?? '')) report('has a name that says nothing of what it holds', true);
  const lines = source.split('\n').length - 1;
  if (lines > MAX_LINES) report(`has ${lines} lines, more than ${MAX_LINES}`, false);

  const isTest = TEST_FILE.test(file);
  for (const { from, isTypeOnly } of importsOf(source)) {
    if (TEST_FILE.test(from) && !isTest) report(`imports ${from}, which is for tests`, true);
    if (isTest) continue;
    const target = join(dirname(file), from);
    const targetLayer = target.split('/')[0] ?? '';
    const targetRank = LAYERS.indexOf(targetLayer);
    if (targetRank < 0) report(`imports ${from}, which is in no known layer`, true);
    else if (HOSTLESS.has(layer) && targetLayer === 'host' && !isTypeOnly) report(`imports ${from} at run time`, true);
    else if (targetRank > rank) {
      const isContract = isTypeOnly && CONTRACTS.has(layer) && CONTRACTS.has(targetLayer);
      if (!isContract) report(`imports ${from}: ${targetLayer} is a later layer than ${layer}`, true);
    }
  }
  return findings;
}

function checkTree(source: string): Finding[] {
  return readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .flatMap((name) => checkFile(name, readFileSync(join(source, name), 'utf8')));
}

if (import.meta.main) {
  const source = join(dirname(fileURLToPath(import.meta.url)), '../src');
  const findings = checkTree(source);
  for (const { file, message, isError } of findings) {
    process.stderr.write(
      `${isError ? 'error' : 'warning'}: ${relative(process.cwd(), join(source, file))} ${message}\n`,
    );
  }
  if (findings.some((finding) => finding.isError)) process.exitCode = 1;
}
