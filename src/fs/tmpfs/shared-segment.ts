/** Shared memory segments of System V IPC (Linux: ipc/shm.c): unlinked files in memory, each attachment an open one. */
import { ENOSPC } from '../../abi/errno.ts';
import { O_LARGEFILE, O_RDONLY, O_RDWR } from '../../abi/fcntl.ts';
import { IPC_PRIVATE, SHM_DEST } from '../../abi/ipc.ts';
import { ipcSettingsOf } from '../../kernel/ipc/ipc-settings.ts';
import { IpcObject, IpcTable, nowSec } from '../../kernel/ipc/ipc-table.ts';
import type { Namespace } from '../../kernel/namespaces.ts';
import type { Task } from '../../kernel/task.ts';
import type { Path } from '../../vfs/path.ts';
import { unlinkedInode } from './memfd.ts';
import { TmpFile, type TmpRegular } from './tmp-regular.ts';

/** One shmat(2): it lives as long as a mapping of it does. */
class Attachment extends TmpFile {
  readonly #segment: SharedSegment;

  constructor(segment: SharedSegment, path: Path, flags: number, inode: TmpRegular) {
    super(path, flags, inode);
    this.#segment = segment;
  }

  override release(): void {
    super.release();
    this.#segment.detached(this);
  }
}

export class SharedSegment extends IpcObject {
  readonly size: number;
  readonly creator: number;
  lastUser = 0;
  attachedSec = 0;
  detachedSec = 0;
  readonly #ipc: Namespace;
  readonly #path: Path;
  readonly #inode: TmpRegular;
  /** Keeps the bytes while nobody is attached. */
  readonly #base: TmpFile;
  readonly #attachments = new Set<Attachment>();

  private constructor(task: Task, key: number, mode: number, size: number, path: Path, inode: TmpRegular) {
    super(task, key, mode);
    this.size = size;
    this.creator = task.pid;
    this.#ipc = task.namespaces.ipc;
    this.#path = path;
    this.#inode = inode;
    this.#base = new TmpFile(path, O_RDWR | O_LARGEFILE, inode);
  }

  /** @param size in bytes, at least 1; @returns the segment or -ENOSPC */
  static create(task: Task, key: number, mode: number, size: number): SharedSegment | number {
    const name = `/SYSV${(key >>> 0).toString(16).padStart(8, '0')} (deleted)`;
    const { path, inode } = unlinkedInode(task, name, mode & 0o777);
    const segment = new SharedSegment(task, key, mode, size, path, inode);
    if (segment.#base.truncate(size) === 0) return segment;
    segment.#base.unref();
    return -ENOSPC;
  }

  /** Mappings there are; a process's copy of one by fork(2) counts too, as does each part of a split one. */
  get attachCount(): number {
    let count = 0;
    for (const attachment of this.#attachments) count += attachment.refs;
    return count;
  }

  get residentBytes(): number {
    return this.#inode.usedBytes;
  }

  /** An open file to map: whoever maps it lets go of its own reference. */
  attach(task: Task, isReadOnly: boolean): TmpFile {
    const file = new Attachment(this, this.#path, (isReadOnly ? O_RDONLY : O_RDWR) | O_LARGEFILE, this.#inode);
    this.#attachments.add(file);
    this.lastUser = task.pid;
    this.attachedSec = nowSec(task);
    return file;
  }

  /** Whether the mapped file is an attachment of a segment. */
  static isAttachment(file: unknown): boolean {
    return file instanceof Attachment;
  }

  detached(attachment: Attachment): void {
    this.#attachments.delete(attachment);
    if ((this.mode & SHM_DEST) !== 0 && this.#attachments.size === 0) this.#destroy();
  }

  /** IPC_RMID: it goes now, or with its last attachment, and cannot be found by its key any more. */
  remove(): void {
    if (this.#attachments.size === 0) {
      this.#destroy();
      return;
    }
    this.mode |= SHM_DEST;
    this.key = IPC_PRIVATE;
  }

  #destroy(): void {
    sharedSegmentsOf(this.#ipc).remove(this);
    this.#base.unref();
  }
}

const tables = new WeakMap<Namespace, IpcTable<SharedSegment>>();

export function sharedSegmentsOf(ipc: Namespace): IpcTable<SharedSegment> {
  let table = tables.get(ipc);
  if (table === undefined) {
    const settings = ipcSettingsOf(ipc);
    table = new IpcTable(() => settings.shmmni);
    tables.set(ipc, table);
    // What is still attached goes with its last attachment (shm_exit_ns).
    ipc.onEnd(() => {
      for (const segment of [...sharedSegmentsOf(ipc).all()]) segment.remove();
    });
  }
  return table;
}
