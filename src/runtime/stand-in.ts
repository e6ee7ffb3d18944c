/** A process outside that stands for one inside: it gets the signals that are meant for that, and ends as that ends. */
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { native } from '../host/native.ts';
import type { ControlClient } from './control-client.ts';
import { ContainerError } from './state-directory.ts';

const DUP3 = 292;
const TERMINAL_SIGNALS: ReadonlySet<string> = new Set(['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTSTP', 'SIGWINCH']);
const FORWARDED = [
  ...['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGCONT', 'SIGTSTP', 'SIGTTIN'],
  ...['SIGTTOU', 'SIGURG', 'SIGWINCH', 'SIGIO', 'SIGPWR', 'SIGVTALRM', 'SIGXCPU', 'SIGXFSZ'],
] as const;
/** What a process shows that went with its container (128 + SIGKILL). */
const EXIT_KILLED = 137;
const MAX_STATUS = 255;

function isSignalName(name: string): name is NodeJS.Signals {
  return Object.hasOwn(constants.signals, name);
}

/** Hands our signals on over the connection on which the process was started. @param hasTerminal whether it is the process's, too */
export function forwardSignals(client: ControlClient, hasTerminal: boolean): void {
  for (const name of FORWARDED) {
    if (!isSignalName(name)) continue;
    const isTerminal = hasTerminal && TERMINAL_SIGNALS.has(name);
    process.on(name, () => client.send({ signal: constants.signals[name], isTerminal }));
  }
}

/** Waits for its end: its status as a shell shows it. */
export async function awaitEnd(client: ControlClient): Promise<number> {
  for (let message = await client.next(); message !== null; message = await client.next()) {
    const exit = message.number('exit', MAX_STATUS);
    if (exit !== undefined) return exit;
    const error = message.string('error');
    if (error !== undefined) throw new ContainerError(error);
  }
  return EXIT_KILLED;
}

/** Lets go of the streams that are the process's now: whoever reads them must see their end when it has. */
export function releaseStdio(): void {
  const nothing = openSync('/dev/null', 'r+');
  for (const fd of [0, 1, 2]) native.syscall(DUP3, nothing, fd, 0);
  closeSync(nothing);
}
