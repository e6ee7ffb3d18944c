/** Makes dist/tsvisor-VERSION.tgz of dist/runsc: `npm install -g` of it gives runsc, and fetches nothing. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, linkSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './bundles.ts';
import { manifest, SUMMARY } from './package-facts.ts';

const { version, license } = manifest();
const dist = join(root, 'dist');
const tree = mkdtempSync(join(dist, 'npm-'));
try {
  linkSync(join(dist, 'runsc'), join(tree, 'runsc'));
  chmodSync(join(tree, 'runsc'), 0o755);
  copyFileSync(join(root, 'README.md'), join(tree, 'README.md'));
  const description = {
    name: 'tsvisor',
    version,
    description: SUMMARY,
    license,
    bin: { runsc: 'runsc' },
    files: ['runsc'],
    os: ['linux'],
    cpu: ['x64'],
    libc: ['glibc'],
  };
  writeFileSync(join(tree, 'package.json'), `${JSON.stringify(description, null, 2)}\n`);
  execFileSync('npm', ['pack', '--silent', '--pack-destination', tree], {
    cwd: tree,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const name = `tsvisor-${version}.tgz`;
  renameSync(join(tree, name), join(dist, name));
  console.log(join(dist, name));
} finally {
  rmSync(tree, { recursive: true, force: true });
}
