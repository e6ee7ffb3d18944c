/**
 * What the processes of a run that does not end are doing, as the host's /proc tells (proc(5)): for whoever reads the report of a test
 * that timed out, which may not happen again for days.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';

const FUTEX = '202';
/** The head of a mailbox, if it is one that a stub sleeps on: its state, call, arguments and kind (native/stub-layout.h). */
const MAILBOX_HEAD = 64;
const MAX_PROCESSES = 40;

/** A file of /proc, or nothing: processes end while they are looked at, and what they do is root's to know. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** A process and all that have come of it, parents first. */
export function family(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).split(' ');
  return [pid, ...children.filter((word) => word !== '').flatMap((word) => family(Number(word)))];
}

/** The words at a place of a process' memory. */
function words(pid: number, address: number): string {
  const bytes = Buffer.alloc(MAILBOX_HEAD);
  try {
    const fd = openSync(`/proc/${pid}/mem`, 'r');
    try {
      readSync(fd, bytes, 0, bytes.length, address);
    } finally {
      closeSync(fd);
    }
  } catch {
    return 'unreadable';
  }
  return Array.from({ length: MAILBOX_HEAD / 4 }, (_, i) => bytes.readUInt32LE(i * 4).toString(16)).join(' ');
}

function thread(pid: number, tid: string): string {
  const base = `/proc/${pid}/task/${tid}`;
  const state = /^State:\t(\S)/m.exec(read(`${base}/status`))?.[1] ?? '?';
  const call = read(`${base}/syscall`).trim();
  const stack = [...read(`${base}/stack`).matchAll(/\] ([^+\s]+)/g)].map((match) => match[1]).slice(0, 4);
  const [nr, address] = call.split(' ');
  const mailbox = nr === FUTEX && address !== undefined ? `; there: ${words(pid, Number(address))}` : '';
  return `  ${tid} ${state} call ${call}; in ${stack.join(' < ')}${mailbox}`;
}

/** Some lines for each process of the tree below `root`, it included. */
export function describeTree(root: number): string {
  const lines = family(root)
    .slice(0, MAX_PROCESSES)
    .flatMap((pid) => [
      `${pid} ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').slice(0, 120).trimEnd()}`,
      ...list(`/proc/${pid}/task`).map((tid) => thread(pid, tid)),
    ]);
  return `${lines.join('\n')}\n`;
}
