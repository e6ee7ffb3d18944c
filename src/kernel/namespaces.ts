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
 * The namespaces every task is in: one of each kind, never changed (unshare refuses; setns can only lead back to them). Their inode numbers are
 * those of Linux' initial namespaces (linux/proc_ns.h), for /proc/PID/ns and the ns ioctls.
 */
export const NAMESPACE_INODES = {
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

export type NamespaceName = keyof typeof NAMESPACE_INODES;
