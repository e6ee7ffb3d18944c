/**
 * A File over a host pipe, socket, regular file or device that was given to the sandbox as a standard stream. The host's
 * offset is used, not one of ours: `(runsc do a; runsc do b) > log 2>&1` relies on sharing it.
 */

import { EACCES, ENOTTY, ESPIPE } from '../../abi/errno.ts';
import { FIONREAD } from '../../abi/ioctl.ts';
import type { HostStream } from '../../host/host-stream.ts';
import type { Credentials } from '../../kernel/credentials.ts';
import type { Task } from '../../kernel/task.ts';
import { File } from '../../vfs/file.ts';
import { type FileSystem, Inode, type Stat } from '../../vfs/inode.ts';
import type { Path } from '../../vfs/path.ts';
import { allocateAnonIno, anonFileSystem } from '../anon/anon-inode.ts';
import { ReadinessQueue } from './readiness-queue.ts';

export class HostStreamInode extends Inode {
  readonly fs: FileSystem = anonFileSystem;
  readonly ino: number = allocateAnonIno();
  readonly stream: HostStream;
  /** One for all its Files: the host descriptor has one registration. */
  readonly queue: ReadinessQueue;
  readonly #host = new Uint8Array(144);
  readonly #view = new DataView(this.#host.buffer);
  #files = 0;

  constructor(stream: HostStream) {
    super();
    this.stream = stream;
    this.queue = new ReadinessQueue(stream);
  }

  override get mode(): number {
    return this.stream.stat(this.#host) < 0 ? 0o010600 : this.#view.getUint32(24, true);
  }

  override isCurrent(): boolean {
    return false;
  }

  override stat(out: Stat): number {
    const result = this.stream.stat(this.#host);
    if (result < 0) return result;
    const v = this.#view;
    out.dev = this.fs.dev;
    out.ino = this.ino;
    out.mode = v.getUint32(24, true);
    out.nlink = 1;
    // The host's ids mean nothing to the guest.
    out.uid = 0;
    out.gid = 0;
    out.rdev = v.getUint32(40, true);
    out.size = Number(v.getBigInt64(48, true));
    out.blksize = v.getUint32(56, true);
    out.blocks = Number(v.getBigInt64(64, true));
    out.atimeSec = Number(v.getBigInt64(72, true));
    out.atimeNsec = v.getUint32(80, true);
    out.mtimeSec = Number(v.getBigInt64(88, true));
    out.mtimeNsec = v.getUint32(96, true);
    out.ctimeSec = Number(v.getBigInt64(104, true));
    out.ctimeNsec = v.getUint32(112, true);
    out.btimeSec = out.btimeNsec = 0;
    return 0;
  }

  fileOpened(): void {
    this.#files += 1;
  }

  /** With the last File the stream is closed, so that whoever reads the other end sees its end. */
  fileReleased(): void {
    this.#files -= 1;
    if (this.#files === 0) this.stream.close();
  }

  /** Opening /proc/self/fd/N of a stream: another File over the same host description. */
  override open(path: Path, flags: number, _creds: Credentials): File | number {
    return this.stream.kind === 'socket' ? -EACCES : new HostStreamFile(path, flags, this);
  }
}

export class HostStreamFile extends File {
  readonly #inode: HostStreamInode;
  readonly #stream: HostStream;

  constructor(path: Path, flags: number, inode: HostStreamInode) {
    super(path, flags, inode.queue);
    this.#inode = inode;
    this.#stream = inode.stream;
    inode.fileOpened();
  }

  get isSocket(): boolean {
    return this.#stream.kind === 'socket';
  }

  override get inode(): Inode {
    return this.#inode;
  }

  override release(): void {
    this.#inode.fileReleased();
  }

  override poll(): number {
    const events = this.#stream.pollNow();
    this.#inode.queue.rearm();
    return events;
  }

  override read(dst: Uint8Array, at: number, length: number, _offset: number): number {
    const n = this.#stream.readNow(dst, at, length);
    this.#inode.queue.rearm();
    return n;
  }

  override write(src: Uint8Array, at: number, length: number, _offset: number): number {
    const n = this.#stream.writeNow(src, at, length);
    this.#inode.queue.rearm();
    return n;
  }

  override seek(offset: number, whence: number): number {
    const { kind } = this.#stream;
    return kind === 'file' || kind === 'device' ? this.#stream.seek(offset, whence) : -ESPIPE;
  }

  override truncate(size: number): number {
    return this.#stream.truncate(size);
  }

  override fsync(): number {
    return 0;
  }

  override ioctl(task: Task, command: number, argument: number): number {
    if (command !== FIONREAD) return -ENOTTY;
    const count = new Uint8Array(4);
    const result = this.#stream.ioctl(FIONREAD, count);
    return result < 0 ? result : task.mem.write(argument, count, 0, 4);
  }
}
