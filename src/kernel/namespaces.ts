/**
 * Namespaces (namespaces(7)). Containers of one sandbox share some and have others of their own; a process can have new ones for mounts, names
 * of the host, System V and POSIX IPC and control groups (new-namespaces.ts). What is kept for a namespace is kept under its object.
 */
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
} from '../abi/clone.ts';
import type { Mount } from '../vfs/mount.ts';
import type { UtsName } from './uts.ts';

/** The inode numbers of the first container's are those of Linux' initial namespaces (linux/proc_ns.h). */
export const FIRST_INODES = {
  cgroup: 4026531835,
  ipc: 4026531839,
  mnt: 4026531841,
  net: 4026531840,
  pid: 4026531836,
  pid_for_children: 4026531836,
  time: 4026531834,
  time_for_children: 4026531834,
  user: 4026531837,
  uts: 4026531838,
} as const;

/** The flag of clone(2) and setns(2) for each. */
export const NAMESPACE_FLAGS = {
  cgroup: CLONE_NEWCGROUP,
  ipc: CLONE_NEWIPC,
  mnt: CLONE_NEWNS,
  net: CLONE_NEWNET,
  pid: CLONE_NEWPID,
  pid_for_children: CLONE_NEWPID,
  time: CLONE_NEWTIME,
  time_for_children: CLONE_NEWTIME,
  user: CLONE_NEWUSER,
  uts: CLONE_NEWUTS,
} as const;

export type NamespaceName = keyof typeof FIRST_INODES;

export class Namespace {
  readonly name: NamespaceName;
  readonly inode: number;
  /** Tasks in it and open files of it; a container counts for one in its own. */
  #users = 1;
  readonly #ends: (() => void)[] = [];

  constructor(name: NamespaceName, inode: number) {
    this.name = name;
    this.inode = inode;
  }

  hold(): void {
    this.#users += 1;
  }

  release(): void {
    this.#users -= 1;
    if (this.#users === 0) for (const end of this.#ends) end();
  }

  /** Calls back when nobody is in it or has it open any more. */
  onEnd(callback: () => void): void {
    this.#ends.push(callback);
  }
}

export class UtsNamespace extends Namespace {
  readonly names: UtsName;

  constructor(inode: number, names: UtsName) {
    super('uts', inode);
    this.names = names;
  }
}

/** What a tree of mounts is made of is the VFS' (vfs/mount-namespace.ts). */
export abstract class MountNamespace extends Namespace {
  /** The top of its tree. */
  root: Mount;

  constructor(inode: number, root: Mount) {
    super('mnt', inode);
    this.root = root;
  }

  /** One more with the same mounts, and what has become of each; -ENOSPC when they are too many. */
  abstract copy(): { readonly namespace: MountNamespace; readonly moved: ReadonlyMap<Mount, Mount> } | number;
}

export interface Namespaces extends Readonly<Record<Exclude<NamespaceName, 'uts' | 'mnt'>, Namespace>> {
  readonly uts: UtsNamespace;
  readonly mnt: MountNamespace;
}

/** Those of a sandbox's first container. */
export function firstNamespaces(mnt: MountNamespace, names: UtsName): Namespaces {
  const make = (name: NamespaceName): Namespace => new Namespace(name, FIRST_INODES[name]);
  const pid = make('pid');
  const time = make('time');
  return {
    cgroup: make('cgroup'),
    ipc: make('ipc'),
    mnt,
    net: make('net'),
    pid,
    pid_for_children: pid,
    time,
    time_for_children: time,
    user: make('user'),
    uts: new UtsNamespace(FIRST_INODES.uts, names),
  };
}

/** Linux gives later ones numbers from here on (PROC_DYNAMIC_FIRST and what a kernel makes at boot). */
let nextInode = 4026532000;

export function newInode(): number {
  nextInode += 1;
  return nextInode;
}

/** Those of another container, which shares all with the first but the mounts and what is given. */
export function furtherNamespaces(
  first: Namespaces,
  mnt: MountNamespace,
  names: UtsName | null,
  own: readonly ('pid' | 'ipc')[],
): Namespaces {
  const made: Partial<Record<'pid' | 'ipc', Namespace>> = {};
  for (const name of own) made[name] = new Namespace(name, newInode());
  const uts = names === null ? first.uts : new UtsNamespace(newInode(), names);
  return { ...first, ...made, uts, mnt, pid_for_children: made.pid ?? first.pid };
}
