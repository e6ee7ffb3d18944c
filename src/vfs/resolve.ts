/** From (dirfd, path, AT_* flags) of a call to a place in the tree. */
import { EBADF, ENOENT, ENOTDIR } from '../abi/errno.ts';
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW } from '../abi/fcntl.ts';
import { S_IFDIR, S_IFMT } from '../abi/stat.ts';
import type { Task } from '../kernel/task.ts';
import type { Path } from './path.ts';
import { WALK_FOLLOW, WALK_PARENT, walk } from './walk.ts';

/** Where a relative path starts: a path or -EBADF, -ENOTDIR. */
export function startOf(task: Task, dirfd: number, path: string): Path | number {
  if (path.charCodeAt(0) === 47) return task.fs.root;
  if (dirfd === AT_FDCWD) return task.fs.cwd;
  const file = task.files.get(dirfd);
  if (file === undefined) return -EBADF;
  if ((file.inode.mode & S_IFMT) !== S_IFDIR) return -ENOTDIR;
  return file.path;
}

/** Walks to what is named; AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH count. 0 (see `walk.mount`, `walk.dentry`) or -errno. */
export function resolve(task: Task, dirfd: number, path: string, atFlags: number, creds = task.creds): number {
  if (path.length === 0) {
    if ((atFlags & AT_EMPTY_PATH) === 0) return -ENOENT;
    const place = dirfd === AT_FDCWD ? task.fs.cwd : task.files.get(dirfd)?.path;
    if (place === undefined) return -EBADF;
    walk.mount = place.mount;
    walk.dentry = place.dentry;
    return 0;
  }
  const start = startOf(task, dirfd, path);
  if (typeof start === 'number') return start;
  const flags = (atFlags & AT_SYMLINK_NOFOLLOW) !== 0 ? 0 : WALK_FOLLOW;
  return walk.run(path, start, task.fs.root, creds, flags);
}

/** Walks to the directory of the last component: 0 (see `walk.lastName`, `walk.lastKind`) or -errno. */
export function resolveParent(task: Task, dirfd: number, path: string): number {
  if (path.length === 0) return -ENOENT;
  const start = startOf(task, dirfd, path);
  if (typeof start === 'number') return start;
  return walk.run(path, start, task.fs.root, task.creds, WALK_PARENT);
}

/** What `resolve` found, as a path of its own. */
export function foundPath(): Path {
  return { mount: walk.mount, dentry: walk.dentry };
}
