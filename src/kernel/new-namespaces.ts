/** Namespaces of a task's own: clone(2), unshare(2) and setns(2) (Linux: copy_namespaces, kernel/nsproxy.c). */
import { CAP_SYS_ADMIN } from '../abi/capability.ts';
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
import { EPERM } from '../abi/errno.ts';
import type { FsContext } from '../vfs/fs-context.ts';
import type { Mount } from '../vfs/mount.ts';
import { undoSemaphores } from './ipc/semaphores.ts';
import { Namespace, type Namespaces, newInode, UtsNamespace } from './namespaces.ts';
import type { Task } from './task.ts';
import { UtsName } from './uts.ts';

/** Those a process can have anew; processes, networks, users and clocks are the container's. */
export const NEW_KINDS = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
export const ALL_KINDS = NEW_KINDS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME;

/** Whether the task may have the namespaces of `flags` anew: 0 or -EPERM. */
export function checkNewNamespaces(task: Task, flags: number): number {
  if ((flags & ALL_KINDS) === 0) return 0;
  return (flags & ALL_KINDS & ~NEW_KINDS) === 0 && task.creds.hasCapability(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

export interface NewNamespaces {
  readonly namespaces: Namespaces;
  /** What has become of each mount when the tree is a copy. */
  readonly moved: ReadonlyMap<Mount, Mount> | null;
}

/** New ones of the kinds in `flags`, the others as in `old`; each counts one user. -errno when the mounts are too many. */
export function makeNamespaces(old: Namespaces, flags: number): NewNamespaces | number {
  const mounts = (flags & CLONE_NEWNS) === 0 ? null : old.mnt.copy();
  if (typeof mounts === 'number') return mounts;
  const { nodename, domainname } = old.uts.names;
  const namespaces: Namespaces = {
    ...old,
    mnt: mounts === null ? old.mnt : mounts.namespace,
    uts: (flags & CLONE_NEWUTS) === 0 ? old.uts : new UtsNamespace(newInode(), new UtsName(nodename, domainname)),
    ipc: (flags & CLONE_NEWIPC) === 0 ? old.ipc : new Namespace('ipc', newInode()),
    cgroup: (flags & CLONE_NEWCGROUP) === 0 ? old.cgroup : new Namespace('cgroup', newInode()),
  };
  for (const name of COUNTED) if (namespaces[name] === old[name]) namespaces[name].hold();
  return { namespaces, moved: mounts === null ? null : mounts.moved };
}

/** Root and working directory are where they were, in the copies of their mounts. */
export function moveFsContext(fs: FsContext, moved: ReadonlyMap<Mount, Mount>): void {
  const { root, cwd } = fs;
  fs.root = { mount: moved.get(root.mount) ?? root.mount, dentry: root.dentry };
  fs.cwd = { mount: moved.get(cwd.mount) ?? cwd.mount, dentry: cwd.dentry };
}

const COUNTED = ['mnt', 'uts', 'ipc', 'cgroup'] as const;

export function holdNamespaces(namespaces: Namespaces): void {
  for (const name of COUNTED) namespaces[name].hold();
}

export function releaseNamespaces(namespaces: Namespaces): void {
  for (const name of COUNTED) namespaces[name].release();
}

/** The task goes into these, which count it already. What its process has to undo of semaphores is undone before it leaves them. */
export function switchNamespaces(task: Task, namespaces: Namespaces): void {
  const old = task.namespaces;
  if (namespaces.ipc !== old.ipc) undoSemaphores(task.group);
  task.namespaces = namespaces;
  releaseNamespaces(old);
}
