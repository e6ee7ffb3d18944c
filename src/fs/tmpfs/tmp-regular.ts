/** Regular files in memory, and open ones (Linux: shmem_file_operations). */
import { EBADF, EBUSY, EINVAL, EPERM } from '../../abi/errno.ts';
import {
  F_ADD_SEALS,
  F_GET_SEALS,
  F_SEAL_EXEC,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  O_ACCMODE,
  O_APPEND,
  O_NOATIME,
  O_RDONLY,
  O_WRONLY,
  SEEK_CUR,
  SEEK_DATA,
  SEEK_END,
  SEEK_HOLE,
  SEEK_SET,
} from '../../abi/fcntl.ts';
import { PROT_WRITE } from '../../abi/memory.ts';
import { POLL_ALWAYS } from '../../abi/poll.ts';
import { S_IFREG, S_ISGID, S_ISUID, S_IXGRP } from '../../abi/stat.ts';
import type { Credentials } from '../../kernel/credentials.ts';
import type { Task } from '../../kernel/task.ts';
import { File, type HostMapping } from '../../vfs/file.ts';
import type { Path } from '../../vfs/path.ts';
import { FileData, MAX_FILE_SIZE } from './file-data.ts';
import { currentTime, type MemoryFileSystem } from './memory-fs.ts';
import { TmpInode } from './tmp-inode.ts';

const ALL_SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_EXEC;

export class TmpRegular extends TmpInode {
  readonly data: FileData;
  /** F_SEAL_*; F_SEAL_SEAL from the start except for memfds that allow sealing. */
  seals = F_SEAL_SEAL;

  constructor(fs: MemoryFileSystem, mode: number, uid: number, gid: number, ino?: number) {
    super(fs, S_IFREG | (mode & 0o7777), uid, gid, ino);
    this.data = new FileData(fs.quota, fs.host.memory);
  }

  override get size(): number {
    return this.data.size;
  }

  override get usedBytes(): number {
    return this.data.usedBytes;
  }

  /** A writable open is coming: the overlay brings the bytes up. */
  prepareWrite(): number {
    return this.prepareChange();
  }

  override open(path: Path, flags: number, _creds: Credentials): File | number {
    if ((flags & O_ACCMODE) !== O_RDONLY) {
      const failed = this.prepareWrite();
      if (failed < 0) return failed;
    }
    const failed = this.checkReadable();
    if (failed < 0) return failed;
    return new TmpFile(path, flags, this);
  }

  /** The overlay opens what is below. */
  checkReadable(): number {
    return 0;
  }

  readAt(dst: Uint8Array, at: number, length: number, offset: number): number {
    return this.data.read(dst, at, length, offset);
  }

  writeAt(src: Uint8Array, at: number, length: number, offset: number): number {
    if ((this.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) !== 0) return -EPERM;
    let count = length;
    if ((this.seals & F_SEAL_GROW) !== 0 && offset + count > this.data.size) {
      if (offset >= this.data.size) return -EPERM;
      count = this.data.size - offset;
    }
    const n = this.data.write(src, at, count, offset);
    if (n > 0) {
      this.touchModified();
      this.#dropSetId();
    }
    return n;
  }

  /** Writing takes the set-user-ID bit away (Linux: file_remove_privs). */
  #dropSetId(): void {
    if ((this.bits & (S_ISUID | S_ISGID)) === 0) return;
    this.bits &= ~S_ISUID;
    if ((this.bits & S_IXGRP) !== 0) this.bits &= ~S_ISGID;
  }

  protected override setSize(size: number): number {
    if (size < this.size && (this.seals & F_SEAL_SHRINK) !== 0) return -EPERM;
    if (size > this.size && (this.seals & F_SEAL_GROW) !== 0) return -EPERM;
    const failed = this.prepareTruncate(size);
    if (failed < 0) return failed;
    const result = this.data.truncate(size);
    if (result >= 0) this.touchModified();
    return result;
  }

  protected prepareTruncate(_size: number): number {
    return 0;
  }

  allocate(mode: number, offset: number, length: number): number {
    if ((this.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) !== 0) return -EPERM;
    if ((this.seals & F_SEAL_GROW) !== 0 && (mode & 1) === 0 && offset + length > this.size) return -EPERM;
    const result = this.data.allocate(mode, offset, length);
    if (result >= 0) this.touchModified();
    return result;
  }

  seekData(offset: number, whence: number): number {
    return this.data.seek(offset, whence);
  }

  hostFd(isShared: boolean, isWritable: boolean): number {
    if (isShared && isWritable && (this.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) !== 0) return -EPERM;
    return this.data.mapping();
  }

  addSeals(seals: number): number {
    if ((seals & ~ALL_SEALS) !== 0) return -EINVAL;
    if ((this.seals & F_SEAL_SEAL) !== 0) return -EPERM;
    this.seals |= seals;
    return 0;
  }

  touchAccessed(): void {
    // relatime (mount(8)): only when it tells something new, or is a day old.
    const { sec, nsec } = currentTime(this.fs);
    const isOlder =
      this.atimeSec < this.mtimeSec || (this.atimeSec === this.mtimeSec && this.atimeNsec <= this.mtimeNsec);
    if (!isOlder && sec - this.atimeSec < 86400) return;
    this.atimeSec = sec;
    this.atimeNsec = nsec;
  }

  protected override free(): void {
    this.data.free();
  }
}

export class TmpFile extends File {
  readonly #inode: TmpRegular;

  constructor(path: Path, flags: number, inode: TmpRegular) {
    super(path, flags);
    this.#inode = inode;
    inode.openCount += 1;
  }

  override get inode(): TmpRegular {
    return this.#inode;
  }

  override get isSeekable(): boolean {
    return true;
  }

  override poll(): number {
    return POLL_ALWAYS;
  }

  override read(dst: Uint8Array, at: number, length: number, offset: number): number {
    if ((this.flags & O_ACCMODE) === O_WRONLY) return -EBADF;
    const n = this.#inode.readAt(dst, at, length, offset);
    if (n > 0 && (this.flags & O_NOATIME) === 0 && !this.path.mount.isReadOnly) this.#inode.touchAccessed();
    return n;
  }

  override write(src: Uint8Array, at: number, length: number, offset: number): number {
    if ((this.flags & O_ACCMODE) === O_RDONLY) return -EBADF;
    const where = (this.flags & O_APPEND) !== 0 ? this.#inode.size : offset;
    return this.#inode.writeAt(src, at, length, where);
  }

  override seek(offset: number, whence: number): number {
    return seekIn(this, this.#inode.size, offset, whence, (from, how) => this.#inode.seekData(from, how));
  }

  override truncate(size: number): number {
    if ((this.flags & O_ACCMODE) === O_RDONLY) return -EINVAL;
    return this.#inode.setattr({ size });
  }

  override allocate(mode: number, offset: number, length: number): number {
    if ((this.flags & O_ACCMODE) === O_RDONLY) return -EBADF;
    return this.#inode.allocate(mode, offset, length);
  }

  override fsync(): number {
    return 0;
  }

  override fcntl(task: Task, command: number, argument: number): number {
    if (this.#inode.fs.typeName !== 'tmpfs') return -EINVAL;
    if (command === F_GET_SEALS) return this.#inode.seals;
    if (command !== F_ADD_SEALS) return -EINVAL;
    if ((this.flags & O_ACCMODE) === O_RDONLY) return -EPERM;
    if ((argument & F_SEAL_WRITE) !== 0 && isMappedWritable(task, this.#inode)) return -EBUSY;
    return this.#inode.addSeals(argument);
  }

  override mapping(isShared: boolean, isWritable: boolean): HostMapping | number {
    const hostFd = this.#inode.hostFd(isShared, isWritable);
    return hostFd < 0 ? hostFd : { hostFd };
  }

  override release(): void {
    this.#inode.openCount -= 1;
    this.#inode.dropIfUnused();
  }
}

/** Whether any process has the file mapped so that it can write to it (Linux: mapping_deny_writable). */
function isMappedWritable(task: Task, inode: TmpRegular): boolean {
  for (const { leader } of task.kernel.pids.groups()) {
    for (const vma of leader.mm.vmas) {
      const isWritable = vma.isShared && (vma.prot & PROT_WRITE) !== 0;
      if (isWritable && vma.file !== null && vma.file.inode === inode) return true;
    }
  }
  return false;
}

/** lseek(2) of a file with a size: the new position or -errno. */
export function seekIn(
  file: File,
  size: number,
  offset: number,
  whence: number,
  seekData: (offset: number, whence: number) => number,
): number {
  let target: number;
  if (whence === SEEK_SET) target = offset;
  else if (whence === SEEK_CUR) target = file.position + offset;
  else if (whence === SEEK_END) target = size + offset;
  else if (whence === SEEK_DATA || whence === SEEK_HOLE) return seekData(offset, whence);
  else return -EINVAL;
  return target >= 0 && target <= MAX_FILE_SIZE ? target : -EINVAL;
}
