/**
 * Processes that become sentries are started by native/launch.c, which gives them what only a process that has not begun can be given.
 */
import { isSea } from 'node:sea';
import { keepForUs } from '../host/host-process.ts';
import type { Launched } from '../host/keeper.ts';
import { nativeFolder } from '../host/native-parts.ts';
import { ownCommand } from './own-command.ts';

const MARK = 'TSVISOR_LAUNCHED';
/** What Launched.note is. */
const NOTE = 'TSVISOR_AGAIN';
/** How a command goes on whose sandbox is in the hands of others. */
const COMMAND = 'TSVISOR_COMMAND';
/** Has the launcher begin a sandbox whatever it makes of the command line. */
const ASK = 'TSVISOR_LAUNCH';

/** The beginning of a command line that is runsc's by way of the launcher: what follows are flags, or a verb. */
function launchedCommand(): [string, ...string[]] {
  // The executable begins with it.
  return isSea() ? ownCommand() : [`${nativeFolder()}/launch`, ...ownCommand(), '--'];
}

/** What is left for a command when the process that was to become a sentry has done its part: null for that process. */
export function takeCommandPart(): 'made' | 'outside' | null {
  const part = process.env[COMMAND];
  delete process.env[COMMAND];
  return part === 'made' || part === 'outside' ? part : null;
}

/** Starts us once more by the launcher if it has not started us. To be called first by a verb whose process becomes a sentry. */
export function beLaunched(): Launched {
  const mark = process.env[MARK];
  if (mark === undefined) {
    const command = launchedCommand();
    process.execve?.(command[0], [...command, ...process.argv.slice(2)], { ...process.env, [ASK]: '1' });
    throw new Error('this node cannot start the launcher');
  }
  delete process.env[MARK];
  const [socket = '', pid = '', startTime = '', network = ''] = mark.split(',');
  const note = process.env[NOTE] ?? null;
  delete process.env[NOTE];
  keepForUs(Number(socket));
  return {
    socket: Number(socket),
    keeper: { pid: Number(pid), startTime },
    mayHaveHostNetwork: network === 'host',
    note,
  };
}
