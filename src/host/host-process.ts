/** Other processes of the host: whether they live, and their end. A pid alone may have been given to another since; with its start it names one. */
import { readFileSync, writeFileSync } from 'node:fs';
import { native } from './native.ts';

const CLOSE = 3;
const POLL = 7;
const FCNTL = 72;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const FLOCK = 73;
const PIDFD_SEND_SIGNAL = 424;
const PIDFD_OPEN = 434;
const LOCK_EX = 2;
const LOCK_NB = 4;
const POLLIN = 1;

export interface ProcessId {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks after boot. */
  readonly startTime: string;
}

/** State and start of a process; null when there is none. */
function look(pid: number): { state: string; startTime: string } | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null; // it is gone
  }
  // The name in parentheses may hold anything, so fields are counted from behind it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startTime: fields[19] ?? '' };
}

export function identify(pid: number): ProcessId | null {
  const found = look(pid);
  return found === null ? null : { pid, startTime: found.startTime };
}

/** Whether it is there and has not ended: a zombie has. */
export function isAlive({ pid, startTime }: ProcessId): boolean {
  const found = pid > 0 ? look(pid) : null;
  return found !== null && found.startTime === startTime && found.state !== 'Z' && found.state !== 'X';
}

/** Kills it and waits until it has ended: whether it has. */
export function killAndWait(process: ProcessId, timeoutMs: number): boolean {
  return endWithin(process, timeoutMs, 9);
}

/** Waits until it has ended: whether it has. */
export function waitForEnd(process: ProcessId, timeoutMs: number): boolean {
  return endWithin(process, timeoutMs, 0);
}

function endWithin(process: ProcessId, timeoutMs: number, signo: number): boolean {
  const pidfd = native.syscall(PIDFD_OPEN, process.pid, 0);
  if (pidfd < 0) return true;
  // Only now: the descriptor and the start time are of the same process.
  const mustWait = isAlive(process);
  if (mustWait && signo !== 0) native.syscall(PIDFD_SEND_SIGNAL, pidfd, signo, 0, 0);
  const pollfd = new DataView(new ArrayBuffer(8));
  pollfd.setInt32(0, pidfd, true);
  pollfd.setInt16(4, POLLIN, true);
  const hasEnded = !mustWait || native.syscall(POLL, pollfd, 1, timeoutMs) > 0;
  native.syscall(CLOSE, pidfd);
  return hasEnded;
}

export function childrenOf(pid: number): number[] {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1');
  } catch {
    return []; // it is gone
  }
  return text.split(' ').flatMap((word) => (word === '' ? [] : [Number(word)]));
}

/** The processes that have come of one. */
export function descendants(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendants(child)]);
}

/** Its pids in all PID namespaces it is in, ours first (proc_pid_status(5), NSpid). */
export function pidsInNamespaces(pid: number): number[] {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return []; // it is gone
  }
  return (/^NSpid:\s+(.*)$/m.exec(text)?.[1] ?? '').split('\t').map(Number);
}

/** What we start does not get this descriptor. */
export function keepForUs(fd: number): void {
  native.syscall(FCNTL, fd, F_SETFD, FD_CLOEXEC);
}

/** Locks an open file or directory (flock(2)); 'try' gives false when another has it. */
export function lock(fd: number, how: 'wait' | 'try'): boolean {
  return native.syscall(FLOCK, fd, how === 'wait' ? LOCK_EX : LOCK_EX | LOCK_NB) === 0;
}

const OOM_SCORE_MAX = 1000;
/** In thousandths of the memory: the sentry would have to take so much more than a guest to go before it. */
const GUEST_MARGIN = 200;

/** The oom_score_adj of guests beside a sentry's: one of them is to end for want of memory, and not the sentry, with which all would. */
export function guestOomScore(sentrys: number): number {
  return Math.min(sentrys + GUEST_MARGIN, OOM_SCORE_MAX);
}

export function ownOomScore(): number {
  return Number(readFileSync('/proc/self/oom_score_adj', 'utf8'));
}

/** Which processes the host ends first when memory runs out (proc_pid_oom_score_adj(5)): whether it may be set so. */
export function setOomScore(pid: number, score: number): boolean {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, String(score));
    return true;
  } catch (error) {
    // To lower it takes CAP_SYS_RESOURCE.
    if (error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EPERM')) return false;
    throw error;
  }
}
