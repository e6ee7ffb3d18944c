/** `runsc ps`: the processes of a container. In JSON these are the host's pids, for that is what engines look up. */
import { connect } from '../runtime/container-handle.ts';
import type { ControlClient } from '../runtime/control-client.ts';
import { hostPids } from '../runtime/host-pids.ts';
import { StateDirectory } from '../runtime/state-directory.ts';
import type { Fields } from '../wire/json-fields.ts';
import { type FlagShapes, lastValue, type Parsed } from './arguments.ts';
import { UsageError } from './errors.ts';
import { print } from './output.ts';
import { formatTable } from './table.ts';
import { readInvocation } from './verb.ts';

const FLAGS = { format: { type: 'string', short: 'f' } } as const satisfies FlagShapes;
const MAX_PID = 2 ** 31;
const MAX_SECONDS = 2 ** 40;

function clockTime(epochSec: number): string {
  const date = new Date(epochSec * 1000);
  return `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`;
}

function duration(sec: number): string {
  const parts = [Math.floor(sec / 3600), Math.floor(sec / 60) % 60, sec % 60];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

export async function ps(globals: Parsed, args: readonly string[]): Promise<number> {
  const { own, settings, words } = await readInvocation('ps', globals, args, FLAGS);
  // Words behind the id are options for a ps of the host, which knows nothing of what runs inside.
  const [id] = words;
  if (id === undefined) throw new UsageError('ps needs a container id, as in: runsc ps ID');
  const format = lastValue(own, 'format') ?? 'table';
  if (format !== 'table' && format !== 'json') throw new UsageError(`--format is neither table nor json: ${format}`);
  const directory = new StateDirectory(settings.root, id);
  const client = connect(directory);
  try {
    const processes = (await client.request({ verb: 'ps' })).objects('processes');
    if (format === 'json') {
      const hostPid = hostPids(settings.root, directory);
      const pids = processes.map((each) => hostPid(each.number('hostPid', MAX_PID) ?? 0)).filter((pid) => pid > 0);
      print(`${JSON.stringify([...new Set(pids)])}\n`);
      return 0;
    }
    print(tableOf(processes));
    return 0;
  } finally {
    client.close();
  }
}

/** The processes of a container for people, with the pids they have inside. */
export async function processTable(client: ControlClient): Promise<string> {
  return tableOf((await client.request({ verb: 'ps' })).objects('processes'));
}

function tableOf(processes: readonly Fields[]): string {
  const rows = processes.map((each) => [
    String(each.number('uid', MAX_PID * 2) ?? 0),
    String(each.number('pid', MAX_PID) ?? 0),
    String(each.number('ppid', MAX_PID) ?? 0),
    clockTime(each.number('startTime', MAX_SECONDS) ?? 0),
    each.string('tty') ?? '?',
    duration(each.number('cpuTime', MAX_SECONDS) ?? 0),
    each.string('command') ?? '',
  ]);
  return formatTable([['UID', 'PID', 'PPID', 'STIME', 'TTY', 'TIME', 'CMD'], ...rows]);
}
