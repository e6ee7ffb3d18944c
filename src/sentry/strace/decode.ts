/** Arguments of system calls as text, in the manner of strace(1). */
import type { ArgType } from '../../syscalls/define.ts';
import * as N from './names.ts';

/** Guest memory at the time of the call, with what the call itself is about to write: bytes, or null where there are none. */
export type ReadMemory = (addr: number, length: number) => Uint8Array | null;

const STRING_MAX = 32;
const PATH_MAX = 4096;
const LIST_MAX = 16;
const AT_FDCWD = -100;

/** What the kernel fills in: told when the call is over. */
const RESULTS: ReadonlySet<ArgType> = new Set(['outbuf', 'statbuf', 'fdpair', 'int*', 'outrlimit', 'waitstatus']);

export function isResult(type: ArgType): boolean {
  return RESULTS.has(type);
}

export function hex(value: number): string {
  return value === 0 ? 'NULL' : `0x${value.toString(16)}`;
}

/** The bytes in double quotes, C escapes for what is not printable. */
export function quote(bytes: Uint8Array, isCut: boolean): string {
  let text = '';
  bytes.forEach((byte, i) => {
    if (byte === 10) text += '\\n';
    else if (byte === 9) text += '\\t';
    else if (byte === 13) text += '\\r';
    else if (byte === 34 || byte === 92) text += `\\${String.fromCharCode(byte)}`;
    else if (byte >= 32 && byte < 127) text += String.fromCharCode(byte);
    else {
      // Three digits only where the next byte would be read as one more.
      const next = bytes[i + 1] ?? 0;
      text += `\\${next >= 48 && next <= 57 ? byte.toString(8).padStart(3, '0') : byte.toString(8)}`;
    }
  });
  return `"${text}"${isCut ? '...' : ''}`;
}

function string(read: ReadMemory, addr: number, max: number): string {
  if (addr === 0) return 'NULL';
  const bytes: number[] = [];
  while (bytes.length <= max) {
    const chunk = read(addr + bytes.length, 1);
    if (chunk === null) return hex(addr);
    if (chunk[0] === 0) return quote(Uint8Array.from(bytes), false);
    bytes.push(chunk[0] ?? 0);
  }
  return quote(Uint8Array.from(bytes.slice(0, max)), true);
}

function buffer(read: ReadMemory, addr: number, length: number): string {
  if (addr === 0) return 'NULL';
  const bytes = read(addr, Math.max(0, Math.min(length, STRING_MAX)));
  return bytes === null ? hex(addr) : quote(bytes, length > STRING_MAX);
}

function struct(read: ReadMemory, addr: number, size: number, show: (view: DataView) => string): string {
  if (addr === 0) return 'NULL';
  const bytes = read(addr, size);
  return bytes === null ? hex(addr) : show(new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
}

const i64 = (view: DataView, at: number): string => view.getBigInt64(at, true).toString();
const u64 = (view: DataView, at: number): string => view.getBigUint64(at, true).toString();

/** How many elements of a list are looked at; the guest may claim any number of them. */
function listLength(count: number): number {
  return count > 0 ? Math.min(count, LIST_MAX) : 0;
}

function list(count: number, show: (i: number) => string): string {
  const shown = Array.from({ length: listLength(count) }, (_, i) => show(i));
  return `[${shown.join(', ')}${count > LIST_MAX ? ', ...' : ''}]`;
}

function strings(read: ReadMemory, addr: number): string {
  if (addr === 0) return 'NULL';
  const shown: string[] = [];
  for (let at = addr; shown.length < LIST_MAX; at += 8) {
    const pointer = read(at, 8);
    if (pointer === null) return hex(addr);
    const value = Number(new DataView(pointer.buffer, pointer.byteOffset, 8).getBigUint64(0, true));
    if (value === 0) return `[${shown.join(', ')}]`;
    shown.push(string(read, value, STRING_MAX));
  }
  return `[${shown.join(', ')}, ...]`;
}

function sigaction(view: DataView): string {
  const handler = Number(view.getBigUint64(0, true));
  const name = handler === 0 ? 'SIG_DFL' : handler === 1 ? 'SIG_IGN' : hex(handler);
  const mask = N.signalSetNames(view.getUint32(24, true), view.getUint32(28, true));
  const flags = N.actionFlagNames(view.getUint32(8, true));
  const restorer =
    (view.getUint32(8, true) & 0x04000000) !== 0 ? `, sa_restorer=${hex(Number(view.getBigUint64(16, true)))}` : '';
  return `{sa_handler=${name}, sa_mask=${mask}, sa_flags=${flags}${restorer}}`;
}

function statbuf(view: DataView): string {
  return `{st_mode=${N.modeNames(view.getUint32(24, true))}, st_size=${i64(view, 48)}, ...}`;
}

function rlimit(view: DataView): string {
  const limit = (at: number): string => {
    const value = view.getBigUint64(at, true);
    if (value === 2n ** 64n - 1n) return 'RLIM64_INFINITY';
    return value > 1024n && value % 1024n === 0n ? `${value / 1024n}*1024` : value.toString();
  };
  return `{rlim_cur=${limit(0)}, rlim_max=${limit(8)}}`;
}

function pollfds(read: ReadMemory, addr: number, count: number): string {
  return struct(read, addr, listLength(count) * 8, (view) =>
    list(
      count,
      (i) => `{fd=${view.getInt32(i * 8, true)}, events=${N.pollEventNames(view.getUint16(i * 8 + 4, true))}}`,
    ),
  );
}

function iovec(read: ReadMemory, addr: number, count: number): string {
  return struct(read, addr, listLength(count) * 16, (view) =>
    list(count, (i) => {
      const base = Number(view.getBigUint64(i * 16, true));
      const length = Number(view.getBigUint64(i * 16 + 8, true));
      return `{iov_base=${buffer(read, base, length)}, iov_len=${length}}`;
    }),
  );
}

/**
 * One argument as text.
 *
 * @param args all arguments of the call, as the handler has them: a buffer's length is the one after it
 * @param result what the call gave; null before it is over
 */
export function decodeArgument(
  type: ArgType,
  i: number,
  args: Float64Array,
  read: ReadMemory,
  result: number | null,
): string {
  const value = args[i] ?? 0;
  const next = args[i + 1] ?? 0;
  switch (type) {
    case 'dirfd':
      return value === AT_FDCWD ? 'AT_FDCWD' : String(value);
    case 'path':
      return string(read, value, PATH_MAX);
    case 'str':
      return string(read, value, STRING_MAX);
    case 'argv':
      return strings(read, value);
    case 'buf':
      return buffer(read, value, next);
    case 'outbuf':
      return result !== null && result >= 0 ? buffer(read, value, result) : hex(value);
    case 'iov':
      return iovec(read, value, next);
    case 'openflags':
      return N.openFlagNames(value);
    case 'fdflags':
      return N.fdFlagNames(value);
    case 'accessmode':
      return N.accessModeNames(value);
    case 'waitoptions':
      return N.waitOptionNames(value);
    case 'resource':
      return N.resourceName(value);
    case 'atflags':
      return N.atFlagNames(value);
    case 'prot':
      return N.protectionNames(value);
    case 'mapflags':
      return N.mapFlagNames(value);
    case 'cloneflags':
      return N.cloneFlagNames(value);
    case 'mode':
      return N.modeNames(value);
    case 'whence':
      return N.whenceName(value);
    case 'signal':
      return N.signalName(value);
    case 'clockid':
      return N.clockName(value);
    case 'timespec':
      return struct(read, value, 16, (view) => `{tv_sec=${i64(view, 0)}, tv_nsec=${i64(view, 8)}}`);
    case 'timeval':
      return struct(read, value, 16, (view) => `{tv_sec=${i64(view, 0)}, tv_usec=${i64(view, 8)}}`);
    case 'sigset':
      return struct(read, value, 8, (view) => N.signalSetNames(view.getUint32(0, true), view.getUint32(4, true)));
    case 'sigaction':
      return struct(read, value, 32, sigaction);
    case 'stack':
      return struct(
        read,
        value,
        24,
        (view) =>
          `{ss_sp=${hex(Number(view.getBigUint64(0, true)))}, ss_flags=${view.getInt32(8, true)}, ss_size=${u64(view, 16)}}`,
      );
    case 'rlimit':
      return struct(read, value, 16, rlimit);
    case 'outrlimit':
      return result === 0 ? struct(read, value, 16, rlimit) : hex(value);
    case 'waitstatus':
      return result !== null && result > 0
        ? struct(read, value, 4, (view) => `[${N.waitStatusText(view.getInt32(0, true))}]`)
        : hex(value);
    case 'statbuf':
      return result === 0 ? struct(read, value, 144, statbuf) : hex(value);
    case 'pollfd':
      return pollfds(read, value, next);
    case 'epollevent':
      return struct(
        read,
        value,
        12,
        (view) => `{events=${N.pollEventNames(view.getUint32(0, true))}, data=${u64(view, 4)}}`,
      );
    case 'fdpair':
      return result === 0
        ? struct(read, value, 8, (view) => `[${view.getInt32(0, true)}, ${view.getInt32(4, true)}]`)
        : hex(value);
    case 'int*':
      return result !== null && result >= 0
        ? struct(read, value, 4, (view) => `[${view.getInt32(0, true)}]`)
        : hex(value);
    case 'ptr':
    case 'hex':
      return hex(value);
    case 'cmd':
    case 'flags':
      return value === 0 ? '0' : `0x${value.toString(16)}`;
    case 'uid':
    case 'gid':
      return value === 0xffffffff ? '-1' : String(value);
    default:
      return String(value);
  }
}
