/** eventfd(2) files (Linux: fs/eventfd.c). */
import { EINVAL } from '../../abi/errno.ts';
import { POLLIN, POLLOUT } from '../../abi/poll.ts';
import { EventCounter, getWord } from '../../kernel/event-counter.ts';
import type { Path } from '../../vfs/path.ts';
import { AnonymousFile } from './anonymous-file.ts';

export class EventfdFile extends AnonymousFile {
  readonly #counter: EventCounter;
  readonly #isSemaphore: boolean;

  constructor(path: Path, flags: number, initial: number, isSemaphore: boolean) {
    super(path, flags);
    this.#counter = new EventCounter(initial);
    this.#isSemaphore = isSemaphore;
  }

  override poll(): number {
    return this.#counter.poll();
  }

  /** The kernel's own way to add 1 (eventfd_signal): it holds no reference, only the counter. */
  counterSignal(): () => void {
    return () => {
      if (this.#counter.add(1, 0) === 0) this.queue.wake(POLLIN);
    };
  }

  /** Allowed, without an effect (Linux: noop_llseek). */
  override seek(): number {
    return 0;
  }

  override read(dst: Uint8Array, at: number, length: number, _offset: number): number {
    if (length < 8) return -EINVAL;
    const result = this.#counter.take(dst, at, this.#isSemaphore);
    if (result < 0) return result;
    this.queue.wake(POLLOUT);
    return 8;
  }

  override write(src: Uint8Array, at: number, length: number, _offset: number): number {
    if (length !== 8) return -EINVAL;
    const result = this.#counter.add(getWord(src, at), getWord(src, at + 4));
    if (result < 0) return result;
    this.queue.wake(POLLIN);
    return 8;
  }
}
