/**
 * Measures this kernel beside Linux and, where it is there, gVisor: the three alternate within each round, so that what else the
 * machine does falls on all of them. Prints a table of medians and, with --json FILE, all figures.
 *
 *   npm run bench -- [--only NAME,...] [--rounds N] [--json FILE]
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { fetchSources } from '../test/source-packages.ts';
import { build, buildDirectory, human, median, output, repository, row, systems } from './systems.ts';

const micro = `${buildDirectory}/micro`;

/** A C file of many small functions. */
const functions = `${buildDirectory}/functions.c`;
const PYTHON_MODULES =
  'json, re, subprocess, threading, socket, asyncio, logging, sqlite3, http.client, decimal, email, unittest';

interface Measure {
  readonly name: string;
  /** ns that this project means to reach; null for none. */
  readonly targetNs: number | null;
  /** Nanoseconds of one, with commands run behind `prefix`. */
  run(prefix: readonly string[]): number;
}

function inProgram(name: string, targetNs: number | null = null): Measure {
  return { name, targetNs, run: (prefix) => Number(output([...prefix, micro, name])) };
}

/** Wall time of a whole command, start-up of the sandbox included. */
function wholeCommand(name: string, argv: readonly string[], targetNs: number | null = null): Measure {
  return {
    name,
    targetNs,
    run: (prefix) => {
      const start = process.hrtime.bigint();
      output([...prefix, ...argv]);
      return Number(process.hrtime.bigint() - start);
    },
  };
}

/** A script of bench/programs, which prepares what it needs and prints how long the part took that counts. */
function program(name: string, script: string, args: () => readonly string[] = () => []): Measure {
  const path = `${repository}/bench/programs/${script}.sh`;
  return { name, targetNs: null, run: (prefix) => Number(output([...prefix, '/bin/sh', path, ...args()])) };
}

function luaArchive(): string {
  const folder = fetchSources(['lua5.4']);
  const name = readdirSync(folder).find((file) => /^lua5\.4_.*\.orig\.tar\.\w+$/.test(file));
  if (name === undefined) throw new Error(`no sources of Lua in ${folder}`);
  return `${folder}/${name}`;
}

const measures: readonly Measure[] = [
  inProgram('getppid-patched', 700),
  inProgram('getpid'),
  inProgram('getppid-wrapped'),
  inProgram('getppid-trapped', 3200),
  inProgram('read'),
  inProgram('pread'),
  inProgram('open-close'),
  inProgram('stat'),
  inProgram('mmap', 50_000),
  inProgram('fork', 600_000),
  inProgram('vfork-exec', 1_500_000),
  inProgram('pipe'),
  inProgram('signal'),
  inProgram('thread'),
  inProgram('fstat'),
  inProgram('epoll-ready'),
  inProgram('pipe-self'),
  inProgram('unix-self'),
  inProgram('futex'),
  wholeCommand('do-true', ['/bin/true'], 90_000_000),
  wholeCommand('200-execs', ['/bin/sh', '-c', 'i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done']),
  wholeCommand('300-subshells', ['/bin/sh', '-c', 'i=0; while [ $i -lt 300 ]; do (:); i=$((i+1)); done']),
  wholeCommand('python-imports', ['/usr/bin/python3', '-c', `import ${PYTHON_MODULES}`]),
  wholeCommand('gcc', ['/usr/bin/gcc', '-O1', '-c', '-o', '/dev/null', functions]),
  wholeCommand('find', ['/bin/sh', '-c', 'find /usr/share -type f | wc -l']),
  wholeCommand('tar', ['/bin/sh', '-c', 'tar cf - /usr/include 2>/dev/null | wc -c']),
  wholeCommand('grep', ['/bin/sh', '-c', 'grep -r EXPORT /usr/include/linux | wc -l']),
  wholeCommand('dd-file', ['/bin/sh', '-c', 'dd if=/dev/zero of=/tmp/dd bs=1M count=64 status=none; rm /tmp/dd']),
  wholeCommand('dd-pipe', ['/bin/sh', '-c', 'dd if=/dev/zero bs=64k count=4096 status=none | cat >/dev/null']),
  program('redis-set', 'redis', () => ['set']),
  program('redis-get', 'redis', () => ['get']),
  program('sqlite', 'sqlite'),
  program('make-lua', 'make-lua', () => [luaArchive()]),
  program('git-status', 'git-status'),
];

function main(): void {
  const { values: options } = parseArgs({
    options: { only: { type: 'string' }, rounds: { type: 'string', default: '5' }, json: { type: 'string' } },
  });
  const only = options.only?.split(',');
  const unknown = only?.find((name) => !measures.some((measure) => measure.name === name));
  if (unknown !== undefined) throw new Error(`no measure is called ${unknown}`);
  const rounds = Number(options.rounds);
  if (!(rounds >= 1)) throw new Error(`--rounds ${options.rounds} is not a number of rounds`);
  build('micro');
  const body = '{ long s = a; for (long i = 0; i < b; i++) s = s * 31 + (i ^ a); return s; }';
  writeFileSync(functions, Array.from({ length: 800 }, (_, i) => `long f${i}(long a, long b) ${body}\n`).join(''));

  row(['', ...systems.map(({ name }) => name), 'target']);
  const results = measures
    .filter(({ name }) => only === undefined || only.includes(name))
    .map((measure) => {
      const figures = new Map<string, number[]>(systems.map(({ name }) => [name, []]));
      for (let round = 0; round < rounds; round++) {
        for (const { name, prefix } of systems) figures.get(name)?.push(measure.run(prefix));
      }
      const medians = systems.map(({ name }) => median(figures.get(name) ?? []));
      row([measure.name, ...medians.map(human), measure.targetNs === null ? '' : human(measure.targetNs)]);
      return { name: measure.name, targetNs: measure.targetNs, figuresNs: Object.fromEntries(figures) };
    });
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
}

main();
