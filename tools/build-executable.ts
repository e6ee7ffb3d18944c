/**
 * Makes dist/runsc of a finished build: the launcher, and behind it Node with our bundles, their code caches and the native parts inside, as
 * Node's single executables are made. It needs nothing but the C and C++ libraries, and is moved into its place whole.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SENTRY_CACHE } from '../src/cli/load-bundle.ts';
import { buildProgram, NODE_FLAGS, readBuilt, root, SENTRY_FLAGS } from './bundles.ts';
import { compileLauncher } from './compile-launcher.ts';

const at = (path: string): string => join(root, path);
const { cli, others } = readBuilt();
const bundles = [cli, ...others];
const caches = bundles.map((name) => `${name}${SENTRY_CACHE}`);
const missing = caches.filter((name) => !existsSync(at(`dist/${name}`)));
if (missing.length > 0) throw new Error(`no code cache ${missing.join(', ')}: sandboxes must run where this is built`);

const main = at('build/start-executable.cjs');
await buildProgram('src/cli/start-executable.ts', main, { CLI_BUNDLE: cli });
// A fifth of it are symbols for debuggers.
const executable = at('build/node-stripped');
const node = at('build/node');
execFileSync('strip', ['-o', executable, node]);
const output = at('build/executable');
const launcher = at('build/launch-inside');
const inDist = [...bundles, ...caches].map((name) => [name, at(`dist/${name}`)]);
const parts = ['addon.node', 'zygote'].map((name) => [name, at(`build/${name}`)]);
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
    execArgv: [...NODE_FLAGS, ...SENTRY_FLAGS],
    execArgvExtension: 'none',
    assets: Object.fromEntries([...inDist, ...parts]),
  }),
);
const PAGE = 4096;
const MARK = 'tsvisor1';

/** One file of both programs; its end says where the second one is (native/launch-node-inside.c). */
function writeTogether(path: string, first: Uint8Array, second: Uint8Array): void {
  const offset = Math.ceil(first.length / PAGE) * PAGE;
  const end = Buffer.alloc(MARK.length + 8);
  end.write(MARK);
  end.writeBigUInt64LE(BigInt(offset), MARK.length);
  writeFileSync(path, first);
  appendFileSync(path, new Uint8Array(offset - first.length));
  appendFileSync(path, second);
  appendFileSync(path, end);
  chmodSync(path, 0o755);
}

const together = at(`dist/runsc.${process.pid}`);
try {
  if (!compileLauncher(launcher, 'inside', ['-static-pie'], 'inherit')) {
    throw new Error('the launcher cannot be compiled, see above');
  }
  execFileSync(node, ['--build-sea', config], { stdio: ['ignore', 'ignore', 'inherit'] });
  writeTogether(together, readFileSync(launcher), readFileSync(output));
  renameSync(together, at('dist/runsc'));
} finally {
  for (const path of [together, output, executable, launcher]) rmSync(path, { force: true });
}
