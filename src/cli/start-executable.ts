/** The first module of the single executable (tools/build-executable.ts): the same as start.ts, with the bundles inside. */
import { getRawAsset } from 'node:sea';
import { type BundleStore, isSentry, loadCli, SENTRY_CACHE } from './load-bundle.ts';

/** The asset that is the command line's bundle: the build knows its name. */
declare const CLI_BUNDLE: string;

/** Assets are the executable's own pages: nothing may write to them. */
const bytesOf = (name: string): Buffer => Buffer.from(getRawAsset(name));

async function start(): Promise<void> {
  const textOf = isSentry
    ? (await import('../host/text-in-place.ts')).textOf
    : (bytes: Buffer) => bytes.toString('latin1');
  const inside: BundleStore = {
    directory: 'runsc',
    read: (name) => textOf(bytesOf(name)),
    /** It starts with the flags of a sentry whatever the verb is. */
    readCache: (name) => bytesOf(`${name}${SENTRY_CACHE}`),
  };
  await loadCli(inside, CLI_BUNDLE).main(process.argv.slice(2));
}

void start();
