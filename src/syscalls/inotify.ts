/** inotify_init(2), inotify_add_watch(2), inotify_rm_watch(2). */
import { EBADF, EINVAL, ENOTDIR } from '../abi/errno.ts';
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_CLOEXEC, O_NONBLOCK, O_RDONLY } from '../abi/fcntl.ts';
import { IN_ALL_EVENTS, IN_DONT_FOLLOW, IN_MASK_ADD, IN_MASK_CREATE, IN_ONLYDIR } from '../abi/inotify.ts';
import { S_IFDIR, S_IFMT } from '../abi/stat.ts';
import { InotifyFile } from '../fs/event/inotify-file.ts';
import type { Task } from '../kernel/task.ts';
import { checkPermission, MAY_READ } from '../vfs/permission.ts';
import { foundPath, resolve } from '../vfs/resolve.ts';
import { full, type SyscallDef } from './define.ts';
import { installNew } from './install-file.ts';

function sysInotifyInit1(task: Task, flags: number): number {
  if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) return -EINVAL;
  const file = new InotifyFile(task.kernel.anonPath('inotify'), O_RDONLY | (flags & O_NONBLOCK));
  return installNew(task, file, (flags & O_CLOEXEC) !== 0);
}

function inotifyFile(task: Task, fd: number): InotifyFile | number {
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  return file instanceof InotifyFile ? file : -EINVAL;
}

function sysInotifyAddWatch(task: Task, fd: number, pathAddr: number, mask: number): number {
  if ((mask & IN_ALL_EVENTS) === 0) return -EINVAL;
  const file = inotifyFile(task, fd);
  if (file === -EBADF) return file;
  if ((mask & IN_MASK_ADD) !== 0 && (mask & IN_MASK_CREATE) !== 0) return -EINVAL;
  if (typeof file === 'number') return file;
  const name = task.mem.readPath(pathAddr);
  if (typeof name === 'number') return name;
  const failed = resolve(task, AT_FDCWD, name, (mask & IN_DONT_FOLLOW) !== 0 ? AT_SYMLINK_NOFOLLOW : 0);
  if (failed < 0) return failed;
  const path = foundPath();
  const { inode } = path.dentry;
  if ((mask & IN_ONLYDIR) !== 0 && (inode.mode & S_IFMT) !== S_IFDIR) return -ENOTDIR;
  const refused = checkPermission(inode, task.creds, MAY_READ);
  return refused < 0 ? refused : file.watch(path.dentry, mask);
}

function sysInotifyRmWatch(task: Task, fd: number, wd: number): number {
  const file = inotifyFile(task, fd);
  return typeof file === 'number' ? file : file.remove(wd);
}

export const inotifySyscalls: readonly SyscallDef[] = [
  full(253, 'inotify_init', [], (task) => sysInotifyInit1(task, 0)),
  full(254, 'inotify_add_watch', ['fd', 'path', 'hex'], sysInotifyAddWatch),
  full(255, 'inotify_rm_watch', ['fd', 'int'], sysInotifyRmWatch),
  full(294, 'inotify_init1', ['fdflags'], sysInotifyInit1),
];
