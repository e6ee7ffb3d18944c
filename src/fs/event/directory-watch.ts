/** Directory notification, the older way: F_NOTIFY of fcntl(2) (Linux: fs/notify/dnotify). */
import * as N from '../../abi/inotify.ts';
import { F_OWNER_PID, ownerOf, POLL_MSG, signalOwner } from '../../kernel/file-owner.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Task } from '../../kernel/task.ts';
import type { Dentry } from '../../vfs/dentry.ts';
import type { File, FileWatcher } from '../../vfs/file.ts';
import { addMark, type Mark, removeMark } from '../../vfs/notify.ts';

const DN_MULTISHOT = 0x80000000;
/** DN_ACCESS, DN_MODIFY, DN_CREATE, DN_DELETE, DN_RENAME, DN_ATTRIB as inotify's events. */
const EVENTS: readonly number[] = [
  N.IN_ACCESS,
  N.IN_MODIFY,
  N.IN_CREATE | N.IN_MOVED_TO,
  N.IN_DELETE | N.IN_MOVED_FROM,
  N.IN_MOVED_FROM | N.IN_MOVED_TO,
  N.IN_ATTRIB,
];

class DirectoryWatch implements Mark, FileWatcher {
  readonly dentry: Dentry;
  readonly #kernel: Kernel;
  readonly #file: File;
  mask = 0;
  fd = -1;

  constructor(file: File, kernel: Kernel) {
    this.#file = file;
    this.#kernel = kernel;
    this.dentry = file.path.dentry;
    addMark(this);
    file.watchers ??= new Set();
    file.watchers.add(this);
  }

  /** Only what happens to the entries counts, not to the directory itself. */
  tell(event: number, name: string | null): void {
    if (name === null) return;
    const isWanted = EVENTS.some((events, i) => (this.mask & (1 << i)) !== 0 && (event & events) !== 0);
    if (!isWanted) return;
    signalOwner(this.#kernel, this.#file, this.fd, POLL_MSG);
    if ((this.mask & DN_MULTISHOT) === 0) this.end();
  }

  end(): void {
    removeMark(this);
    this.#file.watchers?.delete(this);
  }

  inodeGone(): void {
    this.end();
  }

  fileReleased(): void {
    this.end();
  }
}

/** Watches an open directory as the bits of `mask` (DN_*) say, besides what it is watched for already; 0 ends it. */
export function watchDirectory(task: Task, fd: number, file: File, mask: number): void {
  let watch: DirectoryWatch | null = null;
  for (const each of file.watchers ?? []) if (each instanceof DirectoryWatch) watch = each;
  if ((mask & ~DN_MULTISHOT) === 0) {
    watch?.end();
    return;
  }
  watch ??= new DirectoryWatch(file, task.kernel);
  watch.mask |= mask;
  watch.fd = fd;
  file.owner ??= ownerOf(task, F_OWNER_PID, task.pid);
}
