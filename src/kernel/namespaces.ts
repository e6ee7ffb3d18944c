/**
 * The namespaces every task is in: one of each kind, never changed (unshare and setns refuse). Their inode numbers are
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

export type NamespaceName = keyof typeof NAMESPACE_INODES;
