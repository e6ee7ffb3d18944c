/** timerfd_create(2) files (Linux: fs/timerfd.c). */
import { EAGAIN, EINVAL } from '../../abi/errno.ts';
import { POLLIN } from '../../abi/poll.ts';
import { putWord } from '../../kernel/event-counter.ts';
import { IntervalTimer, monotonicClock } from '../../kernel/interval-timer.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Path } from '../../vfs/path.ts';
import { AnonymousFile } from './anonymous-file.ts';

export class TimerfdFile extends AnonymousFile {
  readonly clockId: number;
  readonly timer: IntervalTimer;
  #isExpired = false;

  constructor(kernel: Kernel, clockId: number, path: Path, flags: number) {
    super(path, flags);
    this.clockId = clockId;
    this.timer = new IntervalTimer(kernel, monotonicClock(kernel), 'wall', () => {
      this.#isExpired = true;
      this.queue.wake(POLLIN);
    });
  }

  /** timerfd_settime(2): what has expired before is forgotten. */
  set(deadlineNs: number, intervalNs: number): void {
    this.#isExpired = false;
    this.timer.set(deadlineNs, intervalNs);
  }

  override poll(): number {
    return this.#isExpired ? POLLIN : 0;
  }

  override read(dst: Uint8Array, at: number, length: number, _offset: number): number {
    if (length < 8) return -EINVAL;
    if (!this.#isExpired) return -EAGAIN;
    this.#isExpired = false;
    const count = this.timer.forward();
    putWord(dst, at, count >>> 0);
    putWord(dst, at + 4, Math.floor(count / 2 ** 32));
    return 8;
  }

  override release(): void {
    this.timer.set(Infinity, 0);
  }
}
