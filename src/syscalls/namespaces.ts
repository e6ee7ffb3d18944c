/** unshare(2) and setns(2): what a task stops sharing, and the namespaces it goes to. */
import { CAP_SYS_ADMIN, CAP_SYS_CHROOT } from '../abi/capability.ts';
import {
  CLONE_FILES,
  CLONE_FS,
  CLONE_NEWIPC,
  CLONE_NEWNS,
  CLONE_NEWUSER,
  CLONE_SIGHAND,
  CLONE_SYSVSEM,
  CLONE_THREAD,
  CLONE_VM,
} from '../abi/clone.ts';
import { EBADF, EINVAL, EPERM, ESRCH } from '../abi/errno.ts';
import { NamespaceFile } from '../fs/anon/namespace-inode.ts';
import { PidfdFile } from '../fs/pidfd/pidfd-file.ts';
import { undoSemaphores } from '../kernel/ipc/semaphores.ts';
import { type MountNamespace, NAMESPACE_FLAGS, type NamespaceName, type Namespaces } from '../kernel/namespaces.ts';
import {
  ALL_KINDS,
  checkNewNamespaces,
  holdNamespaces,
  makeNamespaces,
  moveFsContext,
  NEW_KINDS,
  switchNamespaces,
} from '../kernel/new-namespaces.ts';
import type { Task } from '../kernel/task.ts';
import { uppermost } from '../vfs/mount.ts';
import { full, partial, type SyscallDef } from './define.ts';

const SHARING = CLONE_THREAD | CLONE_FS | CLONE_VM | CLONE_SIGHAND | CLONE_FILES | CLONE_SYSVSEM;

function sysUnshare(task: Task, flags: number): number {
  if ((flags & ~(SHARING | ALL_KINDS)) !== 0) return -EINVAL;
  const isForHandlers = (flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) !== 0;
  if (isForHandlers) {
    if (task.group.tasks.length > 1 || ((flags & CLONE_VM) !== 0 && task.mm.users > 1)) return -EINVAL;
  }
  const refused = checkNewNamespaces(task, flags);
  if (refused < 0) return refused;
  const made = (flags & NEW_KINDS) === 0 ? null : makeNamespaces(task.namespaces, flags);
  if (typeof made === 'number') return made;
  if (isForHandlers) task.group.handlers = task.group.handlers.clone();
  const { shares } = task.kernel.pids;
  if ((flags & (CLONE_FS | CLONE_NEWNS)) !== 0 && !shares.release(task.fs)) task.fs = task.fs.clone();
  if ((flags & CLONE_FILES) !== 0 && !shares.release(task.files)) task.files = task.files.clone();
  if ((flags & (CLONE_SYSVSEM | CLONE_NEWIPC)) !== 0) undoSemaphores(task.group);
  if (made === null) return 0;
  if (made.moved !== null) moveFsContext(task.fs, made.moved);
  switchNamespaces(task, made.namespaces);
  return 0;
}

type NewName = 'mnt' | 'uts' | 'ipc' | 'cgroup';

/** The task's own, but of the kinds in `wanted` (CLONE_NEW*) those of `others`. */
function mixed(own: Namespaces, wanted: number, others: Partial<Namespaces>): Namespaces {
  const pick = <K extends NewName>(name: K): Namespaces[K] =>
    (wanted & NAMESPACE_FLAGS[name]) === 0 ? own[name] : (others[name] ?? own[name]);
  return { ...own, mnt: pick('mnt'), uts: pick('uts'), ipc: pick('ipc'), cgroup: pick('cgroup') };
}

const FIXED_NAMES: readonly NamespaceName[] = ['net', 'pid', 'time', 'user'];

/** Whether those are the task's own of the kinds that nobody can have anew. */
function isInThem(own: Namespaces, wanted: number, others: Partial<Namespaces>): boolean {
  return FIXED_NAMES.every((name) => (NAMESPACE_FLAGS[name] & wanted) === 0 || others[name] === own[name]);
}

function sysSetns(task: Task, fd: number, kind: number): number {
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  const isProcess = file instanceof PidfdFile;
  if (!isProcess && !(file instanceof NamespaceFile)) return -EINVAL;
  if (isProcess ? kind === 0 || (kind & ~ALL_KINDS) !== 0 : kind !== 0 && kind !== file.kind) return -EINVAL;
  if (isProcess && file.group.isZombie) return -ESRCH;
  const wanted = isProcess ? kind : file.kind;
  // Nobody can enter the user namespace that it is in.
  if ((wanted & CLONE_NEWUSER) !== 0) return -EINVAL;
  const others = isProcess ? file.group.leader.namespaces : file.asNamespaces;
  // There is nowhere else to go for these: who may, stays where it is (Linux: validate_ns).
  if (!isInThem(task.namespaces, wanted, others) || !task.creds.hasCapability(CAP_SYS_ADMIN)) return -EPERM;
  if ((wanted & CLONE_NEWNS) !== 0) {
    if (!task.creds.hasCapability(CAP_SYS_CHROOT)) return -EPERM;
    if (task.kernel.pids.shares.isShared(task.fs)) return -EINVAL;
  }
  const namespaces = mixed(task.namespaces, wanted, others);
  holdNamespaces(namespaces);
  switchNamespaces(task, namespaces);
  if ((wanted & CLONE_NEWNS) !== 0) enterMounts(task, namespaces.mnt);
  return 0;
}

/** Root and working directory become what is uppermost at the top of the tree (mntns_install). */
function enterMounts(task: Task, { root }: MountNamespace): void {
  const top = uppermost({ mount: root, dentry: root.root });
  task.fs.root = top;
  task.fs.cwd = top;
}

export const namespaceSyscalls: readonly SyscallDef[] = [
  partial(272, 'unshare', ['cloneflags'], sysUnshare, 'no new namespaces of users, processes, networks and clocks'),
  full(308, 'setns', ['fd', 'cloneflags'], sysSetns),
];
