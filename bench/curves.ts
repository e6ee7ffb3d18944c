/**
 * Shows that what one piece of work costs stays the same as there is more of its kind: a line for each measure and system, with the cost beside
 * 1, 10, 100 ... of what it names. Medians; the systems alternate within each round.
 *
 *   npm run bench:curves -- [--only NAME,...] [--rounds N]
 */
import { parseArgs } from 'node:util';
import { build, buildDirectory, human, median, output, row, systems } from './systems.ts';

/** By name in bench/guest/curves.c: how much of each there is to be. */
const curves: readonly { readonly name: string; readonly counts: readonly number[] }[] = [
  { name: 'processes', counts: [1, 10, 100] },
  { name: 'threads', counts: [1, 10, 100] },
  { name: 'sleepers', counts: [1, 10, 100, 1000] },
  { name: 'descriptors', counts: [1, 100, 1000, 10_000] },
  { name: 'descriptors-fork', counts: [1, 100, 1000, 10_000] },
  { name: 'watched', counts: [1, 100, 1000, 10_000] },
  { name: 'files-made', counts: [100, 1000, 10_000, 100_000] },
  { name: 'files-stat', counts: [100, 1000, 10_000, 100_000] },
  { name: 'files-make-remove', counts: [100, 1000, 10_000, 100_000] },
  { name: 'files-listed', counts: [100, 1000, 10_000, 100_000] },
  { name: 'files-removed', counts: [100, 1000, 10_000, 100_000] },
  { name: 'mappings', counts: [1, 100, 1000, 10_000] },
  { name: 'mappings-made', counts: [1, 100, 1000, 10_000] },
  { name: 'mappings-fork', counts: [1, 100, 1000, 10_000] },
];

function main(): void {
  const { values: options } = parseArgs({
    options: { only: { type: 'string' }, rounds: { type: 'string', default: '3' } },
  });
  const only = options.only?.split(',');
  const unknown = only?.find((name) => !curves.some((curve) => curve.name === name));
  if (unknown !== undefined) throw new Error(`no measure is called ${unknown}`);
  const rounds = Number(options.rounds);
  if (!(rounds >= 1)) throw new Error(`--rounds ${options.rounds} is not a number of rounds`);
  build('curves');
  for (const { name, counts } of curves) {
    if (only !== undefined && !only.includes(name)) continue;
    row([name, ...counts.map(String)]);
    const figures = systems.map(() => counts.map((): number[] => []));
    for (let round = 0; round < rounds; round++) {
      for (const [i, count] of counts.entries()) {
        for (const [system, { prefix }] of systems.entries()) {
          figures[system][i].push(Number(output([...prefix, `${buildDirectory}/curves`, name, String(count)])));
        }
      }
    }
    for (const [system, { name: who }] of systems.entries()) {
      row([`  ${who}`, ...figures[system].map((each) => human(median(each)))]);
    }
  }
}

main();
