/**
 * Keeps the names that are cached of host directories true, whoever changes them. inotify(7) has an event in its queue before the
 * call that made the change returns, so one look at the queue in a system call of the guest finds all that happened before it,
 * at the price of one host call, where asking again would take one for each component of a path.
 *
 * Only file systems of this host are watched: what other machines do to a shared one, inotify does not tell.
 */
import { callSerial } from '../../kernel/current.ts';
import type { HostDirectory } from './host-directory.ts';
import type { HostFs } from './host-fs.ts';

/** inotify(7) of the host. */
export interface HostWatcher {
  /** Watches the directory behind an O_PATH descriptor for changes of its names and their attributes: a watch or -errno. */
  add(dirFd: number): number;
  remove(watch: number): void;
  /** struct inotify_event records: bytes, or -errno (EAGAIN when there are none). */
  read(dst: Uint8Array): number;
  close(): void;
}

/** struct inotify_event: wd, mask, cookie, len, then the name padded with zeros. */
const EVENT_HEADER = 16;
const IN_Q_OVERFLOW = 0x4000;
const IN_IGNORED = 0x8000;
/** More than this unread in one call, and nothing is held for true any more: a host that changes names for ever must not hold us up. */
const MAX_READS = 8;
/** Watches at a time; the host's own limit (fs.inotify.max_user_watches) may be lower. */
const MAX_WATCHES = 4096;

export class HostWatches {
  readonly #watcher: HostWatcher;
  readonly #byWatch = new Map<number, HostDirectory>();
  readonly #events = Buffer.alloc(16384);
  #lookedAt = -1;

  constructor(watcher: HostWatcher) {
    this.#watcher = watcher;
  }

  /** Begins to watch: a watch or -errno. The directory watched longest is given up for it if there are too many. */
  add(directory: HostDirectory, dirFd: number): number {
    const watch = this.#watcher.add(dirFd);
    if (watch < 0) return watch;
    // The same directory by another path: the host has one watch for both, and only one of them can have its events.
    this.#byWatch.get(watch)?.onUnwatched();
    this.#byWatch.set(watch, directory);
    if (this.#byWatch.size > MAX_WATCHES) {
      for (const [oldest, other] of this.#byWatch) {
        this.#drop(oldest, other);
        break;
      }
    }
    return watch;
  }

  remove(watch: number): void {
    const directory = this.#byWatch.get(watch);
    if (directory !== undefined) this.#drop(watch, directory);
  }

  removeAll(fs: HostFs): void {
    for (const [watch, directory] of this.#byWatch) if (directory.fs === fs) this.#drop(watch, directory);
  }

  close(): void {
    this.#watcher.close();
  }

  #drop(watch: number, directory: HostDirectory): void {
    this.#byWatch.delete(watch);
    this.#watcher.remove(watch);
    directory.onUnwatched();
  }

  /** Takes in what has happened, once in each call of the guest. */
  refresh(): void {
    const serial = callSerial();
    if (serial === this.#lookedAt) return;
    this.#lookedAt = serial;
    for (let i = 0; i < MAX_READS; i++) {
      const length = this.#watcher.read(this.#events);
      if (length <= 0) return;
      this.#take(length);
    }
    this.#forgetAll();
  }

  #take(length: number): void {
    const events = this.#events;
    for (let at = 0; at + EVENT_HEADER <= length; ) {
      const watch = events.readInt32LE(at);
      const mask = events.readUInt32LE(at + 4);
      const nameLength = events.readUInt32LE(at + 12);
      const start = at + EVENT_HEADER;
      at = start + nameLength;
      if ((mask & IN_Q_OVERFLOW) !== 0) {
        this.#forgetAll();
        continue;
      }
      const directory = this.#byWatch.get(watch);
      if (directory === undefined) continue;
      if ((mask & IN_IGNORED) !== 0) {
        this.#byWatch.delete(watch);
        directory.onUnwatched();
      } else if (nameLength > 0) {
        const end = events.indexOf(0, start);
        directory.onChanged(events.toString('latin1', start, end));
      }
    }
  }

  #forgetAll(): void {
    for (const directory of this.#byWatch.values()) directory.forgetNames();
  }
}
