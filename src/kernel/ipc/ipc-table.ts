/** Objects of System V IPC by key and by identifier, and who may use them (Linux: ipc/util.c; sysvipc(7)). */
import { CAP_IPC_OWNER, CAP_SYS_ADMIN } from '../../abi/capability.ts';
import { EACCES, EEXIST, EINVAL, ENOENT, ENOSPC, EPERM } from '../../abi/errno.ts';
import { IPC_CREAT, IPC_EXCL, IPC_PRIVATE } from '../../abi/ipc.ts';
import type { Task } from '../task.ts';

/** Identifiers are a sequence number times this, plus the index. */
const SEQUENCE_STEP = 32768;
const SEQUENCE_END = 65535;
/** Indices go round over at least so many places, so that one is not used anew at once (Linux: ipc_min_cycle). */
const MIN_CYCLE = 64;
export const PERMISSION_SIZE = 48;

/** What the three kinds have in common (struct ipc64_perm). */
export abstract class IpcObject {
  key: number;
  uid: number;
  gid: number;
  readonly cuid: number;
  readonly cgid: number;
  mode: number;
  /** Given when it is entered into its table. */
  id = -1;
  changedSec: number;
  isRemoved = false;

  constructor(task: Task, key: number, mode: number) {
    this.key = key;
    this.uid = task.creds.euid;
    this.gid = task.creds.egid;
    this.cuid = task.creds.euid;
    this.cgid = task.creds.egid;
    this.mode = mode & 0o777;
    this.changedSec = nowSec(task);
  }
}

const now = { sec: 0, nsec: 0 };

export function nowSec(task: Task): number {
  task.kernel.clock.read(0, now);
  return now.sec;
}

/** Whether the task may do what `flags` ask for, in any of their three places: 0 or -EACCES (ipcperms). */
export function checkAccess(task: Task, object: IpcObject, flags: number): number {
  const { creds } = task;
  const wanted = ((flags >> 6) | (flags >> 3) | flags) & 7;
  let granted = object.mode;
  if (creds.euid === object.cuid || creds.euid === object.uid) granted >>= 6;
  else if (creds.isInEffectiveGroup(object.cgid) || creds.isInEffectiveGroup(object.gid)) granted >>= 3;
  return (wanted & ~granted & 7) === 0 || creds.hasCapability(CAP_IPC_OWNER) ? 0 : -EACCES;
}

/** Whether the task may change or remove the object: 0 or -EPERM. */
export function checkOwnership(task: Task, object: IpcObject): number {
  const { creds } = task;
  const isOwner = creds.euid === object.cuid || creds.euid === object.uid;
  return isOwner || creds.hasCapability(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

/** Writes a struct ipc64_perm to the beginning of `view`. */
export function putPermission(view: DataView, object: IpcObject): void {
  view.setInt32(0, object.key, true);
  view.setUint32(4, object.uid, true);
  view.setUint32(8, object.gid, true);
  view.setUint32(12, object.cuid, true);
  view.setUint32(16, object.cgid, true);
  view.setUint32(20, object.mode, true);
  view.setUint16(24, Math.floor(object.id / SEQUENCE_STEP), true);
}

/** IPC_SET: owner, group and permission bits, from a struct ipc64_perm. */
export function takePermission(task: Task, view: DataView, object: IpcObject): void {
  object.uid = view.getUint32(4, true);
  object.gid = view.getUint32(8, true);
  object.mode = (object.mode & ~0o777) | (view.getUint32(20, true) & 0o777);
  object.changedSec = nowSec(task);
}

export class IpcTable<T extends IpcObject> {
  readonly #slots: (T | undefined)[] = [];
  readonly #limit: () => number;
  #sequence = 0;
  #lastIndex = -1;
  #count = 0;

  /** @param limit on the number of objects, now (SEMMNI, MSGMNI, SHMMNI) */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  get count(): number {
    return this.#count;
  }

  /** The highest index in use; 0 when there is none. */
  get highestIndex(): number {
    return Math.max(0, this.#slots.length - 1);
  }

  /**
   * semget(2) and relatives: the object of a key, a new one, or -errno.
   *
   * @param check refuses an object that exists and does not fit the call
   */
  get(task: Task, key: number, flags: number, check: (object: T) => number, make: () => T | number): T | number {
    const found = key === IPC_PRIVATE ? undefined : this.#slots.find((each) => each?.key === key);
    if (found === undefined) {
      if (key !== IPC_PRIVATE && (flags & IPC_CREAT) === 0) return -ENOENT;
      return this.#add(make);
    }
    if ((flags & IPC_CREAT) !== 0 && (flags & IPC_EXCL) !== 0) return -EEXIST;
    const refused = check(found);
    if (refused < 0) return refused;
    const denied = checkAccess(task, found, flags);
    return denied < 0 ? denied : found;
  }

  #add(make: () => T | number): T | number {
    if (this.#count >= this.#limit()) return -ENOSPC;
    const object = make();
    if (typeof object === 'number') return object;
    const index = this.#freeIndex();
    while (this.#slots.length <= index) this.#slots.push(undefined);
    this.#slots[index] = object;
    // The sequence number changes with each round (Linux: ipc_idr_alloc).
    if (index <= this.#lastIndex) this.#sequence = (this.#sequence + 1) % SEQUENCE_END;
    this.#lastIndex = index;
    object.id = this.#sequence * SEQUENCE_STEP + index;
    this.#count += 1;
    return object;
  }

  /** The next one after the last that was given. There is one, for there are more places than objects. */
  #freeIndex(): number {
    const end = Math.max(MIN_CYCLE, Math.floor((this.#count * 3) / 2));
    let index = this.#lastIndex + 1;
    if (index >= end) index = 0;
    while (this.#slots[index] !== undefined) index = index + 1 < end ? index + 1 : 0;
    return index;
  }

  /** By identifier, or -EINVAL. */
  find(id: number): T | number {
    const object = id < 0 ? undefined : this.#slots[id % SEQUENCE_STEP];
    return object !== undefined && object.id === id ? object : -EINVAL;
  }

  /** By index, for the calls that list all. */
  at(index: number): T | number {
    return this.#slots[index] ?? -EINVAL;
  }

  remove(object: T): void {
    const index = object.id % SEQUENCE_STEP;
    if (this.#slots[index] !== object) return;
    this.#slots[index] = undefined;
    while (this.#slots.length > 0 && this.#slots.at(-1) === undefined) this.#slots.pop();
    this.#count -= 1;
    object.isRemoved = true;
  }

  *all(): IterableIterator<T> {
    for (const object of this.#slots) if (object !== undefined) yield object;
  }
}
