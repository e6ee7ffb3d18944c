/**
 * O_ASYNC: a signal whenever a file becomes readable or writable (Linux: struct fasync_struct, kill_fasync; fcntl(2) F_SETFL, ioctl(2)
 * FIOASYNC). Only files that say so (`asyncEvents`) have it; on others the flag is kept and means nothing, as on Linux.
 */
import { O_ASYNC } from '../../abi/fcntl.ts';
import { POLLERR, POLLHUP, POLLPRI, READABLE, WRITABLE } from '../../abi/poll.ts';
import { POLL_ERR, POLL_HUP, POLL_IN, POLL_OUT, POLL_PRI, signalOwner } from '../../kernel/file-owner.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Waiter } from '../../kernel/wait-queue.ts';
import type { File, FileWatcher } from '../../vfs/file.ts';

class AsyncWatch implements Waiter, FileWatcher {
  readonly #file: File;
  readonly #kernel: Kernel;
  /** The descriptor by which O_ASYNC was last set. */
  fd = -1;

  constructor(kernel: Kernel, file: File) {
    this.#kernel = kernel;
    this.#file = file;
    file.queue.add(this, file.asyncEvents);
    file.watchers ??= new Set();
    file.watchers.add(this);
  }

  notify(events: number): void {
    const reason = this.#reason(events & this.#file.asyncEvents);
    if (reason !== 0) signalOwner(this.#kernel, this.#file, this.fd, reason);
  }

  /** Wakers may name more events than have happened; the file knows which hold. */
  #reason(events: number): number {
    const now = this.#file.poll();
    if ((events & now & POLLHUP) !== 0) return POLL_HUP;
    if ((events & now & POLLERR) !== 0) return POLL_ERR;
    if ((events & now & POLLPRI) !== 0) return POLL_PRI;
    const ended = now & (POLLHUP | POLLERR);
    if ((events & READABLE) !== 0 && (now & (READABLE | ended)) !== 0) return POLL_IN;
    return (events & WRITABLE) !== 0 && (now & (WRITABLE | ended)) !== 0 ? POLL_OUT : 0;
  }

  end(): void {
    this.#file.queue.remove(this);
    this.#file.watchers?.delete(this);
  }

  fileReleased(): void {
    this.end();
  }
}

/** Sets or clears O_ASYNC by descriptor `fd`. */
export function setAsync(kernel: Kernel, file: File, fd: number, isOn: boolean): void {
  file.flags = isOn ? file.flags | O_ASYNC : file.flags & ~O_ASYNC;
  if (file.asyncEvents === 0) return;
  let watch: AsyncWatch | null = null;
  for (const each of file.watchers ?? []) if (each instanceof AsyncWatch) watch = each;
  if (!isOn) {
    watch?.end();
    return;
  }
  watch ??= new AsyncWatch(kernel, file);
  watch.fd = fd;
}
