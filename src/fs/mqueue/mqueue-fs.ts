/**
 * The file system of POSIX message queues, which mq_open(2) uses and which can be mounted (Linux: ipc/mqueue.c; mq_overview(7)): one
 * directory with a file for each queue, whose content describes the queue.
 */
import { EINVAL, EMFILE, EPERM } from '../../abi/errno.ts';
import { SEEK_CUR, SEEK_SET } from '../../abi/fcntl.ts';
import { READABLE, WRITABLE } from '../../abi/poll.ts';
import { RLIMIT_MSGQUEUE } from '../../abi/resource.ts';
import { S_IFMT, S_IFREG } from '../../abi/stat.ts';
import type { Credentials } from '../../kernel/credentials.ts';
import { currentTask } from '../../kernel/current.ts';
import { type IpcSettings, ipcSettingsOf } from '../../kernel/ipc/ipc-settings.ts';
import { PosixQueue } from '../../kernel/ipc/posix-queue.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Namespace } from '../../kernel/namespaces.ts';
import type { Task } from '../../kernel/task.ts';
import { allocateDev } from '../../vfs/device-number.ts';
import { File } from '../../vfs/file.ts';
import type { Inode, StatFs } from '../../vfs/inode.ts';
import { createMount, type Mount } from '../../vfs/mount.ts';
import type { Path } from '../../vfs/path.ts';
import { type MemoryFileSystem, memoryStatFs, type TmpfsHost } from '../tmpfs/memory-fs.ts';
import { Quota } from '../tmpfs/quota.ts';
import { TmpDirectory } from '../tmpfs/tmp-directory.ts';
import { TmpInode } from '../tmpfs/tmp-inode.ts';

const MQUEUE_MAGIC = 0x19800202;
/** What a queue may take of the sentry's memory as a file. */
const QUEUE_COST = 2 ** 16;
/** What Linux counts for each message beside its bytes: struct msg_msg and a node of the tree. */
const MESSAGE_COST = 96;
/** What st_size says of a queue (FILENT_SIZE). */
const FILE_SIZE = 80;
const SIGEV_SIGNAL = 0;

/** What a queue is to be made with; null in mq_open(2) and open(2) for the defaults. */
export interface QueueShape {
  readonly maxMessages: number;
  readonly messageSize: number;
}

/** What a queue is that nobody says anything of. */
export function defaultShape(settings: IpcSettings): QueueShape {
  return {
    maxMessages: Math.min(settings.messagesMax, settings.messagesDefault),
    messageSize: Math.min(settings.messageSizeMax, settings.messageSizeDefault),
  };
}

export class MqueueFs implements MemoryFileSystem {
  readonly typeName = 'mqueue';
  readonly dev = allocateDev();
  readonly host: TmpfsHost;
  readonly settings: IpcSettings;
  readonly quota: Quota;
  readonly root: MqueueDirectory;
  /** Where mq_open(2) finds it, mounted or not. */
  readonly mount: Mount;
  /** RLIMIT_MSGQUEUE, by real user id. */
  readonly charged = new Map<number, number>();
  #ino = 0;

  constructor(host: TmpfsHost, settings: IpcSettings) {
    this.host = host;
    this.settings = settings;
    this.quota = new Quota(settings.queuesMax * QUEUE_COST, settings.queuesMax);
    this.root = new MqueueDirectory(this, null, 0o1777, 0, 0);
    this.mount = createMount(this);
  }

  nextIno(): number {
    this.#ino += 1;
    return this.#ino;
  }

  statfs(): StatFs {
    return memoryStatFs(MQUEUE_MAGIC, this.quota);
  }

  charge(uid: number, bytes: number): void {
    const next = (this.charged.get(uid) ?? 0) + bytes;
    if (next <= 0) this.charged.delete(uid);
    else this.charged.set(uid, next);
  }
}

/** Entries are asked for each time: the same directory may be seen at several places. */
class MqueueDirectory extends TmpDirectory {
  override isCurrent(): boolean {
    return false;
  }

  override mknod(name: string, mode: number, _rdev: number, uid: number, gid: number): Inode | number {
    if ((mode & S_IFMT) !== S_IFREG) return -EPERM;
    const task = currentTask();
    if (task === null || !(this.fs instanceof MqueueFs)) return -EPERM;
    return this.makeQueue(task, name, mode, uid, gid, defaultShape(this.fs.settings));
  }

  makeQueue(
    task: Task,
    name: string,
    mode: number,
    uid: number,
    gid: number,
    { maxMessages, messageSize }: QueueShape,
  ): MqueueInode | number {
    const fs = this.fs;
    if (!(fs instanceof MqueueFs)) return -EINVAL;
    fs.quota.maxInodes = fs.settings.queuesMax;
    fs.quota.maxBytes = fs.settings.queuesMax * QUEUE_COST;
    const owner = task.creds.uid;
    const cost = maxMessages * (messageSize + MESSAGE_COST);
    if ((fs.charged.get(owner) ?? 0) + cost > task.group.limits.soft(RLIMIT_MSGQUEUE)) return -EMFILE;
    const failed = this.prepareAdd(name);
    if (failed < 0) return failed;
    const queue = new PosixQueue(maxMessages, messageSize);
    const inode = new MqueueInode(fs, S_IFREG | (mode & 0o7777), uid, gid, queue, owner, cost);
    this.insert(name, inode);
    this.touchModified();
    return inode;
  }

  override mkdir(): number {
    return -EPERM;
  }
  override symlink(): number {
    return -EPERM;
  }
  override link(): number {
    return -EPERM;
  }
  override rename(): number {
    return -EPERM;
  }
  override tmpfile(): number {
    return -EPERM;
  }
}

export class MqueueInode extends TmpInode {
  readonly queue: PosixQueue;
  readonly #mqueue: MqueueFs;
  readonly #owner: number;
  readonly #cost: number;

  constructor(fs: MqueueFs, mode: number, uid: number, gid: number, queue: PosixQueue, owner: number, cost: number) {
    super(fs, mode, uid, gid);
    this.queue = queue;
    this.#mqueue = fs;
    this.#owner = owner;
    this.#cost = cost;
    fs.charge(owner, cost);
  }

  override get size(): number {
    return FILE_SIZE;
  }

  override open(path: Path, flags: number, _creds: Credentials): File {
    return new MqueueFile(path, flags, this);
  }

  protected override free(): void {
    this.#mqueue.charge(this.#owner, -this.#cost);
  }
}

/** A descriptor of mq_open(2), or the queue's file opened in a mounted mqueue file system: they are the same. */
export class MqueueFile extends File {
  readonly #inode: MqueueInode;

  constructor(path: Path, flags: number, inode: MqueueInode) {
    super(path, flags, inode.queue.queue);
    this.#inode = inode;
    inode.openCount += 1;
  }

  override get inode(): MqueueInode {
    return this.#inode;
  }

  override get isSeekable(): boolean {
    return true;
  }

  override poll(): number {
    const { length, maxMessages } = this.#inode.queue;
    return (length > 0 ? READABLE : 0) | (length < maxMessages ? WRITABLE : 0);
  }

  override read(dst: Uint8Array, at: number, length: number, offset: number): number {
    const { size, listener } = this.#inode.queue;
    const signo = listener !== null && listener.how === SIGEV_SIGNAL ? listener.signo : 0;
    const fields = [
      `QSIZE:${String(size).padEnd(10)}`,
      `NOTIFY:${String(listener?.how ?? 0).padEnd(5)}`,
      `SIGNO:${String(signo).padEnd(5)}`,
      `NOTIFY_PID:${String(listener?.pid ?? 0).padEnd(6)}`,
    ];
    const text = Buffer.from(`${fields.join(' ')}\n`, 'latin1').subarray(offset, offset + length);
    dst.set(text, at);
    return text.length;
  }

  override seek(offset: number, whence: number): number {
    const target = whence === SEEK_SET ? offset : whence === SEEK_CUR ? this.position + offset : -1;
    return target >= 0 && Number.isSafeInteger(target) ? target : -EINVAL;
  }

  override closedIn(files: object): void {
    const { queue } = this.#inode;
    if (queue.listener?.files === files) queue.unlisten();
  }

  override release(): void {
    this.#inode.openCount -= 1;
    this.#inode.dropIfUnused();
  }
}

const fileSystems = new WeakMap<Namespace, MqueueFs>();

/** To be called at boot: the one of the kernel's IPC namespace. */
export function provideMqueue({ namespaces }: Kernel, host: TmpfsHost): MqueueFs {
  const fs = fileSystems.get(namespaces.ipc) ?? new MqueueFs(host, ipcSettingsOf(namespaces.ipc));
  fileSystems.set(namespaces.ipc, fs);
  return fs;
}

/** The queues of the task's namespace; undefined where there are none, in tests of other things. */
export function mqueueOf({ namespaces, kernel }: Task): MqueueFs | undefined {
  const known = fileSystems.get(namespaces.ipc);
  const first = fileSystems.get(kernel.namespaces.ipc);
  if (known !== undefined || first === undefined) return known;
  const fs = new MqueueFs(first.host, ipcSettingsOf(namespaces.ipc));
  fileSystems.set(namespaces.ipc, fs);
  return fs;
}
