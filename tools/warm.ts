/**
 * Makes the bundles' code caches, for src/cli/load-bundle.ts: runs a command line as runsc would, then has V8 write down all
 * functions that the run compiled. The build calls it.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadCli, scripts } from '../src/cli/load-bundle.ts';

declare const CLI_BUNDLE: string;

const cli = loadCli(join(import.meta.dirname, '../dist'), CLI_BUNDLE);
process.on('exit', (code) => {
  if (code !== 0) return;
  for (const [path, script] of scripts) {
    const temporary = `${path}.${process.pid}`;
    writeFileSync(temporary, script.createCachedData());
    renameSync(temporary, `${path}.cache`);
  }
});
void cli.main(process.argv.slice(2));
