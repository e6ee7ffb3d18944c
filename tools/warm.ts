/**
 * Makes the bundles' code caches, for src/cli/load-bundle.ts: runs a command line as runsc would, then has V8 write down all
 * functions that the run compiled, in files that are open by then: the sentry opens nothing any more. The build calls it, and names them.
 */
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Check } from '#oci-schema';
import { type BundleStore, bundlesIn, cacheSuffix, loadBundle, loadCli, scripts } from '../src/cli/load-bundle.ts';
import { exampleConfig } from '../src/runtime/spec.ts';

declare const CLI_BUNDLE: string;
declare const SCHEMA_BUNDLE: string;
declare const ERRORS_BUNDLE: string;
declare const SENTRY_BUNDLE: string;

const dist = join(import.meta.dirname, '../dist');

function isSchema(exports: object): exports is { readonly isConfig: Check } {
  return 'isConfig' in exports;
}

/** Has the check of configurations compiled, all of its parts: the command line that is run needs none. */
function checkExample(store: BundleStore, bundle: string): void {
  const schema = loadBundle(store, bundle);
  if (!isSchema(schema)) throw new Error(`${bundle} is no schema`);
  const seccomp = { defaultAction: 'SCMP_ACT_ALLOW' };
  const config = { ...exampleConfig(['true'], null), hooks: { poststop: [] } };
  const { linux } = config;
  if (!schema.isConfig({ ...config, linux: { ...linux, seccomp, resources: { pids: { limit: 1 } } } })) {
    throw new Error(`the example does not match the schema: ${JSON.stringify(schema.isConfig.errors)}`);
  }
}

const bundles = [SCHEMA_BUNDLE, ERRORS_BUNDLE, CLI_BUNDLE, SENTRY_BUNDLE];
const outputs = new Map(bundles.map((name) => [name, openSync(join(dist, `${name}${cacheSuffix}.new`), 'w')]));

function writeCaches(): void {
  for (const [name, script] of scripts) {
    const output = outputs.get(name);
    if (output === undefined) throw new Error(`${name} is no bundle that is known`);
    const data = script.createCachedData();
    for (let done = 0; done < data.length; ) done += writeSync(output, data, done);
  }
}

async function run(args: readonly string[]): Promise<void> {
  const store = await bundlesIn(dist);
  checkExample(store, SCHEMA_BUNDLE);
  checkExample(store, ERRORS_BUNDLE);
  const cli = loadCli(store, CLI_BUNDLE);
  process.on('exit', (code) => {
    if (code === 0) writeCaches();
  });
  await cli.main(args);
}

void run(process.argv.slice(2));
