/** Waiting for any of several files, common to poll(2) and select(2) (Linux: fs/select.c). */
import { EINTR } from '../abi/errno.ts';
import { sleepOnEach, WAKE_SIGNAL, WAKE_TIMEOUT } from '../kernel/block.ts';
import { setCurrentTask } from '../kernel/current.ts';
import type { Task } from '../kernel/task.ts';
import type { WaitQueue } from '../kernel/wait-queue.ts';
import type { File } from '../vfs/file.ts';

/** Interrupted by a signal: the callers make their own restart code of it. */
export const INTERRUPTED = -EINTR;

/** A file, and the events that somebody waits for. Others must not wake the task: a terminal can be written to all the time. */
export interface WatchedFile {
  /** With a reference. */
  readonly file: File;
  readonly events: number;
}

/**
 * Runs `scan` until it gives something other than 0, a signal comes (INTERRUPTED) or the deadline passes (0). Takes over
 * a reference of each file and drops it at the end, so none goes away while it is watched.
 */
export async function pollFiles(
  task: Task,
  files: readonly WatchedFile[],
  deadlineNs: number,
  scan: () => number,
): Promise<number> {
  const watched = new Map<WaitQueue, number>();
  for (const { file, events } of files) watched.set(file.queue, (watched.get(file.queue) ?? 0) | events);
  try {
    for (;;) {
      const reason = await sleepOnEach(task, watched, deadlineNs);
      setCurrentTask(task);
      const ready = scan();
      if (ready !== 0) return ready;
      if (reason === WAKE_SIGNAL) return INTERRUPTED;
      if (reason === WAKE_TIMEOUT) return 0;
    }
  } finally {
    for (const { file } of files) file.unref();
  }
}
