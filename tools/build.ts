/**
 * Builds what runs: the addon and the zygote into build/, the bundle into dist/. Each is made beside its place and renamed into it, so
 * that a runsc that starts meanwhile sees the old one or the new one, whole.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { SENTRY_CACHE } from '../src/cli/load-bundle.ts';
import { exampleConfig } from '../src/runtime/spec.ts';
import { BUNDLE, buildProgram, root, writeBuilt } from './bundles.ts';
import { compileLauncher } from './compile-launcher.ts';
import { compileSchema, SCHEMA_TYPES, withoutErrors } from './compile-schema.ts';
import { makeNode } from './node-program.ts';

const startedAt = new Date();

/** Lets `make` produce a file under a name of its own, then puts it in place. */
async function place(path: string, make: (temporary: string) => void | Promise<void>): Promise<void> {
  const target = join(root, path);
  const temporary = `${target}.${process.pid}`;
  await make(temporary);
  renameSync(temporary, target);
}

/**
 * Lets a module that is imported where it is needed be a bundle of its own: most verbs never need it. Only plain values cross the
 * border, for each bundle has its own classes.
 */
function apart(filter: RegExp, file: string): Plugin {
  return {
    name: `${file} apart`,
    setup(build) {
      build.onResolve({ filter }, ({ kind }) =>
        kind === 'dynamic-import' ? { path: `./${file}`, external: true } : undefined,
      );
    },
  };
}

/** The name in dist/ of a bundle for src/cli/load-bundle.ts. Named by content, so that no start meets the code cache of another build. */
async function bundle(name: string, entry: string, plugins: Plugin[]): Promise<string> {
  // What no stack trace leads people to may be as short as it goes.
  const isGenerated = entry.startsWith('build/');
  const built = await build({
    ...BUNDLE,
    minify: isGenerated,
    // Names stay for stack traces, and lines: what is left out is held in memory by each sandbox.
    minifyWhitespace: true,
    lineLimit: 160,
    entryPoints: [join(root, entry)],
    banner: { js: '(function (exports, require, __dirname) { const module = { exports };' },
    footer: { js: 'Object.assign(exports, module.exports); })' },
    plugins,
    write: false,
  });
  const text = built.outputFiles[0].text;
  const file = `${name}-${createHash('sha256').update(text).digest('hex').slice(0, 16)}.cjs`;
  await place(`dist/${file}`, (out) => writeFileSync(out, text));
  return file;
}

/** Runs a command line by tools/warm.ts and keeps the code caches that it leaves. @returns whether it ran */
function warm(bundles: readonly string[], args: readonly string[]): boolean {
  const program = [join(root, 'build/node'), join(root, 'build/warm.cjs'), '--'];
  const { status } = spawnSync(join(root, 'build/launch'), [...program, ...args], { stdio: 'ignore' });
  for (const path of bundles.flatMap((name) => [
    join(root, `dist/${name}.cache`),
    join(root, `dist/${name}${SENTRY_CACHE}`),
  ])) {
    const size = statSync(`${path}.new`, { throwIfNoEntry: false })?.size;
    if (size === undefined) continue;
    // Those of bundles that it has not loaded are empty.
    if (status === 0 && size > 0) renameSync(`${path}.new`, path);
    else rmSync(`${path}.new`);
  }
  return status === 0;
}

/**
 * A host on which no sandbox starts goes without code caches: whoever starts one for real is told the reasons. Each run begins with
 * the caches of those before it, so what the last one leaves has the functions of all.
 */
function makeCodeCaches(bundles: readonly string[]): void {
  const script = 'for i in 1 2; do ls / | cat; done; (exit 0); kill -CHLD $$';
  const scratch = mkdtempSync(join(tmpdir(), 'tsvisor-warm-'));
  const example = exampleConfig(['/bin/sh', '-c', script], null);
  const { process: program } = example;
  const write = (...args: readonly string[]): void => {
    const config = { ...example, process: { ...program, args, terminal: false }, root: { path: '/', readonly: true } };
    writeFileSync(join(scratch, 'config.json'), JSON.stringify(config));
  };
  const bundle = ['--bundle', scratch, 'warm'];
  const state = ['--root', join(scratch, 'state')];
  write('/bin/sh', '-c', script);
  if (warm(bundles, ['do', '/bin/sh', '-c', script])) warm(bundles, [...state, 'run', ...bundle]);
  write('/bin/sleep', '1000');
  const verbs = [
    ['create', ...bundle],
    ['start', 'warm'],
    ['exec', 'warm', '/bin/true'],
    ['kill', 'warm', 'KILL'],
    ['delete', '--force', 'warm'],
  ];
  for (const verb of verbs) warm(bundles, [...state, ...verb]);
  rmSync(scratch, { recursive: true });
}

/** Bundles of older builds, once nobody can be about to load them. */
function removeOldBundles(current: readonly string[]): void {
  const dist = join(root, 'dist');
  for (const name of readdirSync(dist)) {
    const isCurrent = current.some((file) => name.startsWith(file));
    if (!/^(cli|schema|sentry)-/.test(name) || isCurrent) continue;
    if (statSync(join(dist, name)).mtimeMs < startedAt.getTime() - 3600e3) rmSync(join(dist, name));
  }
}

mkdirSync(join(root, 'build'), { recursive: true });
mkdirSync(join(root, 'dist'), { recursive: true });

await place('build/node', (out) => makeNode(join(root, 'node_modules/node/bin/node'), out));
await place('build/addon.node', (out) => {
  const flags = ['-O2', '-shared', '-fPIC', '-Wall', '-Wextra', '-Werror'];
  const headers = join(root, 'node_modules/node-api-headers/include');
  execFileSync('cc', [...flags, '-I', headers, join(root, 'native/addon.c'), '-o', out], { stdio: 'inherit' });
});
await place('build/zygote', (out) => {
  execFileSync(join(root, 'native/build-stub.sh'), [out], { stdio: 'inherit' });
});
await place('build/launch', (out) => {
  if (!compileLauncher(out, 'file', ['-static'], 'ignore') && !compileLauncher(out, 'file', [], 'inherit')) {
    throw new Error('the launcher cannot be compiled, see above');
  }
});
const schemaCode = compileSchema();
await place('build/oci-schema-errors.d.mts', (out) => writeFileSync(out, SCHEMA_TYPES));
await place('build/oci-schema-errors.mjs', (out) => writeFileSync(out, schemaCode));
await place('build/oci-schema.d.mts', (out) => writeFileSync(out, SCHEMA_TYPES));
await place('build/oci-schema.mjs', (out) => writeFileSync(out, withoutErrors(schemaCode)));
const sentry = await bundle('sentry', 'src/sentry/run.ts', []);
const schema = await bundle('schema', 'build/oci-schema.mjs', []);
const schemaErrors = await bundle('schema-errors', 'build/oci-schema-errors.mjs', []);
const cli = await bundle('cli', 'src/cli/main.ts', [
  apart(/\/sentry\/run\.ts$/, sentry),
  apart(/^#oci-schema$/, schema),
  apart(/^#oci-schema-errors$/, schemaErrors),
]);
await place('build/warm.cjs', (out) =>
  buildProgram('tools/warm.ts', out, {
    CLI_BUNDLE: cli,
    SCHEMA_BUNDLE: schema,
    ERRORS_BUNDLE: schemaErrors,
    SENTRY_BUNDLE: sentry,
  }),
);
makeCodeCaches([sentry, schema, schemaErrors, cli]);
await place('dist/runsc.cjs', (out) => buildProgram('src/cli/start.ts', out, { CLI_BUNDLE: cli }));
removeOldBundles([sentry, schema, schemaErrors, cli]);
writeBuilt({ cli, others: [sentry, schema, schemaErrors] });
await place('dist/stamp', (out) => {
  closeSync(openSync(out, 'w'));
  // A source saved while the build ran must count as newer.
  utimesSync(out, startedAt, startedAt);
});
