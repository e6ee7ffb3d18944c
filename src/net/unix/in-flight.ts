/**
 * Files that are on their way in SCM_RIGHTS messages (Linux: unix_inflight, net/unix/garbage.c).
 *
 * A socket may be in flight within itself, where no reference count frees it; there is no collector, so what is in flight is
 * bounded. Releasing a socket may release those in its inbox, and so on: that is done in a loop, for a chain can be longer
 * than the stack.
 */
import type { File } from '../../vfs/file.ts';

let count = 0;
const doomed: File[] = [];
let isDraining = false;

export function filesInFlight(): number {
  return count;
}

/** They were sent, or, negative, received. */
export function addInFlight(change: number): void {
  count += change;
}

/** Lets go of files that were in flight and that nobody will receive. */
export function dropInFlight(files: readonly File[]): void {
  count -= files.length;
  for (const file of files) doomed.push(file);
  if (isDraining) return;
  isDraining = true;
  for (let file = doomed.pop(); file !== undefined; file = doomed.pop()) file.unref();
  isDraining = false;
}
