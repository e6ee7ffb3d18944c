/**
 * Makes dist/runsc of a finished build: Node with our bundles, their code caches and the native parts inside, as Node's single
 * executables are made. It needs nothing but the C and C++ libraries, and is moved into its place whole.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SENTRY_CACHE } from '../src/cli/load-bundle.ts';
import { buildProgram, readBuilt, root, SENTRY_FLAGS } from './bundles.ts';

const at = (path: string): string => join(root, path);
const { cli, others } = readBuilt();
const bundles = [cli, ...others];
const caches = bundles.map((name) => `${name}${SENTRY_CACHE}`);
const missing = caches.filter((name) => !existsSync(at(`dist/${name}`)));
if (missing.length > 0) throw new Error(`no code cache ${missing.join(', ')}: sandboxes must run where this is built`);

const main = at('build/start-executable.cjs');
await buildProgram('src/cli/start-executable.ts', main, { CLI_BUNDLE: cli });
// A fifth of it are symbols for debuggers.
const executable = at('build/node');
const node = at('node_modules/node/bin/node');
execFileSync('strip', ['-o', executable, node]);
const output = at(`dist/runsc.${process.pid}`);
const inDist = [...bundles, ...caches].map((name) => [name, at(`dist/${name}`)]);
const parts = ['addon.node', 'zygote', 'launch'].map((name) => [name, at(`build/${name}`)]);
const config = at('build/executable.json');
writeFileSync(
  config,
  JSON.stringify({
    main,
    executable,
    output,
    disableExperimentalSEAWarning: true,
    // Ours hold what a whole run compiles, Node's only what loading does.
    useCodeCache: false,
    // Of a heap of ours it takes longer to start than of Node's own with our caches.
    useSnapshot: false,
    // What we do is not to hang on NODE_OPTIONS of whoever starts us.
    execArgv: SENTRY_FLAGS,
    execArgvExtension: 'none',
    assets: Object.fromEntries([...inDist, ...parts]),
  }),
);
try {
  execFileSync(node, ['--build-sea', config], { stdio: ['ignore', 'ignore', 'inherit'] });
  renameSync(output, at('dist/runsc'));
} finally {
  rmSync(output, { force: true });
  rmSync(executable, { force: true });
}
