/** `runsc exec`: runs another process in a container. */
import { writeSync } from 'node:fs';
import { closeFd, isTerminal, takeTerminal } from '../host/pty.ts';
import { openConsole } from '../runtime/console.ts';
import { writePidFile } from '../runtime/create.ts';
import { execInContainer } from '../runtime/exec.ts';
import { type ProcessRequest, processFromContainer, processFromFile } from '../runtime/exec-process.ts';
import { readReport, socketOf } from '../runtime/report-socket.ts';
import { releaseStdio } from '../runtime/stand-in.ts';
import { StateDirectory } from '../runtime/state-directory.ts';
import { allValues, type FlagShapes, isGiven, lastValue, type Parsed } from './arguments.ts';
import { pathFlag, preservedFds } from './create.ts';
import { UsageError } from './errors.ts';
import { ownCommand } from './own-command.ts';
import { readInvocation } from './verb.ts';

const FLAGS = {
  'additional-gids': { type: 'string', short: 'g' },
  cap: { type: 'string', short: 'c' },
  'console-socket': { type: 'string' },
  cwd: { type: 'string' },
  detach: { type: 'boolean', short: 'd' },
  env: { type: 'string', short: 'e' },
  'no-new-privs': { type: 'boolean' },
  'pid-file': { type: 'string' },
  'preserve-fds': { type: 'string' },
  process: { type: 'string', short: 'p' },
  tty: { type: 'boolean', short: 't' },
  user: { type: 'string', short: 'u' },
  /** For ourselves: we are the process that stands for a detached one, and report on descriptor 3. */
  'is-detached': { type: 'boolean' },
} as const satisfies FlagShapes;

const REPORT = 3;

function gids(own: Parsed): number[] {
  return allValues(own, 'additional-gids').map((text) => {
    if (!/^\d{1,10}$/.test(text)) throw new UsageError(`--additional-gids is not a number: ${text}`);
    return Number(text);
  });
}

async function processOf(
  own: Parsed,
  args: readonly string[],
): Promise<{ request: ProcessRequest; wantsTerminal: boolean }> {
  const file = pathFlag(own, 'process');
  if (file !== undefined) return processFromFile(file);
  if (args.length === 0) throw new UsageError('exec needs a command, as in: runsc exec ID ls -l');
  const request = processFromContainer({
    args,
    env: allValues(own, 'env'),
    cwd: lastValue(own, 'cwd'),
    user: lastValue(own, 'user'),
    additionalGids: gids(own),
    caps: allValues(own, 'cap'),
    hasNoNewPrivileges: isGiven(own, 'no-new-privs'),
  });
  return { request, wantsTerminal: false };
}

export async function exec(globals: Parsed, args: readonly string[]): Promise<number> {
  const { own, settings, words } = await readInvocation('exec', globals, args, FLAGS);
  const [id, ...command] = words;
  if (id === undefined) throw new UsageError('exec needs a container id, as in: runsc exec ID ls -l');
  const directory = new StateDirectory(settings.root, id);
  const { request, wantsTerminal } = await processOf(own, command);
  const hasTerminal = isGiven(own, 'tty') || wantsTerminal;
  const isDetached = isGiven(own, 'is-detached');
  const socket = pathFlag(own, 'console-socket');
  if (!isDetached && (isGiven(own, 'detach') || socket !== undefined)) return execApart(own, args, hasTerminal, socket);
  if (hasTerminal && !isDetached && !isTerminal(0)) {
    throw new UsageError('the process wants a terminal, but standard input is none');
  }
  if (isDetached && hasTerminal) takeTerminal(0);
  const first = isDetached ? REPORT + 1 : REPORT;
  const extra = Array.from({ length: preservedFds(own) }, (_, i) => first + i);
  const report = (message: object): void => {
    if (isDetached) writeSync(REPORT, `${JSON.stringify(message)}\n`);
  };
  try {
    return await execInContainer(directory, {
      process: request,
      hasTerminal,
      fds: hasTerminal ? [0] : [0, 1, 2, ...extra],
      onStarted: () => {
        const pidFile = pathFlag(own, 'pid-file');
        if (pidFile !== undefined && !isDetached) writePidFile(pidFile, process.pid);
        if (!isDetached) return;
        process.title = 'runsc-exec';
        for (const fd of extra) closeFd(fd);
        releaseStdio();
        report({ started: true });
        closeFd(REPORT);
      },
    });
  } catch (error) {
    if (!isDetached) throw error;
    report({ error: error instanceof Error ? error.message : String(error) });
    return 1;
  }
}

/** The same in a process of its own, which we leave behind once the guest's process runs. */
async function execApart(
  own: Parsed,
  args: readonly string[],
  hasTerminal: boolean,
  socket: string | undefined,
): Promise<number> {
  if (hasTerminal !== (socket !== undefined)) {
    throw new UsageError(hasTerminal ? 'a detached terminal needs a console socket' : 'a console socket needs --tty');
  }
  const slave = socket === undefined ? -1 : openConsole(socket, null);
  const stdio = slave < 0 ? [0, 1, 2] : [slave, slave, slave];
  const preserved = Array.from({ length: preservedFds(own) }, (_, i) => i + REPORT);
  // Our own command line once more.
  const before = process.argv.slice(2, process.argv.length - args.length);
  const [program, ...first] = ownCommand();
  const { spawn } = process.getBuiltinModule('node:child_process');
  const child = spawn(program, [...first, ...before, '--is-detached', ...args], {
    detached: true,
    stdio: [...stdio, 'pipe', ...preserved],
  });
  if (slave >= 0) closeFd(slave);
  await readReport(child);
  const pidFile = pathFlag(own, 'pid-file');
  if (pidFile !== undefined) writePidFile(pidFile, child.pid ?? 0);
  socketOf(child).destroy();
  child.unref();
  return 0;
}
