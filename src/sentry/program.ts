/** Programs that are started from outside: the command is looked up on the guest's PATH, inside the sandbox, as execvp(3) does. */
import { EACCES, ENOENT, ENOTDIR, errnoName } from '../abi/errno.ts';
import type { Task } from '../kernel/task.ts';
import { openExec } from '../vfs/open.ts';
import { NO_ANSWER } from './dispatcher.ts';
import { homeDirectory } from './home-directory.ts';
import type { ProcessCalls } from './process-calls.ts';
import type { ProcessOptions } from './sandbox-options.ts';

const AT_FDCWD = -100;
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const STATUS_NOT_FOUND = 127;
const STATUS_NOT_EXECUTABLE = 126;

function toBinary(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function candidates({ program, argv, env }: ProcessOptions): string[] {
  const command = program ?? argv[0] ?? '';
  if (command.includes('/')) return [command];
  const path = env.PATH ?? DEFAULT_PATH;
  return path.split(':').map((folder) => `${folder === '' ? '.' : folder}/${command}`);
}

/** Of two failures the one to tell: a later folder's "not there" says less than an earlier "not allowed". */
function worse(earlier: number, later: number): number {
  return earlier === ENOENT || (later !== ENOENT && later !== ENOTDIR) ? later : earlier;
}

/** Runs the program in `task`: null when it runs, or the errno of what went wrong. */
export async function execProgram(calls: ProcessCalls, task: Task, options: ProcessOptions): Promise<number | null> {
  const env = Object.entries(options.env).map(([key, value]) => toBinary(`${key}=${value}`));
  if (options.env.HOME === undefined) env.push(`HOME=${homeDirectory(task.kernel, options.uid)}`);
  const argv = options.argv.map(toBinary);
  let error = ENOENT;
  for (const candidate of candidates(options)) {
    const result = await calls.exec(task, AT_FDCWD, toBinary(candidate), argv, env, 0);
    if (result === NO_ANSWER) return null;
    error = worse(error, -result);
  }
  return error;
}

/** Whether there is such a program for `task`, without running it: 0 or the errno that `execProgram` would find. */
export function findProgram(task: Task, options: ProcessOptions): number {
  let error = ENOENT;
  for (const candidate of candidates(options)) {
    const file = openExec(task, AT_FDCWD, toBinary(candidate), 0);
    if (typeof file !== 'number') {
      file.unref();
      return 0;
    }
    error = worse(error, -file);
  }
  return error;
}

/** A status of wait(2) as a shell shows it. */
export function shellStatus(status: number): number {
  return (status & 0x7f) === 0 ? status >> 8 : 128 + (status & 0x7f);
}

/** What a shell's user sees of such an errno. */
export function shellMessage(command: string, error: number): { message: string; status: number } {
  const isMissing = error === ENOENT || error === ENOTDIR;
  return {
    message: `${command}: ${isMissing ? 'command not found' : `cannot execute: ${errnoName(error)}`}`,
    status: isMissing ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE,
  };
}

/** The same in runc's words, by which Docker chooses between its exit statuses 126 and 127. */
export function runtimeMessage({ program, argv }: ProcessOptions, error: number): string {
  const command = program ?? argv[0] ?? '';
  if (error === ENOENT) {
    if (!command.includes('/')) return `exec: "${command}": executable file not found in $PATH`;
    return `exec: "${command}": stat ${command}: no such file or directory`;
  }
  if (error === EACCES) return `exec: "${command}": permission denied`;
  if (error === ENOTDIR) return `exec: "${command}": not a directory`;
  return `exec: "${command}": cannot execute: ${errnoName(error)}`;
}
