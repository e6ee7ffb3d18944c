/**
 * Loads a bundle of ours with V8's code cache beside it. Node's own compile cache is made before a module has run, so it holds few of
 * the functions that a start needs; ours is made at build time from a whole run (tools/warm.ts). V8 refuses a cache that
 * another version or other flags made, and compiles.
 */
import { readFileSync } from 'node:fs';
import { Script } from 'node:vm';

/** A bundle is one function of these, as CommonJS has them; `require` knows built-in modules and other bundles. */
type Bundle = (exports: object, require: (id: string) => unknown, directory: string) => void;

/** What has been loaded, by path. */
export const scripts = new Map<string, Script>();

function readCache(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined; // not made yet, or by somebody who may not write here: only slower
  }
}

/** The exports of the bundle in `directory`/`name`, a file of one-byte characters. */
export function loadBundle(directory: string, name: string): object {
  const path = `${directory}/${name}`;
  const cachedData = readCache(`${path}.cache`);
  const source = readFileSync(path, 'latin1');
  const script = new Script(source, cachedData === undefined ? { filename: path } : { filename: path, cachedData });
  scripts.set(path, script);
  const exports = {};
  const bundle: Bundle = script.runInThisContext();
  const load = (id: string): unknown =>
    id.startsWith('./') ? loadBundle(directory, id.slice(2)) : process.getBuiltinModule(id);
  bundle(exports, load, directory);
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
export function loadCli(directory: string, name: string): Cli {
  const cli = loadBundle(directory, name);
  if (!isCli(cli)) throw new Error(`${name} is no command line`);
  return cli;
}
