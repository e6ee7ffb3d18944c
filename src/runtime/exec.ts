/** exec: another process in a container that runs. Out here a process of ours stands for it: it gets its signals and ends as it ends. */
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { native } from '../host/native.ts';
import { connect } from './container-handle.ts';
import { ContainerError, type StateDirectory } from './state-directory.ts';

const DUP3 = 292;
const TERMINAL_SIGNALS: ReadonlySet<string> = new Set(['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTSTP', 'SIGWINCH']);
const FORWARDED = [
  ...['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGCONT', 'SIGTSTP', 'SIGTTIN'],
  ...['SIGTTOU', 'SIGURG', 'SIGWINCH', 'SIGIO', 'SIGPWR', 'SIGVTALRM', 'SIGXCPU', 'SIGXFSZ'],
] as const;
/** What a process shows that went with its container (128 + SIGKILL). */
const EXIT_KILLED = 137;
const MAX_STATUS = 255;

export interface ExecOptions {
  /** A process object of a configuration. */
  readonly process: object;
  /** Whether descriptor 0 is its terminal. */
  readonly hasTerminal: boolean;
  /** Becomes the process's descriptors from 0; of a terminal there is one. */
  readonly fds: readonly number[];
  /** It runs. */
  onStarted(): void;
}

function isSignalName(name: string): name is NodeJS.Signals {
  return Object.hasOwn(constants.signals, name);
}

/** @returns the exit status of the process, 128 + n if signal n ended it */
export async function execInContainer(directory: StateDirectory, options: ExecOptions): Promise<number> {
  const { hasTerminal } = options;
  const client = connect(directory);
  try {
    await client.request({ verb: 'exec', process: options.process, terminal: hasTerminal }, options.fds);
    for (const name of FORWARDED) {
      if (!isSignalName(name)) continue;
      const isTerminal = hasTerminal && TERMINAL_SIGNALS.has(name);
      process.on(name, () => client.send({ signal: constants.signals[name], isTerminal }));
    }
    options.onStarted();
    for (let message = await client.next(); message !== null; message = await client.next()) {
      const exit = message.number('exit', MAX_STATUS);
      if (exit !== undefined) return exit;
      const error = message.string('error');
      if (error !== undefined) throw new ContainerError(error);
    }
    return EXIT_KILLED;
  } finally {
    client.close();
  }
}

/** Lets go of the streams that are the process's now: whoever reads them must see their end when it has. */
export function releaseStdio(): void {
  const nothing = openSync('/dev/null', 'r+');
  for (const fd of [0, 1, 2]) native.syscall(DUP3, nothing, fd, 0);
  closeSync(nothing);
}
