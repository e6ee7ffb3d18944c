/** The other side of create.ts: the process that is the container's sentry. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { Keeper, type Launched } from '../host/keeper.ts';
import { native } from '../host/native.ts';
import { takeTerminal } from '../host/pty.ts';
import { readBundle } from './bundle.ts';
import { memberReader, type SandboxSettings, sandboxOptions } from './sandbox-settings.ts';
import { StateDirectory } from './state-directory.ts';

const READ = 0;
const DUP3 = 292;
const FCNTL = 72;
const F_DUPFD_CLOEXEC = 1030;
const EPOLLIN = 1;
/** Where create.ts talks to us. */
const MAKER = 3;
/** Descriptors of the container are moved up here, out of the way of those with a meaning. */
const MOVED = 16;
const EXIT_FAILURE = 1;

export interface BootOptions extends SandboxSettings {
  readonly root: string;
  readonly id: string;
  readonly bundle: string;
  readonly preserveFds: number;
}

/**
 * Moves descriptors away and puts /dev/null in the places 0 to 2: nothing of ours may hold what is the container's to close. A log on
 * standard error keeps that.
 */
function takeStdio(fds: readonly number[], keepsErrors: boolean): number[] {
  const moved = fds.map((fd) => native.syscall(FCNTL, fd, F_DUPFD_CLOEXEC, MOVED)).filter((fd) => fd >= 0);
  const nothing = openSync('/dev/null', 'r+');
  for (const fd of fds) {
    if (fd > 2) closeSync(fd);
    else if (fd < 2 || !keepsErrors) native.syscall(DUP3, nothing, fd, 0);
  }
  closeSync(nothing);
  return moved;
}

function tell(message: object): void {
  writeSync(MAKER, `${JSON.stringify(message)}\n`);
}

/** Waits until create.ts has put us into the container's control groups: what we start later is in them too. */
function awaitPlacement(): void {
  const line = new Uint8Array(64);
  const length = native.syscall(READ, MAKER, line, line.length);
  if (length <= 0) throw new Error('create ended before it was through');
}

/** Makes the container, waits for `start`, and runs it to its end: its exit status. */
export async function bootContainer(options: BootOptions, launched: Launched): Promise<number> {
  let isReady = false;
  try {
    process.title = 'runsc-sandbox';
    const directory = new StateDirectory(options.root, options.id);
    new Keeper(launched).reportAt(directory.reasonPath);
    const bundle = readBundle(options.bundle, directory.configPath);
    if (bundle.hasTerminal) takeTerminal(0);
    const preserved = Array.from({ length: options.preserveFds }, (_, i) => MAKER + 1 + i);
    const logsHere = options.debugLog === undefined && (options.strace || options.debug);
    const stdio = takeStdio([0, 1, 2, ...preserved], logsHere);
    const { runContainer } = await import('../sentry/run.ts');
    awaitPlacement();
    return await runContainer({
      options: sandboxOptions(bundle, options),
      hasTerminal: bundle.hasTerminal,
      stdio,
      stdioOwner: 'sandbox',
      controlPath: directory.controlPath,
      readMember: memberReader(options),
      launched,
      startHooks: bundle.hooks.startContainer,
      onReady: ({ loop }) =>
        new Promise((resolve, reject) => {
          isReady = true;
          tell({ ready: true });
          loop.add(MAKER, EPOLLIN, () => {
            loop.remove(MAKER);
            const length = native.syscall(READ, MAKER, new Uint8Array(64), 64);
            closeSync(MAKER);
            if (length > 0) resolve();
            else reject(new Error('create ended before it was through'));
          });
        }),
      onLockedIn: (_container, keeper) => keeper.close(),
    });
  } catch (error) {
    if (isReady) throw error;
    tell({ error: error instanceof Error ? error.message : String(error) });
    return EXIT_FAILURE;
  }
}
