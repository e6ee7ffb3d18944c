/**
 * What all tasks of a container share; containers of one sandbox share some of it with each other. It has no I/O and no clock of its own: both
 * come in at construction.
 */
import type { Path } from '../vfs/path.ts';
import type { IdMaps } from './id-maps.ts';
import type { KernelLog } from './kernel-log.ts';
import type { Namespaces } from './namespaces.ts';
import type { PidTable } from './pid-table.ts';
import type { Timers } from './timers.ts';
import type { Turns } from './turns.ts';

/** A point in time, reused by its owner so that reading a clock allocates nothing. */
export interface Timespec {
  sec: number;
  nsec: number;
}

export interface Clock {
  /** CLOCK_MONOTONIC in ns; exact to the ns for 104 days after the host's boot. */
  monotonicNs(): number;
  /** Reads a host clock (CLOCK_REALTIME 0, MONOTONIC 1, MONOTONIC_RAW 4, REALTIME_COARSE 5, MONOTONIC_COARSE 6, BOOTTIME 7, TAI 11). */
  read(clockId: number, out: Timespec): void;
}

export interface Kernel {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly turns: Turns;
  readonly pids: PidTable;
  readonly log: KernelLog;
  /** Of its first process; others may have made themselves new ones. */
  readonly namespaces: Namespaces;
  readonly idMaps: IdMaps;
  /** CPUs the guest is shown. */
  readonly cpuCount: number;
  /** Bytes of memory the guest is shown. */
  readonly memoryTotal: number;
  /** Monotonic time at boot of the sandbox, ns. */
  readonly bootNs: number;
  /** The place of a new anonymous inode: /proc/PID/fd shows `anon_inode:NAME`, or `pipe:[INO]` and `socket:[INO]` for those names. */
  anonPath(name: string): Path;
  /** Fills with random bytes (getrandom(2), /dev/urandom). */
  random(dst: Uint8Array, at: number, length: number): void;
}
