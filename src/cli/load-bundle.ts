/**
 * Loads a bundle of ours with V8's code cache beside it. Node's own compile cache is made before a module has run, so it holds few of
 * the functions that a start needs; ours is made at build time from a whole run (tools/warm.ts). V8 refuses a cache that
 * another version or other flags made, and compiles: sentries have flags (tools/bundles.ts), and caches of their own.
 */
import { readFileSync } from 'node:fs';
import { Script } from 'node:vm';

/** A bundle is one function of these, as CommonJS has them; `require` knows built-in modules and other bundles. */
type Bundle = (exports: object, require: (id: string) => unknown, directory: string) => void;

/** Where bundles are. */
export interface BundleStore {
  /** What bundles are to take for their directory. */
  readonly directory: string;
  /** A file of one-byte characters. Throws if there is none. */
  read(name: string): string;
  /** The code cache of a bundle, which may be missing: that is only slower. */
  readCache(name: string): Buffer | undefined;
}

/** Whether we become a sentry, or are one: it lives long, and each has its own heap. */
export const isSentry = process.env.TSVISOR_LAUNCHED !== undefined;

/** What is added to the name of a bundle for that of its code cache. */
export const SENTRY_CACHE = '.sentry-cache';

/** The same for a process like this one. */
export const cacheSuffix = isSentry ? SENTRY_CACHE : '.cache';

/** What has been loaded, by name. */
export const scripts = new Map<string, Script>();

/** Bundles as files in a directory. */
export async function bundlesIn(directory: string): Promise<BundleStore> {
  // Not imported: it takes the addon, which not every verb needs.
  const readText = isSentry
    ? (await import('../host/text-in-place.ts')).textOfFile
    : (path: string) => readFileSync(path, 'latin1');
  return {
    directory,
    read: (name) => readText(`${directory}/${name}`),
    readCache(name) {
      try {
        return readFileSync(`${directory}/${name}${cacheSuffix}`);
      } catch {
        return undefined; // not made yet, or by somebody who may not write here
      }
    },
  };
}

/** The exports of the bundle `name`. */
export function loadBundle(store: BundleStore, name: string): object {
  const cachedData = store.readCache(name);
  const filename = `${store.directory}/${name}`;
  const script = new Script(store.read(name), cachedData === undefined ? { filename } : { filename, cachedData });
  scripts.set(name, script);
  const exports = {};
  const bundle: Bundle = script.runInThisContext();
  const load = (id: string): unknown =>
    id.startsWith('./') ? loadBundle(store, id.slice(2)) : process.getBuiltinModule(id);
  bundle(exports, load, store.directory);
  return exports;
}

export interface Cli {
  /** Runs a command line; reports its own failures. */
  main(args: readonly string[]): Promise<void>;
}

function isCli(exports: object): exports is Cli {
  return 'main' in exports;
}

/** The bundle of the command line. */
export function loadCli(store: BundleStore, name: string): Cli {
  const cli = loadBundle(store, name);
  if (!isCli(cli)) throw new Error(`${name} is no command line`);
  return cli;
}
