/** `npm test`: runs every part, also after one has failed, and says at the end which did. `--all` adds what takes long. */
import { spawnSync } from 'node:child_process';

const args = process.argv.slice(2);
const unknown = args.find((arg) => arg !== '--all');
if (unknown !== undefined) {
  console.error(`unknown argument ${unknown}; usage: npm test [-- --all]`);
  process.exit(2);
}

const parts = ['test:unit', 'test:guest', 'test:hostile', 'test:programs'];
if (args.includes('--all')) parts.push('test:executable', 'test:nightly', 'test:cpython', 'test:stress-ng');

const failed = parts.filter((part) => spawnSync('npm', ['run', part], { stdio: 'inherit' }).status !== 0);
if (failed.length > 0) console.error(`failed: ${failed.join(', ')}`);
process.exit(failed.length > 0 ? 1 : 0);
