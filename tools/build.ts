/**
 * Builds what runs: the addon and the zygote into build/, the bundle into dist/. Each is made beside its place and renamed into it, so
 * that a runsc that starts meanwhile sees the old one or the new one, whole.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const startedAt = new Date();

/** Lets `make` produce a file under a name of its own, then puts it in place. */
function place(path: string, make: (temporary: string) => void): void {
  const target = join(root, path);
  const temporary = `${target}.${process.pid}`;
  make(temporary);
  renameSync(temporary, target);
}

/** The first module: the compile cache must be on before the bundle loads. Without a writable folder Node goes on without. */
const ENTRY = `import { enableCompileCache } from 'node:module';
enableCompileCache(new URL('cache', import.meta.url).pathname);
const { main } = await import('./main.mjs');
await main(process.argv.slice(2));
`;

mkdirSync(join(root, 'build'), { recursive: true });
mkdirSync(join(root, 'dist'), { recursive: true });

place('build/addon.node', (out) => {
  const flags = ['-O2', '-shared', '-fPIC', '-Wall', '-Wextra', '-Werror'];
  const headers = join(root, 'node_modules/node-api-headers/include');
  execFileSync('cc', [...flags, '-I', headers, join(root, 'native/addon.c'), '-o', out], { stdio: 'inherit' });
});
place('build/zygote', (out) => {
  execFileSync(join(root, 'native/build-stub.sh'), [out], { stdio: 'inherit' });
});
place('dist/main.mjs', (out) => {
  buildSync({
    entryPoints: [join(root, 'src/cli/main.ts')],
    outfile: out,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node26',
    logLevel: 'warning',
  });
});
place('dist/runsc.mjs', (out) => writeFileSync(out, ENTRY));
place('dist/stamp', (out) => {
  closeSync(openSync(out, 'w'));
  // A source saved while the build ran must count as newer.
  utimesSync(out, startedAt, startedAt);
});
