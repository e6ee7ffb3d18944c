/** inotify(7): a queue of what happens to the files that one watches (Linux: fs/notify/inotify). */
import { EAGAIN, EEXIST, EINVAL, ENOSPC, ENOTTY } from '../../abi/errno.ts';
import {
  IN_ALL_EVENTS,
  IN_EXCL_UNLINK,
  IN_IGNORED,
  IN_ISDIR,
  IN_MASK_ADD,
  IN_MASK_CREATE,
  IN_ONESHOT,
  IN_Q_OVERFLOW,
} from '../../abi/inotify.ts';
import { FIONREAD } from '../../abi/ioctl.ts';
import { READABLE } from '../../abi/poll.ts';
import type { Task } from '../../kernel/task.ts';
import type { Dentry } from '../../vfs/dentry.ts';
import { addMark, type Mark, removeMark } from '../../vfs/notify.ts';
import type { Path } from '../../vfs/path.ts';
import { AnonymousFile } from './anonymous-file.ts';

const HEADER = 16;
/** Defaults of /proc/sys/fs/inotify. */
const MAX_QUEUED = 16384;
const MAX_WATCHES = 65536;

interface Event {
  readonly wd: number;
  readonly mask: number;
  readonly cookie: number;
  readonly name: string | null;
}

class Watch implements Mark {
  readonly dentry: Dentry;
  readonly wd: number;
  mask: number;
  readonly #owner: InotifyFile;

  constructor(owner: InotifyFile, wd: number, dentry: Dentry, mask: number) {
    this.#owner = owner;
    this.wd = wd;
    this.dentry = dentry;
    this.mask = mask;
  }

  tell(mask: number, name: string | null, cookie: number, isUnlinked: boolean): void {
    if ((mask & this.mask & IN_ALL_EVENTS) === 0 || (isUnlinked && (this.mask & IN_EXCL_UNLINK) !== 0)) return;
    this.#owner.put({ wd: this.wd, mask: mask & (IN_ALL_EVENTS | IN_ISDIR), cookie, name });
    if ((this.mask & IN_ONESHOT) !== 0) this.#owner.remove(this.wd);
  }

  inodeGone(): void {
    this.#owner.forget(this);
  }
}

/** Names are padded with NULs so that the next event is aligned. */
function sizeOf({ name }: Event): number {
  return HEADER + (name === null ? 0 : Math.ceil((name.length + 1) / HEADER) * HEADER);
}

export class InotifyFile extends AnonymousFile {
  readonly #watches = new Map<number, Watch>();
  readonly #events: Event[] = [];
  #lastWd = 0;

  constructor(path: Path, flags: number) {
    super(path, flags);
  }

  /** inotify_add_watch(2): the watch descriptor or -errno. */
  watch(dentry: Dentry, mask: number): number {
    const kept = (mask & (IN_ALL_EVENTS | IN_EXCL_UNLINK | IN_ONESHOT)) >>> 0;
    for (const watch of this.#watches.values()) {
      if (watch.dentry.inode !== dentry.inode) continue;
      if ((mask & IN_MASK_CREATE) !== 0) return -EEXIST;
      watch.mask = (mask & IN_MASK_ADD) !== 0 ? (watch.mask | kept) >>> 0 : kept;
      return watch.wd;
    }
    if (this.#watches.size >= MAX_WATCHES) return -ENOSPC;
    this.#lastWd += 1;
    const watch = new Watch(this, this.#lastWd, dentry, kept);
    this.#watches.set(watch.wd, watch);
    addMark(watch);
    return watch.wd;
  }

  /** inotify_rm_watch(2): 0 or -EINVAL. */
  remove(wd: number): number {
    const watch = this.#watches.get(wd);
    if (watch === undefined) return -EINVAL;
    removeMark(watch);
    this.forget(watch);
    return 0;
  }

  /** The watch's mark has been taken away. */
  forget(watch: Watch): void {
    this.#watches.delete(watch.wd);
    this.put({ wd: watch.wd, mask: IN_IGNORED, cookie: 0, name: null });
  }

  /** What equals the newest event that nobody has read is not told twice. */
  put(event: Event): void {
    const last = this.#events.at(-1);
    const isSame =
      last !== undefined &&
      last.wd === event.wd &&
      last.mask === event.mask &&
      last.cookie === event.cookie &&
      last.name === event.name;
    if (isSame || this.#events.length > MAX_QUEUED) return;
    if (this.#events.length < MAX_QUEUED) this.#events.push(event);
    else this.#events.push({ wd: -1, mask: IN_Q_OVERFLOW, cookie: 0, name: null });
    this.queue.wake(READABLE);
  }

  override read(dst: Uint8Array, at: number, length: number, _offset: number): number {
    if (this.#events.length === 0) return -EAGAIN;
    let used = 0;
    let count = 0;
    const view = new DataView(dst.buffer, dst.byteOffset + at, length);
    for (const event of this.#events) {
      const size = sizeOf(event);
      if (used + size > length) break;
      dst.fill(0, at + used, at + used + size);
      view.setInt32(used, event.wd, true);
      view.setUint32(used + 4, event.mask >>> 0, true);
      view.setUint32(used + 8, event.cookie, true);
      view.setUint32(used + 12, size - HEADER, true);
      const { name } = event;
      for (let i = 0; name !== null && i < name.length; i++) dst[at + used + HEADER + i] = name.charCodeAt(i);
      used += size;
      count += 1;
    }
    this.#events.splice(0, count);
    return used === 0 ? -EINVAL : used;
  }

  override get asyncEvents(): number {
    return READABLE;
  }

  override poll(): number {
    return this.#events.length > 0 ? READABLE : 0;
  }

  override ioctl(task: Task, command: number, argument: number): number {
    if (command !== FIONREAD) return -ENOTTY;
    let bytes = 0;
    for (const event of this.#events) bytes += sizeOf(event);
    return task.mem.writeU32(argument, bytes);
  }

  override release(): void {
    for (const watch of this.#watches.values()) removeMark(watch);
    this.#watches.clear();
  }
}
