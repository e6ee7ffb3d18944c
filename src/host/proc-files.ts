/**
 * Files of /proc by a descriptor of it, which is opened before the sentry has an empty root: what is known of the processes that run
 * guests is read there later.
 */
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { native } from './native.ts';

const CLOSE = 3;
const GETDENTS64 = 217;
const OPENAT2 = 437;
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
/** RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS: a process leaves nothing in /proc that leads elsewhere. */
const RESOLVE = 0x08 | 0x04 | 0x02;
const NAME_OFFSET = 19;

let procFd = -1;
const how = new DataView(new ArrayBuffer(24));
const line = Buffer.alloc(256);
const entries = new DataView(new ArrayBuffer(1 << 15));

function proc(): number {
  if (procFd < 0) procFd = openSync('/proc', O_PATH | constants.O_DIRECTORY);
  return procFd;
}

/** Files of /proc are found by this descriptor from here on, or by one of the /proc that is there if this is none. */
export function useProc(fd: number): void {
  if (fd < 0) {
    proc();
    return;
  }
  if (procFd >= 0) closeSync(procFd);
  procFd = fd;
}

function open(path: string, flags: number, resolve: number): number {
  how.setUint32(0, flags | O_CLOEXEC, true);
  how.setUint32(16, resolve, true);
  return native.syscall(OPENAT2, proc(), Buffer.from(`${path}\0`, 'latin1'), how, how.byteLength);
}

/** The beginning of a file of one short line, read by one call; empty when what it tells of has ended. */
export function readProcLine(path: string): string {
  const fd = open(path, constants.O_RDONLY, RESOLVE);
  if (fd < 0) return '';
  try {
    return line.toString('latin1', 0, readSync(fd, line));
  } catch {
    return ''; // it has ended between the two calls
  } finally {
    closeSync(fd);
  }
}

/** A whole file; empty when what it tells of has ended. */
export function readProcFile(path: string): string {
  const fd = open(path, constants.O_RDONLY, RESOLVE);
  if (fd < 0) return '';
  try {
    return readFileSync(fd, 'latin1');
  } catch {
    return ''; // it has ended meanwhile
  } finally {
    closeSync(fd);
  }
}

/** The names in a directory, without `.` and `..`; none when what it tells of has ended. */
export function listProc(path: string): string[] {
  const fd = open(path, constants.O_RDONLY | constants.O_DIRECTORY, RESOLVE);
  if (fd < 0) return [];
  const names: string[] = [];
  const bytes = Buffer.from(entries.buffer);
  for (;;) {
    const length = native.syscall(GETDENTS64, fd, entries, entries.byteLength);
    if (length <= 0) break;
    for (let at = 0; at < length; at += entries.getUint16(at + 16, true)) {
      const name = bytes.toString('latin1', at + NAME_OFFSET, bytes.indexOf(0, at + NAME_OFFSET));
      if (name !== '.' && name !== '..') names.push(name);
    }
  }
  native.syscall(CLOSE, fd);
  return names;
}

/** A second description of a descriptor of ours, as open(2) makes it; -errno where the host refuses. */
export function reopen(fd: number, flags: number): number {
  return open(`${process.pid}/fd/${fd}`, flags, 0);
}
