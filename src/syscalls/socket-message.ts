/** struct msghdr, its vectors and its control messages, between guest and kernel (sendmsg(2), cmsg(3)). */
import { EBADF, EFAULT, EINVAL, EMSGSIZE, EPERM, ETOOMANYREFS } from '../abi/errno.ts';
import { RLIMIT_NOFILE } from '../abi/resource.ts';
import {
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  SCM_CREDENTIALS,
  SCM_MAX_FD,
  SCM_RIGHTS,
  SO_TIMESTAMPNS,
  SO_TIMESTAMPNS_NEW,
  SOL_SOCKET,
} from '../abi/socket.ts';
import type { Task } from '../kernel/task.ts';
import {
  type Ancillary,
  NO_ANCILLARY,
  type PacketChoice,
  type PeerCredentials,
  type Received,
  type Socket,
} from '../net/socket.ts';
import { collect, filesInFlight, filesInFlightOf } from '../net/unix/in-flight.ts';
import type { File } from '../vfs/file.ts';

export const MSGHDR_SIZE = 56;
const IOV_SIZE = 16;
const IOV_MAX = 1024;
const CLOCK_REALTIME = 0;
const CMSG_HEADER = 16;
const UCRED_SIZE = 12;
/** /proc/sys/net/core/optmem_max: longer control data gives ENOBUFS on Linux; nothing valid is this long. */
const MAX_CONTROL = 20480;
const WORD = 0x1_0000_0000;
const CAP_SYS_ADMIN = 21;
const CAP_SYS_RESOURCE = 24;
/** Of all users; Linux leaves those with capabilities without a limit, but the memory is the sentry's. */
const MAX_IN_FLIGHT = 65536;

export interface IoVector {
  readonly addr: number;
  readonly length: number;
}

export interface MessageHeader {
  readonly name: number;
  readonly nameLength: number;
  readonly iov: readonly IoVector[];
  /** Bytes of all vectors. */
  readonly total: number;
  readonly control: number;
  readonly controlLength: number;
}

function u64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * WORD + view.getUint32(at, true);
}

/** The struct msghdr at `addr`, or -errno. */
export function readMessageHeader(task: Task, addr: number): MessageHeader | number {
  const bytes = task.mem.readBytes(addr, MSGHDR_SIZE);
  if (typeof bytes === 'number') return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, MSGHDR_SIZE);
  const name = u64(view, 0);
  const nameLength = view.getInt32(8, true);
  if (name !== 0 && nameLength < 0) return -EINVAL;
  const count = u64(view, 24);
  if (count > IOV_MAX) return -EMSGSIZE;
  const iovBytes = count === 0 ? new Uint8Array(0) : task.mem.readBytes(u64(view, 16), count * IOV_SIZE);
  if (typeof iovBytes === 'number') return iovBytes;
  const iovView = new DataView(iovBytes.buffer, iovBytes.byteOffset, iovBytes.length);
  const iov: IoVector[] = [];
  let total = 0;
  for (let at = 0; at < iovBytes.length; at += IOV_SIZE) {
    const length = u64(iovView, at + 8);
    if (length > Number.MAX_SAFE_INTEGER) return -EINVAL;
    iov.push({ addr: u64(iovView, at), length });
    total += length;
  }
  return { name, nameLength, iov, total, control: u64(view, 32), controlLength: u64(view, 40) };
}

/** Copies guest bytes from `skip` on into `dst`: how many, or -EFAULT. */
export function gather(task: Task, iov: readonly IoVector[], skip: number, dst: Uint8Array, max: number): number {
  let done = 0;
  let left = skip;
  for (const { addr, length } of iov) {
    if (left >= length) {
      left -= length;
      continue;
    }
    const n = Math.min(length - left, max - done);
    if (n > 0 && task.mem.readInto(addr + left, dst, done, n) < 0) return done > 0 ? done : -EFAULT;
    done += n;
    left = 0;
    if (done === max) break;
  }
  return done;
}

/** Copies `length` bytes to the guest, `skip` bytes into its vectors: 0 or -EFAULT. */
export function scatter(task: Task, iov: readonly IoVector[], skip: number, src: Uint8Array, length: number): number {
  let done = 0;
  let left = skip;
  for (const vector of iov) {
    if (left >= vector.length) {
      left -= vector.length;
      continue;
    }
    const n = Math.min(vector.length - left, length - done);
    if (n > 0 && task.mem.write(vector.addr + left, src, done, n) < 0) return -EFAULT;
    done += n;
    left = 0;
    if (done === length) break;
  }
  return 0;
}

/** The control messages of a send (__scm_send): with references of its own to the files, or -errno. */
export function readAncillary(task: Task, socket: Socket, header: MessageHeader): Ancillary | number {
  if (header.control === 0 || header.controlLength === 0) return NO_ANCILLARY;
  if (header.controlLength > MAX_CONTROL) return -EINVAL;
  const bytes = task.mem.readBytes(header.control, header.controlLength);
  if (typeof bytes === 'number') return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const rights: File[] = [];
  let credentials: PeerCredentials | null = null;
  const choice: PacketChoice = { source: null, ttl: -1, tos: -1, control: [] };
  for (let at = 0; at + CMSG_HEADER <= bytes.length; ) {
    const length = u64(view, at);
    if (length < CMSG_HEADER || length > bytes.length - at) return -EINVAL;
    const data = at + CMSG_HEADER;
    const size = length - CMSG_HEADER;
    const level = view.getInt32(at + 8, true);
    const type = view.getInt32(at + 12, true);
    if (level !== SOL_SOCKET) {
      const refused = socket.takeControl(
        level,
        type,
        new DataView(bytes.buffer, bytes.byteOffset + data, size),
        choice,
      );
      if (refused < 0) return refused;
    } else {
      if (type === SCM_RIGHTS) {
        const count = Math.floor(size / 4);
        if (rights.length + count > SCM_MAX_FD) return -EINVAL;
        for (let i = 0; i < count; i++) {
          const file = task.files.get(view.getInt32(data + 4 * i, true));
          if (file === undefined) return -EBADF;
          rights.push(file);
        }
      } else if (type === SCM_CREDENTIALS) {
        if (size !== UCRED_SIZE) return -EINVAL;
        credentials = {
          pid: view.getInt32(data, true),
          uid: view.getUint32(data + 4, true),
          gid: view.getUint32(data + 8, true),
        };
        if (!mayClaim(task, credentials)) return -EPERM;
      } else return -EINVAL;
    }
    at += Math.ceil(length / 8) * 8;
  }
  if (rights.length > 0 && areTooMany(task)) return -ETOOMANYREFS;
  // References only now, when nothing can fail any more.
  for (const file of rights) file.ref();
  return { rights, credentials, sender: task.creds.uid, choice };
}

/** too_many_unix_fds: whether the user has more files in flight than may be open. */
function areTooMany({ creds, group }: Task): boolean {
  const limit = group.limits.soft(RLIMIT_NOFILE);
  if (filesInFlight() > MAX_IN_FLIGHT) return true;
  if (filesInFlightOf(creds.uid) <= limit) return false;
  collect();
  if (filesInFlightOf(creds.uid) <= limit) return false;
  return !creds.hasCapability(CAP_SYS_RESOURCE) && !creds.hasCapability(CAP_SYS_ADMIN);
}

/** scm_check_creds: one's own ids, or anyone's with the capability. */
function mayClaim(task: Task, { pid, uid, gid }: PeerCredentials): boolean {
  const { creds } = task;
  if (creds.hasCapability(CAP_SYS_ADMIN)) return true;
  const isOwnUid = uid === creds.uid || uid === creds.euid || uid === creds.suid;
  const isOwnGid = gid === creds.gid || gid === creds.egid || gid === creds.sgid;
  return pid === task.pid && isOwnUid && isOwnGid;
}

const word = new Uint8Array(8);
const wordView = new DataView(word.buffer);

/** Writes a received sockaddr and its length (move_addr_to_user): 0 or -errno. */
export function writeName(task: Task, name: Uint8Array, addr: number, room: number, lengthAddr: number): number {
  if (room < 0) return -EINVAL;
  const n = Math.min(room, name.length);
  if (n > 0 && task.mem.write(addr, name, 0, n) < 0) return -EFAULT;
  return lengthAddr === 0 ? 0 : task.mem.writeU32(lengthAddr, name.length);
}

/** Control messages on their way to the guest's buffer (put_cmsg). */
class ControlBuffer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  used = 0;
  /** MSG_CTRUNC when something found no room. */
  flags = 0;

  constructor(room: number) {
    this.bytes = new Uint8Array(room);
    this.view = new DataView(this.bytes.buffer);
  }

  get room(): number {
    return this.bytes.length - this.used;
  }

  /** As much of it as there is room for. */
  put(level: number, type: number, data: Uint8Array): void {
    if (this.room < CMSG_HEADER + data.length) this.flags |= MSG_CTRUNC;
    if (this.room < CMSG_HEADER) return;
    const n = Math.min(data.length, this.room - CMSG_HEADER);
    this.bytes.set(data.subarray(0, n), this.used + CMSG_HEADER);
    this.finish(level, type, n);
  }

  /** The data is there; the header goes before it. */
  finish(level: number, type: number, dataLength: number): void {
    const length = CMSG_HEADER + dataLength;
    this.view.setUint32(this.used, length, true);
    this.view.setInt32(this.used + 8, level, true);
    this.view.setInt32(this.used + 12, type, true);
    this.used = Math.min(this.bytes.length, this.used + Math.ceil(length / 8) * 8);
  }
}

/** When it came: with SO_TIMESTAMP a struct timeval, with SO_TIMESTAMPNS a struct timespec. */
function putTimestamp(task: Task, socket: Socket, received: Received, out: ControlBuffer): void {
  const type = socket.timestampOption;
  let time = received.packet?.time ?? null;
  if (time === null) {
    // It came before anybody asked.
    time = { sec: 0, nsec: 0 };
    task.kernel.clock.read(CLOCK_REALTIME, time);
  }
  const isFine = type === SO_TIMESTAMPNS || type === SO_TIMESTAMPNS_NEW;
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(0, BigInt(time.sec), true);
  view.setBigInt64(8, BigInt(isFine ? time.nsec : Math.floor(time.nsec / 1000)), true);
  out.put(SOL_SOCKET, type, bytes);
}

function putCredentials({ credentials }: Received, out: ControlBuffer): void {
  const { pid, uid, gid } = credentials ?? { pid: 0, uid: 65534, gid: 65534 };
  const bytes = new Uint8Array(UCRED_SIZE);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, pid, true);
  view.setUint32(4, uid, true);
  view.setUint32(8, gid, true);
  out.put(SOL_SOCKET, SCM_CREDENTIALS, bytes);
}

/** New descriptors for the files, as many as there is room for (scm_detach_fds). */
function putRights(task: Task, received: Received, isCloexec: boolean, out: ControlBuffer): void {
  const fits = Math.max(0, Math.floor((out.room - CMSG_HEADER) / 4));
  let count = 0;
  for (const file of received.rights) {
    const fd = count < fits ? task.files.install(file, isCloexec) : -1;
    if (fd < 0) {
      file.unref();
      out.flags |= MSG_CTRUNC;
      continue;
    }
    out.view.setInt32(out.used + CMSG_HEADER + 4 * count, fd, true);
    count += 1;
  }
  received.rights = [];
  if (count > 0) out.finish(SOL_SOCKET, SCM_RIGHTS, 4 * count);
}

/**
 * Gives the guest what came with a message: what it has asked to know, credentials, descriptors for the files. Takes over the
 * references in `received`. MSG_* flags for msg_flags, or -EFAULT; the length that was used goes to `lengthAddr`.
 */
export function writeAncillary(
  task: Task,
  socket: Socket,
  header: MessageHeader,
  received: Received,
  flags: number,
  lengthAddr: number,
): number {
  const out = new ControlBuffer(header.control === 0 ? 0 : Math.min(header.controlLength, MAX_CONTROL));
  if (socket.timestampOption !== 0 && socket.hasTimestamps) putTimestamp(task, socket, received, out);
  for (const { level, type, bytes } of socket.controlMessages(received)) out.put(level, type, bytes);
  if (socket.isPassingCredentials) putCredentials(received, out);
  if (received.rights.length > 0) putRights(task, received, (flags & MSG_CMSG_CLOEXEC) !== 0, out);
  if (out.used > 0 && task.mem.write(header.control, out.bytes, 0, out.used) < 0) return -EFAULT;
  wordView.setUint32(0, out.used, true);
  wordView.setUint32(4, 0, true);
  return task.mem.write(lengthAddr, word, 0, 8) < 0 ? -EFAULT : out.flags;
}
