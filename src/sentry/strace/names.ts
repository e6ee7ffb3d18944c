/** Numbers as the names they have in the manual pages; src/abi is the list of names. */
import { getSystemErrorMap } from 'node:util';
import * as clone from '../../abi/clone.ts';
import { errnoName } from '../../abi/errno.ts';
import * as fcntl from '../../abi/fcntl.ts';
import * as ioctl from '../../abi/ioctl.ts';
import * as memory from '../../abi/memory.ts';
import * as poll from '../../abi/poll.ts';
import * as resource from '../../abi/resource.ts';
import * as signal from '../../abi/signal.ts';
import * as stat from '../../abi/stat.ts';
import * as wait from '../../abi/wait.ts';

type Constants = Readonly<Record<string, unknown>>;
type Named = readonly (readonly [string, number])[];

/** The numeric constants of a module whose names begin with `prefix`. */
function named(constants: Constants, prefix: string): Named {
  return Object.entries(constants).flatMap(([name, value]) =>
    name.startsWith(prefix) && typeof value === 'number' ? [[name, value] as const] : [],
  );
}

/** Most sandboxes are never looked at, and making these takes a millisecond. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** `value` as names joined by "|"; bits without a name follow in hexadecimal. */
export function flagNames(names: Named, value: number, zero = '0'): string {
  let rest = value >>> 0;
  const found: [string, number][] = [];
  // Names of several bits first, so that O_SYNC is not O_DSYNC and something.
  for (const [name, bits] of [...names].sort((a, b) => popCount(b[1]) - popCount(a[1]))) {
    if (bits === 0 || (rest & bits) >>> 0 !== bits >>> 0) continue;
    found.push([name, bits]);
    rest = (rest & ~bits) >>> 0;
  }
  const shown = found.sort((a, b) => (a[1] >>> 0) - (b[1] >>> 0)).map(([name]) => name);
  if (rest !== 0) shown.push(`0x${rest.toString(16)}`);
  return shown.length === 0 ? zero : shown.join('|');
}

function popCount(value: number): number {
  let count = 0;
  for (let rest = value >>> 0; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count += 1;
  return count;
}

function oneName(names: Named, value: number): string {
  return names.find(([, each]) => each === value)?.[0] ?? String(value);
}

const openFlags = once(() =>
  named(fcntl, 'O_').filter(([name]) => name !== 'O_ACCMODE' && name !== 'O_TMPFILE_BIT' && name !== 'O_RDONLY'),
);
const statusFlags = once(() =>
  openFlags().filter(([name]) => name !== 'O_WRONLY' && name !== 'O_RDWR' && name !== 'O_LARGEFILE'),
);
const atFlags = once(() =>
  named(fcntl, 'AT_').filter(([name]) => name !== 'AT_FDCWD' && name !== 'AT_EACCESS' && name !== 'AT_REMOVEDIR'),
);
const ioctlRequests = once(() => [...named(ioctl, 'T'), ...named(ioctl, 'FIO')]);
const waitOptions = once(() => named(wait, 'W').concat(named(wait, '__W')));
const resources = once(() => named(resource, 'RLIMIT_'));
const whences = once(() => named(fcntl, 'SEEK_'));
const fcntlCommands = once(() => named(fcntl, 'F_').filter(([name]) => !/^F_(SEAL|RDLCK|WRLCK|UNLCK)/.test(name)));
const protections = once(() => named(memory, 'PROT_'));
const mapFlags = once(() =>
  named(memory, 'MAP_').filter(([name]) => name !== 'MAP_TYPE' && name !== 'MAP_SHARED_VALIDATE'),
);
const cloneFlags = once(() => named(clone, 'CLONE_').filter(([name]) => !name.endsWith('_HIGH')));
const signals = once(() =>
  named(signal, 'SIG').filter(
    ([name]) => /^SIG[A-Z0-9]+$/.test(name) && !name.startsWith('SIGRT') && name !== 'SIGPOLL',
  ),
);
const actionFlags = once(() => named(signal, 'SA_'));
const signalCodes = once(() => named(signal, 'SI_'));
const pollEvents = once(() => named(poll, 'POLL').filter(([name]) => name !== 'POLL_ALWAYS'));
const fileTypes = once(() => named(stat, 'S_IF').filter(([name]) => name !== 'S_IFMT'));
const CHILD_CODES = ['', 'CLD_EXITED', 'CLD_KILLED', 'CLD_DUMPED', 'CLD_TRAPPED', 'CLD_STOPPED', 'CLD_CONTINUED'];
const CLOCKS = [
  'CLOCK_REALTIME',
  'CLOCK_MONOTONIC',
  'CLOCK_PROCESS_CPUTIME_ID',
  'CLOCK_THREAD_CPUTIME_ID',
  'CLOCK_MONOTONIC_RAW',
  'CLOCK_REALTIME_COARSE',
  'CLOCK_MONOTONIC_COARSE',
  'CLOCK_BOOTTIME',
];

export function signalName(signo: number): string {
  if (signo >= signal.SIGRTMIN && signo <= signal.SIGRTMAX) {
    return signo === signal.SIGRTMIN ? 'SIGRTMIN' : `SIGRT_${signo - signal.SIGRTMIN}`;
  }
  return oneName(signals(), signo);
}

export function openFlagNames(flags: number): string {
  const access = ['O_RDONLY', 'O_WRONLY', 'O_RDWR', 'O_ACCMODE'][flags & 3] ?? '';
  const rest = flagNames(statusFlags(), flags & ~3 & ~fcntl.O_LARGEFILE, '');
  return rest === '' ? access : `${access}|${rest}`;
}

/** O_* of a call that knows no access mode: pipe2(2), dup3(2). */
export const fdFlagNames = (flags: number): string => flagNames(statusFlags(), flags);

/** The signals of a set, as strace shows it: without "SIG", and by the missing ones when most are there. */
export function signalSetNames(lo: number, hi: number): string {
  const members: string[] = [];
  const missing: string[] = [];
  for (let signo = 1; signo <= signal.NSIG; signo++) {
    const isIn = (((signo <= 32 ? lo : hi) >>> ((signo - 1) & 31)) & 1) === 1;
    (isIn ? members : missing).push(signalName(signo).replace(/^SIG/, ''));
  }
  return members.length > signal.NSIG / 2 ? `~[${missing.join(' ')}]` : `[${members.join(' ')}]`;
}

export function accessModeNames(mode: number): string {
  const names = ['R_OK', 'W_OK', 'X_OK'].filter((_, i) => (mode & (4 >> i)) !== 0);
  if ((mode & ~7) !== 0) names.push(`0x${((mode & ~7) >>> 0).toString(16)}`);
  return names.length === 0 ? 'F_OK' : names.join('|');
}
export const ioctlName = (request: number): string =>
  ioctlRequests().find(([, each]) => each === request)?.[0] ?? `0x${request.toString(16)}`;
export const waitOptionNames = (options: number): string => flagNames(waitOptions(), options);
export const resourceName = (resource: number): string => oneName(resources(), resource);

/** A status as wait(2) gives it, in the words of its macros. */
export function waitStatusText(status: number): string {
  if (status === 0xffff) return '{WIFCONTINUED(s)}';
  if ((status & 0xff) === 0x7f) return `{WIFSTOPPED(s) && WSTOPSIG(s) == ${signalName(status >> 8)}}`;
  if ((status & 0x7f) === 0) return `{WIFEXITED(s) && WEXITSTATUS(s) == ${status >> 8}}`;
  const core = (status & 0x80) === 0 ? '' : ' && WCOREDUMP(s)';
  return `{WIFSIGNALED(s) && WTERMSIG(s) == ${signalName(status & 0x7f)}${core}}`;
}

export const atFlagNames = (flags: number): string => flagNames(atFlags(), flags);
export const whenceName = (whence: number): string => oneName(whences(), whence);
export const fcntlCommandName = (command: number): string => oneName(fcntlCommands(), command);
export const protectionNames = (prot: number): string => flagNames(protections(), prot, 'PROT_NONE');
export const mapFlagNames = (flags: number): string => flagNames(mapFlags(), flags);
export const cloneFlagNames = (flags: number): string => {
  const exitSignal = flags & clone.CSIGNAL;
  const names = flagNames(cloneFlags(), flags & ~clone.CSIGNAL, '');
  return [names, exitSignal === 0 ? '' : signalName(exitSignal)].filter((part) => part !== '').join('|') || '0';
};
export const actionFlagNames = (flags: number): string => flagNames(actionFlags(), flags);
export const signalCodeName = (signo: number, code: number): string =>
  (signo === signal.SIGCHLD ? CHILD_CODES[code] : undefined) ?? oneName(signalCodes(), code);
export const pollEventNames = (events: number): string => flagNames(pollEvents(), events);
export const clockName = (id: number): string => CLOCKS[id] ?? String(id);

export function modeNames(mode: number): string {
  const type = mode & stat.S_IFMT;
  const bits = `0${(mode & 0o7777).toString(8).padStart(3, '0')}`;
  return type === 0 ? bits : `${oneName(fileTypes(), type)}|${bits}`;
}

/** "ENOENT (No such file or directory)" */
export function errorText(errno: number): string {
  const message = getSystemErrorMap().get(-errno)?.[1];
  if (message === undefined) return errnoName(errno);
  return `${errnoName(errno)} (${message.charAt(0).toUpperCase()}${message.slice(1)})`;
}
