/** POSIX message queues: mq_open(2), mq_timedsend(2), mq_timedreceive(2), mq_notify(2), mq_getsetattr(2), mq_unlink(2). */
import { CAP_SYS_RESOURCE } from '../abi/capability.ts';
import { EACCES, EAGAIN, EBADF, EEXIST, EFAULT, EINVAL, EMSGSIZE, ENAMETOOLONG, ENOENT, ENOSYS } from '../abi/errno.ts';
import { NAME_MAX, O_ACCMODE, O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_WRONLY } from '../abi/fcntl.ts';
import { READABLE, WRITABLE } from '../abi/poll.ts';
import { SigInfo } from '../abi/siginfo.ts';
import { NSIG, SI_MESGQ } from '../abi/signal.ts';
import { S_IFREG } from '../abi/stat.ts';
import { defaultShape, MqueueFile, MqueueInode, mqueueOf, type QueueShape } from '../fs/mqueue/mqueue-fs.ts';
import { blockOn } from '../kernel/block.ts';
import { ipcSettingsOf } from '../kernel/ipc/ipc-settings.ts';
import type { PosixQueue, QueueListener } from '../kernel/ipc/posix-queue.ts';
import type { Timespec } from '../kernel/kernel.ts';
import { sendSignalToGroup } from '../kernel/signal.ts';
import type { Task } from '../kernel/task.ts';
import { CLOCK_REALTIME, deadlineOf, readTimespec } from '../kernel/time-span.ts';
import { NetlinkSocket } from '../net/netlink/netlink-socket.ts';
import { Dentry } from '../vfs/dentry.ts';
import { checkDelete, checkPermission, MAY_EXEC, MAY_READ, MAY_WRITE } from '../vfs/permission.ts';
import { full, type SyscallDef } from './define.ts';
import { installNew } from './install-file.ts';

const MQ_PRIO_MAX = 32768;
const ATTR_SIZE = 64;
/** What the attributes may be at most with CAP_SYS_RESOURCE; without it /proc/sys/fs/mqueue says (HARD_MSGMAX, HARD_MSGSIZEMAX). */
const HARD_MESSAGES_MAX = 65536;
const HARD_SIZE_MAX = 16 * 2 ** 20;
/** All that a queue may ever hold: it is the sentry's memory. */
const QUEUE_BYTES_MAX = 64 * 2 ** 20;
const SIGEVENT_SIZE = 64;
const SIGEV_SIGNAL = 0;
const SIGEV_NONE = 1;
const SIGEV_THREAD = 2;
const COOKIE_SIZE = 32;
const WOKEN_UP = 1;
const REMOVED = 2;

const time: Timespec = { sec: 0, nsec: 0 };

/** A name as the C library gives it, without the slash, or -errno. */
function readName(task: Task, addr: number): string | number {
  const name = task.mem.readPath(addr);
  if (typeof name === 'number') return name;
  if (name === '') return -ENOENT;
  if (name.length > NAME_MAX) return -ENAMETOOLONG;
  return name === '.' || name === '..' || name.includes('/') ? -EACCES : name;
}

function readShape(task: Task, addr: number): QueueShape | number {
  const settings = ipcSettingsOf(task.namespaces.ipc);
  if (addr === 0) return defaultShape(settings);
  const bytes = task.mem.readBytes(addr, ATTR_SIZE);
  if (typeof bytes === 'number') return -EFAULT;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const maxMessages = Number(view.getBigInt64(8, true));
  const messageSize = Number(view.getBigInt64(16, true));
  const isPrivileged = task.creds.hasCapability(CAP_SYS_RESOURCE);
  if (maxMessages <= 0 || messageSize <= 0) return -EINVAL;
  if (maxMessages > (isPrivileged ? HARD_MESSAGES_MAX : settings.messagesMax)) return -EINVAL;
  if (messageSize > (isPrivileged ? HARD_SIZE_MAX : settings.messageSizeMax)) return -EINVAL;
  return maxMessages * messageSize > QUEUE_BYTES_MAX ? -EINVAL : { maxMessages, messageSize };
}

function sysMqOpen(task: Task, nameAddr: number, flags: number, mode: number, attrAddr: number): number {
  const mqueue = mqueueOf(task);
  if (mqueue === undefined) return -ENOSYS;
  const { creds } = task;
  const { root, mount } = mqueue;
  const isMade = (flags & O_CREAT) !== 0;
  if (isMade && attrAddr !== 0 && typeof task.mem.readBytes(attrAddr, ATTR_SIZE) === 'number') return -EFAULT;
  const name = readName(task, nameAddr);
  if (typeof name === 'number') return name;
  const searched = checkPermission(root, creds, MAY_EXEC);
  if (searched < 0) return searched;
  let inode = root.lookup(name);
  if (typeof inode === 'number') {
    if (!isMade) return -ENOENT;
    const wanted = readShape(task, attrAddr);
    const refused = checkPermission(root, creds, MAY_WRITE | MAY_EXEC);
    if (refused < 0) return refused;
    if (typeof wanted === 'number') return wanted;
    const bits = S_IFREG | (mode & 0o777 & ~task.fs.umask);
    inode = root.makeQueue(task, name, bits, creds.fsuid, creds.fsgid, wanted);
    if (typeof inode === 'number') return inode;
  } else {
    if (isMade && (flags & O_EXCL) !== 0) return -EEXIST;
    const access = flags & O_ACCMODE;
    if (access === O_ACCMODE) return -EINVAL;
    const mask = access === O_RDONLY ? MAY_READ : access === O_WRONLY ? MAY_WRITE : MAY_READ | MAY_WRITE;
    const refused = checkPermission(inode, creds, mask);
    if (refused < 0) return refused;
  }
  if (!(inode instanceof MqueueInode)) return -EINVAL;
  const path = { mount, dentry: new Dentry(name, mount.root, inode) };
  return installNew(task, new MqueueFile(path, flags & (O_ACCMODE | O_NONBLOCK), inode), true);
}

function sysMqUnlink(task: Task, nameAddr: number): number {
  const root = mqueueOf(task)?.root;
  if (root === undefined) return -ENOSYS;
  const name = readName(task, nameAddr);
  if (typeof name === 'number') return name;
  const inode = root.lookup(name);
  if (typeof inode === 'number') return inode;
  const refused = checkDelete(root, inode, task.creds);
  return refused < 0 ? refused : root.unlink(name);
}

/** The queue of a descriptor, unless it is open in `refusedMode` only; else -EBADF. */
function queueFor(task: Task, fd: number, refusedMode: number): MqueueFile | number {
  const file = task.files.get(fd);
  if (!(file instanceof MqueueFile) || (file.flags & O_ACCMODE) === refusedMode) return -EBADF;
  return file;
}

/** The moment a struct timespec names, Infinity without one, or -errno. */
function deadline(task: Task, addr: number): number {
  if (addr === 0) return Infinity;
  const failed = readTimespec(task.mem, addr, time);
  return failed < 0 ? failed : Math.max(0, deadlineOf(task.kernel.clock, CLOCK_REALTIME, time));
}

function sysMqTimedsend(
  task: Task,
  fd: number,
  addr: number,
  length: number,
  priority: number,
  timeoutAddr: number,
): number | Promise<number> {
  const until = deadline(task, timeoutAddr);
  if (until < 0) return until;
  if (priority >= MQ_PRIO_MAX) return -EINVAL;
  const file = queueFor(task, fd, O_RDONLY);
  if (typeof file === 'number') return file;
  const { queue } = file.inode;
  if (length > queue.messageSize) return -EMSGSIZE;
  const bytes = length === 0 ? new Uint8Array(0) : task.mem.readBytes(addr, length);
  if (typeof bytes === 'number') return bytes;
  const message = { priority, bytes: bytes.slice() };
  const attempt = (): number => queue.send(task, message);
  const result = attempt();
  if (result !== -EAGAIN || (file.flags & O_NONBLOCK) !== 0) return result;
  file.ref();
  return blockOn(task, queue.queue, WRITABLE, attempt, until).finally(() => file.unref());
}

function sysMqTimedreceive(
  task: Task,
  fd: number,
  addr: number,
  length: number,
  priorityAddr: number,
  timeoutAddr: number,
): number | Promise<number> {
  const until = deadline(task, timeoutAddr);
  if (until < 0) return until;
  const file = queueFor(task, fd, O_WRONLY);
  if (typeof file === 'number') return file;
  const { queue } = file.inode;
  if (length < queue.messageSize) return -EMSGSIZE;
  const attempt = (): number => takeMessage(task, queue, addr, priorityAddr);
  const result = attempt();
  if (result !== -EAGAIN || (file.flags & O_NONBLOCK) !== 0) return result;
  file.ref();
  queue.sleepingReceivers += 1;
  return blockOn(task, queue.queue, READABLE, attempt, until).finally(() => {
    queue.sleepingReceivers -= 1;
    file.unref();
  });
}

function takeMessage(task: Task, queue: PosixQueue, addr: number, priorityAddr: number): number {
  const message = queue.receive();
  if (message === null) return -EAGAIN;
  const { bytes, priority } = message;
  if (priorityAddr !== 0 && task.mem.writeU32(priorityAddr, priority) < 0) return -EFAULT;
  return task.mem.write(addr, bytes, 0, bytes.length) < 0 ? -EFAULT : bytes.length;
}

function sysMqNotify(task: Task, fd: number, eventAddr: number): number {
  const event = eventAddr === 0 ? null : task.mem.readBytes(eventAddr, SIGEVENT_SIZE);
  if (typeof event === 'number') return -EFAULT;
  const listener = event === null ? null : makeListener(task, event);
  if (typeof listener === 'number') return listener;
  const file = task.files.get(fd);
  if (!(file instanceof MqueueFile)) return -EBADF;
  const { queue } = file.inode;
  if (listener !== null) return queue.listen(listener);
  if (queue.listener?.pid === task.pid) queue.unlisten();
  return 0;
}

/** From a struct sigevent: the value, the signal (for SIGEV_THREAD a netlink socket), how. */
function makeListener(task: Task, event: Uint8Array): QueueListener | number {
  const view = new DataView(event.buffer, event.byteOffset, event.length);
  const valueLo = view.getUint32(0, true);
  const valueHi = view.getUint32(4, true);
  const signo = view.getInt32(8, true);
  const how = view.getInt32(12, true);
  const base = { pid: task.pid, files: task.files, how, signo };
  const { group } = task;
  if (how === SIGEV_NONE) return { ...base, tell: () => {}, removed: () => {} };
  if (how === SIGEV_SIGNAL) {
    if (signo < 0 || signo > NSIG) return -EINVAL;
    const tell = (sender: Task): void => {
      const info = new SigInfo(signo, SI_MESGQ, sender.pid, sender.creds.uid);
      info.valueLo = valueLo;
      info.valueHi = valueHi;
      if (signo > 0) sendSignalToGroup(group, info);
    };
    return { ...base, tell, removed: () => {} };
  }
  if (how !== SIGEV_THREAD) return -EINVAL;
  const cookie = task.mem.readBytes(valueLo + valueHi * 2 ** 32, COOKIE_SIZE);
  if (typeof cookie === 'number') return -EFAULT;
  const socket = task.files.get(signo);
  if (!(socket instanceof NetlinkSocket)) return -EBADF;
  const send = (what: number): void => {
    const message = cookie.slice();
    message[COOKIE_SIZE - 1] = what;
    socket.deliver(message);
  };
  return { ...base, tell: () => send(WOKEN_UP), removed: () => send(REMOVED) };
}

function sysMqGetsetattr(task: Task, fd: number, newAddr: number, oldAddr: number): number {
  const wanted = newAddr === 0 ? null : task.mem.readBytes(newAddr, ATTR_SIZE);
  if (typeof wanted === 'number') return -EFAULT;
  const flags =
    wanted === null ? null : Number(new DataView(wanted.buffer, wanted.byteOffset, ATTR_SIZE).getBigInt64(0, true));
  if (flags !== null && flags !== 0 && flags !== O_NONBLOCK) return -EINVAL;
  const file = task.files.get(fd);
  if (!(file instanceof MqueueFile)) return -EBADF;
  const { queue } = file.inode;
  const attributes = new Uint8Array(ATTR_SIZE);
  const view = new DataView(attributes.buffer);
  const values = [file.flags & O_NONBLOCK, queue.maxMessages, queue.messageSize, queue.length];
  for (const [i, value] of values.entries()) view.setUint32(i * 8, value, true);
  if (flags !== null) file.flags = (file.flags & ~O_NONBLOCK) | flags;
  return oldAddr === 0 ? 0 : task.mem.write(oldAddr, attributes, 0, ATTR_SIZE);
}

export const mqueueSyscalls: readonly SyscallDef[] = [
  full(240, 'mq_open', ['str', 'openflags', 'mode', 'ptr'], sysMqOpen),
  full(241, 'mq_unlink', ['str'], sysMqUnlink),
  full(242, 'mq_timedsend', ['fd', 'buf', 'size', 'uint', 'timespec'], sysMqTimedsend),
  full(243, 'mq_timedreceive', ['fd', 'outbuf', 'size', 'int*', 'timespec'], sysMqTimedreceive),
  full(244, 'mq_notify', ['fd', 'ptr'], sysMqNotify),
  full(245, 'mq_getsetattr', ['fd', 'ptr', 'ptr'], sysMqGetsetattr),
];
