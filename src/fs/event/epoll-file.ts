/**
 * epoll(7) (Linux: fs/eventpoll.c).
 *
 * Each item waits on its file's queue and puts itself on the ready list when the file wakes; `collect` looks only at that
 * list. Level-triggered items go back to its end while they are ready, edge-triggered ones leave it.
 *
 * Epolls may watch epolls. Invariants that keep a wake-up bounded: no cycles, at most MAX_NESTING of them on any path, and
 * at most MAX_WATCHING_EPOLLS that watch the same one.
 */
import { EEXIST, EINVAL, ELOOP, ENOENT, ENOSPC } from '../../abi/errno.ts';
import { EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, READABLE } from '../../abi/poll.ts';
import type { File, FileWatcher } from '../../vfs/file.ts';
import type { Path } from '../../vfs/path.ts';
import { AnonymousFile } from './anonymous-file.ts';
import { EpollItem, PRIVATE_BITS, ReadyList } from './epoll-item.ts';

/** EP_MAX_NESTS: longest path of epolls that watch one another. */
const MAX_NESTING = 4;
const MAX_WATCHING_EPOLLS = 8;

/** How many items there may be in all (/proc/sys/fs/epoll/max_user_watches). */
export class WatchBudget {
  used = 0;
  readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }
}

/** Takes one ready item. */
export type EmitEvent = (events: number, dataLo: number, dataHi: number) => void;

export class EpollFile extends AnonymousFile implements FileWatcher {
  readonly #items = new Map<File, Map<number, EpollItem>>();
  readonly #ready = new ReadyList();
  readonly #budget: WatchBudget;
  /** Epolls that watch this one. */
  readonly #parents = new Set<EpollFile>();

  constructor(path: Path, flags: number, budget: WatchBudget) {
    super(path, flags);
    this.#budget = budget;
  }

  /** EPOLL_CTL_ADD: 0 or -errno. */
  add(file: File, fd: number, events: number, dataLo: number, dataHi: number): number {
    if (file instanceof EpollFile) {
      if (this.#wouldLoop(file)) return -ELOOP;
      if (file.#parents.size >= MAX_WATCHING_EPOLLS) return -EINVAL;
    }
    let byFd = this.#items.get(file);
    if (byFd?.has(fd)) return -EEXIST;
    if (this.#budget.used >= this.#budget.limit) return -ENOSPC;
    this.#budget.used += 1;
    if (byFd === undefined) {
      byFd = new Map();
      this.#items.set(file, byFd);
      file.watchers ??= new Set();
      file.watchers.add(this);
      if (file instanceof EpollFile) file.#parents.add(this);
    }
    const item = new EpollItem(file, fd, this);
    byFd.set(fd, item);
    item.setEvents(events, dataLo, dataHi);
    item.watch();
    if (item.poll() !== 0) this.itemReady(item);
    return 0;
  }

  /** EPOLL_CTL_MOD: 0 or -errno. */
  modify(file: File, fd: number, events: number, dataLo: number, dataHi: number): number {
    const item = this.#items.get(file)?.get(fd);
    if (item === undefined) return -ENOENT;
    if ((item.events & EPOLLEXCLUSIVE) !== 0) return -EINVAL;
    item.unwatch();
    item.setEvents(events, dataLo, dataHi);
    item.watch();
    if (item.poll() !== 0) this.itemReady(item);
    return 0;
  }

  /** EPOLL_CTL_DEL: 0 or -ENOENT. */
  delete(file: File, fd: number): number {
    const byFd = this.#items.get(file);
    const item = byFd?.get(fd);
    if (byFd === undefined || item === undefined) return -ENOENT;
    byFd.delete(fd);
    this.#drop(item);
    if (byFd.size === 0) this.#forget(file);
    return 0;
  }

  fileReleased(file: File): void {
    const byFd = this.#items.get(file);
    if (byFd === undefined) return;
    for (const item of byFd.values()) this.#drop(item);
    this.#forget(file);
  }

  /** The file that was added as descriptor `fd`; others may have had the same number before it: the one after `skip` of them. */
  watched(fd: number, skip: number): File | undefined {
    let left = skip;
    for (const [file, byFd] of this.#items) {
      if (!byFd.has(fd)) continue;
      if (left === 0) return file;
      left -= 1;
    }
    return undefined;
  }

  itemReady(item: EpollItem): void {
    this.#ready.append(item);
    this.queue.wake(READABLE);
  }

  /** The most `collect` can give now. */
  get readyCount(): number {
    return this.#ready.length;
  }

  /** epoll_wait(2) without waiting: gives at most `max` events to `emit`, and how many. */
  collect(max: number, emit: EmitEvent): number {
    let count = 0;
    // Items that go back to the end are not looked at twice.
    for (let left = this.#ready.length; left > 0 && count < max; left--) {
      const item = this.#ready.first;
      if (item === null) break;
      this.#ready.remove(item);
      const events = item.poll();
      if (events === 0) continue;
      emit(events, item.dataLo, item.dataHi);
      count += 1;
      if ((item.events & EPOLLONESHOT) !== 0) item.events &= PRIVATE_BITS;
      else if ((item.events & EPOLLET) === 0) this.#ready.append(item);
    }
    return count;
  }

  /** Readable while an item is ready. Those that prove not to be leave the list, so each is asked once per wake-up. */
  override poll(): number {
    for (let item = this.#ready.first; item !== null; item = this.#ready.first) {
      if (item.poll() !== 0) return READABLE;
      this.#ready.remove(item);
    }
    return 0;
  }

  override release(): void {
    for (const [file, byFd] of this.#items) {
      for (const item of byFd.values()) this.#drop(item);
      this.#forget(file);
    }
  }

  #drop(item: EpollItem): void {
    item.unwatch();
    this.#ready.remove(item);
    this.#budget.used -= 1;
  }

  #forget(file: File): void {
    this.#items.delete(file);
    file.watchers?.delete(this);
    if (file instanceof EpollFile) file.#parents.delete(this);
  }

  #wouldLoop(child: EpollFile): boolean {
    const below = depthBelow(child, this, 0, new Map());
    return below < 0 || below + depthAbove(this, 0) + 1 > MAX_NESTING;
  }

  static nested(epoll: EpollFile): EpollFile[] {
    return [...epoll.#items.keys()].filter((file) => file instanceof EpollFile);
  }

  static watching(epoll: EpollFile): Iterable<EpollFile> {
    return epoll.#parents;
  }
}

/** The longest path down from `epoll`; -1 when it meets `target` or is too deep. `known` has those already looked at. */
function depthBelow(epoll: EpollFile, target: EpollFile, level: number, known: Map<EpollFile, number>): number {
  if (epoll === target || level > MAX_NESTING) return -1;
  const before = known.get(epoll);
  if (before !== undefined) return before;
  let depth = 0;
  for (const child of EpollFile.nested(epoll)) {
    const below = depthBelow(child, target, level + 1, known);
    if (below < 0) return -1;
    depth = Math.max(depth, below + 1);
  }
  known.set(epoll, depth);
  return depth;
}

function depthAbove(epoll: EpollFile, level: number): number {
  if (level > MAX_NESTING) return level;
  let depth = 0;
  for (const parent of EpollFile.watching(epoll)) depth = Math.max(depth, depthAbove(parent, level + 1) + 1);
  return depth;
}
