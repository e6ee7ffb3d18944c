/** How our TypeScript becomes what Node runs, for the builds of dist/ and of the single executable. */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/**
 * CommonJS, for the loader of ES modules alone takes longer than our whole bundle: it resolves URLs, and makes a facade of each
 * built-in module by reading all its lazy properties.
 */
export const BUNDLE = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node26',
  define: { 'import.meta.dirname': '__dirname' },
  supported: { 'dynamic-import': false },
  charset: 'ascii',
  logLevel: 'warning',
} as const;

/** A program that begins by loading the command line's bundle; `names` are those of the bundles it knows. */
export async function buildProgram(
  entry: string,
  outfile: string,
  names: Readonly<Record<string, string>>,
): Promise<void> {
  const defined = Object.entries(names).map(([name, file]) => [name, JSON.stringify(file)]);
  const define = { ...BUNDLE.define, ...Object.fromEntries(defined) };
  await build({ ...BUNDLE, define, entryPoints: [join(root, entry)], outfile });
}

/** What Node is given for every verb: each thread takes memory and a part of the start. */
export const NODE_FLAGS = ['--v8-pool-size=1'] as const;

/**
 * What a sentry's V8 is given. Its compiler threads would take the CPU that the guest runs on: see docs/PERFORMANCE.md. With the smallest space for
 * young objects that it would begin with, in MB, a start collects garbage three times. When at rest the sentry has it collected
 * itself (src/sentry/heap-rest.ts).
 */
export const SENTRY_FLAGS = ['--no-concurrent-recompilation', '--min-semi-space-size=4', '--expose-gc'] as const;

/** What the latest build made: bundles by their names in dist/. */
export interface Built {
  readonly cli: string;
  readonly others: readonly string[];
}

const builtPath = join(root, 'build/built.json');

export function writeBuilt(built: Built): void {
  writeFileSync(builtPath, JSON.stringify(built));
}

export function readBuilt(): Built {
  const { cli, others }: Record<string, unknown> = JSON.parse(readFileSync(builtPath, 'utf8'));
  if (typeof cli !== 'string' || !Array.isArray(others)) {
    throw new Error(`${builtPath} is of another build`);
  }
  return { cli, others: others.map(String) };
}
