/** What of a process's memory is in RAM. The platform knows; /proc/PID/statm, status and smaps tell. */
import type { Task } from './task.ts';

export interface ResidentPages {
  readonly resident: number;
  /** Those among them that are files' or shared. */
  readonly shared: number;
}

/** A range of addresses, and the fields of /proc/PID/smaps for it, in KiB. */
export interface ResidentMapping {
  readonly start: number;
  readonly end: number;
  readonly kb: ReadonlyMap<string, number>;
}

export interface Residency {
  pages(task: Task): ResidentPages;
  /** In the order of addresses; the platform's own mappings may be among them. */
  mappings(task: Task): readonly ResidentMapping[];
}

/** For kernels without a platform, as in tests. */
export const NOTHING_RESIDENT: Residency = {
  pages: () => ({ resident: 0, shared: 0 }),
  mappings: () => [],
};
