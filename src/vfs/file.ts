/**
 * Open file descriptions (Linux: struct file). Everything a descriptor can refer to is a File: regular files,
 * directories, pipes, eventfds, epolls, sockets, terminals.
 *
 * Reads and writes never block: they give -EAGAIN, and the syscall layer sleeps on `queue` and tries again, unless
 * O_NONBLOCK is set.
 */
import { EFAULT, EINVAL, ENODEV, ENOTDIR, ENOTTY, ESPIPE } from '../abi/errno.ts';
import { O_ACCMODE, O_PATH } from '../abi/fcntl.ts';
import { IN_CLOSE_NOWRITE, IN_CLOSE_WRITE } from '../abi/inotify.ts';
import type { FileOwner } from '../kernel/file-owner.ts';
import type { Task } from '../kernel/task.ts';
import { WaitQueue } from '../kernel/wait-queue.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import { pinDentry, unpinDentry } from './dentry.ts';
import type { DirEmit, Inode } from './inode.ts';
import { notifyDentry, notifyIfGone } from './notify.ts';
import type { Path } from './path.ts';
import { releaseFileLocks } from './record-locks.ts';

/** A host file that can be mapped into a guest: the descriptor stays owned by the file. */
export interface HostMapping {
  hostFd: number;
}

/** Who must let go of a file when its last reference does: an epoll that watches it (Linux: eventpoll_release). */
export interface FileWatcher {
  fileReleased(file: File): void;
}

export abstract class File {
  /** Access mode and status flags, O_* (without O_CLOEXEC, which belongs to the descriptor). */
  flags: number;
  /** The file offset; only the syscall layer moves it. */
  position = 0;
  /** Descriptors and mappings that refer to it. */
  refs = 1;
  /** F_SETOWN. */
  owner: FileOwner | null = null;
  /** F_SETSIG: the signal in place of SIGIO; 0 for that. */
  signal = 0;
  readonly path: Path;
  /** It counts among its inode's writers. */
  isWriter = false;
  /** It counts among its inode's readers. */
  isReader = false;
  /** Woken with POLL* bits when readiness changes. */
  readonly queue: WaitQueue;
  /** null until somebody watches. */
  watchers: Set<FileWatcher> | null = null;

  constructor(path: Path, flags: number, queue: WaitQueue = new WaitQueue()) {
    this.path = path;
    this.flags = flags;
    this.queue = queue;
    pinDentry(path.dentry);
    path.mount.openFiles += 1;
  }

  /** How long a read, or a write, may block, in ns: sockets' SO_RCVTIMEO and SO_SNDTIMEO. */
  get readTimeoutNs(): number {
    return Infinity;
  }
  get writeTimeoutNs(): number {
    return Infinity;
  }

  abstract get inode(): Inode;

  /** The POLL* bits that raise the signal of O_ASYNC; 0 for files that have none (Linux: f_op->fasync). */
  get asyncEvents(): number {
    return 0;
  }

  /** Whether it has an offset: false for pipes, sockets, terminals. */
  get isSeekable(): boolean {
    return false;
  }

  /** POLL* bits that hold now. Regular files: POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM. */
  abstract poll(): number;

  /** At most `length` bytes at `offset` (ignored when not seekable) to `dst[at..]`: bytes read, 0 at the end, or -errno. */
  read(_dst: Uint8Array, _at: number, _length: number, _offset: number): number {
    return -EINVAL;
  }
  /** Bytes written or -errno. With O_APPEND the file itself looks for its end and ignores `offset`. */
  write(_src: Uint8Array, _at: number, _length: number, _offset: number): number {
    return -EINVAL;
  }
  /** More bytes at once than this are better read and written by the two that follow. */
  get directMin(): number {
    return Infinity;
  }
  /** As `read` at no offset, straight to guest memory. After -EFAULT nothing has been taken, and `read` is to find out how much can be. */
  readTo(_mem: UserMemory, _addr: number, _length: number): number {
    return -EFAULT;
  }
  writeFrom(_mem: UserMemory, _addr: number, _length: number): number {
    return -EFAULT;
  }
  /** Entries from `offset` (0, or a `nextOffset` given before): 0 or -errno. Gives "." and ".." too. */
  readdir(_offset: number, _emit: DirEmit): number {
    return -ENOTDIR;
  }
  /** The new position for lseek(2) or -errno; the default is for files without an offset. */
  seek(_offset: number, _whence: number): number {
    return -ESPIPE;
  }
  truncate(_size: number): number {
    return -EINVAL;
  }
  /** fallocate(2). */
  allocate(_mode: number, _offset: number, _length: number): number {
    return -ENODEV;
  }
  fsync(): number {
    return -EINVAL;
  }
  /** Commands of fcntl(2) that belong to a kind of file: F_ADD_SEALS, F_GET_SEALS. */
  fcntl(_task: Task, _command: number, _argument: number): number {
    return -EINVAL;
  }
  ioctl(_task: Task, _command: number, _argument: number): number | Promise<number> {
    return -ENOTTY;
  }
  /** For mmap(2): a host descriptor with these bytes. `isShared` and `isWritable` as the mapping will be. */
  mapping(_isShared: boolean, _isWritable: boolean): HostMapping | number {
    return -ENODEV;
  }
  /** A descriptor of it in the table `files` has been closed (Linux: f_op->flush). */
  closedIn(_files: object): void {}
  /** The last reference is gone: free what it holds. */
  release(): void {}

  /** One reference less. */
  unref(): void {
    this.refs -= 1;
    if (this.refs !== 0) return;
    if (this.watchers !== null) for (const watcher of [...this.watchers]) watcher.fileReleased(this);
    releaseFileLocks(this);
    if (this.isWriter) this.inode.writers -= 1;
    if (this.isReader) this.inode.readers -= 1;
    this.release();
    const { dentry } = this.path;
    const isReader = (this.flags & O_ACCMODE) === 0;
    if ((this.flags & O_PATH) === 0) notifyDentry(dentry, isReader ? IN_CLOSE_NOWRITE : IN_CLOSE_WRITE);
    unpinDentry(dentry);
    if (dentry.isDeleted) notifyIfGone(dentry);
    this.path.mount.openFiles -= 1;
  }
  ref(): this {
    this.refs += 1;
    return this;
  }
}
