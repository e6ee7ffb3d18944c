/** Compiles native/launch*.c, with lists that our TypeScript has. Where it can be static it starts sooner. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { RUNTIME_FLAGS } from '../src/cli/global-flags.ts';
import { NODE_FLAGS, root, SENTRY_FLAGS } from './bundles.ts';

const list = (words: readonly string[]): string => words.map((word) => JSON.stringify(word)).join();

/** @param way that in which it comes to Node (native/launch-node.h). @returns whether the compiler made it */
export function compileLauncher(
  out: string,
  way: 'file' | 'inside',
  flags: readonly string[],
  stdio: 'inherit' | 'ignore',
): boolean {
  const names = [
    'launch.c',
    'launch-confine.c',
    'launch-container.c',
    'launch-exec.c',
    'launch-hooks.c',
    'launch-keeper.c',
    'launch-prepared.c',
    `launch-node-${way}.c`,
  ];
  const sources = names.map((name) => join(root, 'native', name));
  const valued = Object.entries(RUNTIME_FLAGS).flatMap(([name, { type }]) => (type === 'string' ? [`--${name}`] : []));
  const flagLists = [`-DNODE_FLAGS=${list(NODE_FLAGS)}`, `-DSENTRY_FLAGS=${list(SENTRY_FLAGS)}`];
  const lists = [...flagLists, `-DFLAGS_WITH_VALUE=${list(valued)}`];
  const warnings = ['-Wall', '-Wextra', '-Werror'];
  return spawnSync('cc', ['-O2', ...warnings, ...lists, ...flags, ...sources, '-o', out], { stdio }).status === 0;
}
