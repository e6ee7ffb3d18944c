/**
 * Source archives of Debian packages for programs that are built in tests. They are fetched once, from where the host's binary
 * packages come, with lists of their own: the host's configuration is only read.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './run-process.ts';

const CONFIGURED = '/etc/apt/sources.list.d';

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
}

/** The entries for binary packages, turned into those for sources: both styles of sources.list(5). */
function sourceEntries(folder: string): void {
  const lists = existsSync(CONFIGURED) ? readdirSync(CONFIGURED).map((name) => join(CONFIGURED, name)) : [];
  for (const path of ['/etc/apt/sources.list', ...lists]) {
    if (!/\.(list|sources)$/.test(path) || !existsSync(path)) continue;
    const text = readFileSync(path, 'utf8')
      .replace(/^Types:.*$/gm, 'Types: deb-src')
      .replace(/^deb /gm, 'deb-src ');
    writeFileSync(join(folder, path.replaceAll('/', '-').slice(1)), text);
  }
}

/** Fetches what is missing: the directory with the archives. */
export function fetchSources(packages: readonly string[]): string {
  const base = join(repositoryRoot, 'build', 'sources');
  const archives = join(base, 'archives');
  const parts = join(base, 'parts');
  for (const folder of [archives, parts, `${base}/lists/partial`, `${base}/cache/archives/partial`]) {
    mkdirSync(folder, { recursive: true });
  }
  const present = readdirSync(archives);
  const missing = packages.filter(
    (name) => !present.some((file) => file.startsWith(`${name}_`) && file.endsWith('.dsc')),
  );
  if (missing.length === 0) return archives;
  sourceEntries(parts);
  const options = [
    'Dir::Etc::SourceList=/dev/null',
    `Dir::Etc::SourceParts=${parts}`,
    `Dir::State::Lists=${base}/lists`,
    `Dir::Cache=${base}/cache`,
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  run('apt-get', [...options, 'update'], archives);
  run('apt-get', [...options, 'source', '--download-only', ...missing], archives);
  return archives;
}
