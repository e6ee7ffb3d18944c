/** Waiting for any of several files, common to poll(2) and select(2) (Linux: fs/select.c). */
import { EINTR } from '../abi/errno.ts';
import { sleepOn, WAKE_SIGNAL, WAKE_TIMEOUT } from '../kernel/block.ts';
import { setCurrentTask } from '../kernel/current.ts';
import type { Task } from '../kernel/task.ts';
import type { File } from '../vfs/file.ts';

/** Interrupted by a signal: the callers make their own restart code of it. */
export const INTERRUPTED = -EINTR;

/**
 * Runs `scan` until it gives something other than 0, a signal comes (INTERRUPTED) or the deadline passes (0). Takes over
 * a reference of each file and drops it at the end, so none goes away while it is watched.
 */
export async function pollFiles(
  task: Task,
  files: readonly File[],
  events: number,
  deadlineNs: number,
  scan: () => number,
): Promise<number> {
  const queues = files.map((file) => file.queue);
  try {
    for (;;) {
      const reason = await sleepOn(task, queues, events, deadlineNs);
      setCurrentTask(task);
      const ready = scan();
      if (ready !== 0) return ready;
      if (reason === WAKE_SIGNAL) return INTERRUPTED;
      if (reason === WAKE_TIMEOUT) return 0;
    }
  } finally {
    for (const file of files) file.unref();
  }
}
