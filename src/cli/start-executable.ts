/** The first module of the single executable (tools/build-executable.ts): the same as start.ts, with the bundles inside. */
import { getRawAsset } from 'node:sea';
import { type BundleStore, loadCli, SENTRY_CACHE } from './load-bundle.ts';

/** The asset that is the command line's bundle: the build knows its name. */
declare const CLI_BUNDLE: string;

/** Assets are the executable's own pages: nothing may write to them. */
const read = (name: string): Buffer => Buffer.from(getRawAsset(name));
/** It starts with the flags of a sentry whatever the verb is. */
const inside: BundleStore = { directory: 'runsc', read, readCache: (name) => read(`${name}${SENTRY_CACHE}`) };

void loadCli(inside, CLI_BUNDLE).main(process.argv.slice(2));
