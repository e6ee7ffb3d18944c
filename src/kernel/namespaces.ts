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

/**
 * Namespaces (namespaces(7)). A process never changes its own: unshare refuses, and setns can only lead back to them. Containers of one
 * sandbox share some and have others of their own. What is kept for a namespace is kept under this object.
 *
 * The inode numbers of the first container's are those of Linux' initial namespaces (linux/proc_ns.h).
 */
const FIRST_INODES = {
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

  constructor(name: NamespaceName, inode: number) {
    this.name = name;
    this.inode = inode;
  }
}

export type Namespaces = Readonly<Record<NamespaceName, Namespace>>;

/** Those of a sandbox's first container. */
export function firstNamespaces(): Namespaces {
  const make = (name: NamespaceName): Namespace => new Namespace(name, FIRST_INODES[name]);
  const pid = make('pid');
  const time = make('time');
  return {
    cgroup: make('cgroup'),
    ipc: make('ipc'),
    mnt: make('mnt'),
    net: make('net'),
    pid,
    pid_for_children: pid,
    time,
    time_for_children: time,
    user: make('user'),
    uts: make('uts'),
  };
}

/** Linux gives later ones numbers from here on (PROC_DYNAMIC_FIRST and what a kernel makes at boot). */
let nextInode = 4026532000;

/** Those of another container, which shares all but the ones named with the first. */
export function furtherNamespaces(first: Namespaces, own: readonly NamespaceName[]): Namespaces {
  const made: Record<NamespaceName, Namespace> = { ...first };
  for (const name of own) made[name] = new Namespace(name, nextInode++);
  return { ...made, pid_for_children: made.pid, time_for_children: made.time };
}
