/** `runsc kill`: sends a signal to a container's first process, or to all of them. */
import { constants } from 'node:os';
import { connect, statusOf } from '../runtime/container-handle.ts';
import { StateDirectory } from '../runtime/state-directory.ts';
import { type FlagShapes, isGiven, type Parsed } from './arguments.ts';
import { UsageError } from './errors.ts';
import { readInvocation } from './verb.ts';

const FLAGS = { all: { type: 'boolean', short: 'a' } } as const satisfies FlagShapes;
const SIGNAL_MAX = 64;
/** RTMIN as the C library counts: the kernel's first two are its own. */
const RTMIN = 34;

/** A number, or a name with or without SIG: TERM, SIGKILL, RTMIN+2, RTMAX-1. */
export function parseSignal(text: string): number {
  if (/^\d{1,2}$/.test(text) && Number(text) <= SIGNAL_MAX) return Number(text);
  const name = text.toUpperCase().replace(/^SIG/, '');
  const number = Object.entries(constants.signals).find(([known]) => known === `SIG${name}`)?.[1];
  if (number !== undefined) return number;
  const realTime = /^RT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realTime !== null) {
    const [, from, sign, by = '0'] = realTime;
    const signo = (from === 'MIN' ? RTMIN : SIGNAL_MAX) + (sign === '-' ? -Number(by) : Number(by));
    if (signo >= RTMIN && signo <= SIGNAL_MAX) return signo;
  }
  throw new UsageError(`unknown signal: ${text}`);
}

export async function kill(globals: Parsed, args: readonly string[]): Promise<number> {
  const { own, settings, words } = await readInvocation('kill', globals, args, FLAGS);
  const [id, signal = 'TERM', ...more] = words;
  if (id === undefined) throw new UsageError('kill needs a container id, as in: runsc kill ID TERM');
  if (more.length > 0) throw new UsageError(`kill takes a container id and a signal, not also: ${more.join(' ')}`);
  const signo = parseSignal(signal);
  const directory = new StateDirectory(settings.root, id);
  const isAll = isGiven(own, 'all');
  // Of what has ended there is nobody left, which is no mistake: engines ask for it to be sure.
  if (isAll && (await statusOf(directory, directory.read())) === 'stopped') return 0;
  const client = connect(directory);
  try {
    await client.request({ verb: 'signal', signal: signo, all: isAll });
  } finally {
    client.close();
  }
  return 0;
}
