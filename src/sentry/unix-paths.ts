/** How Unix sockets get names in the file system (unix(7)). */
import { EADDRINUSE, ECONNREFUSED, EEXIST } from '../abi/errno.ts';
import { AT_FDCWD } from '../abi/fcntl.ts';
import { S_IFMT, S_IFSOCK } from '../abi/stat.ts';
import type { Task } from '../kernel/task.ts';
import type { UnixPaths } from '../net/unix/names.ts';
import type { Inode } from '../vfs/inode.ts';
import { makeNode } from '../vfs/names.ts';
import { checkPermission, MAY_WRITE } from '../vfs/permission.ts';
import { resolve } from '../vfs/resolve.ts';
import { walk } from '../vfs/walk.ts';

export const unixPaths: UnixPaths = {
  create(task: Task, path: string): Inode | number {
    const made = makeNode(task, AT_FDCWD, path, S_IFSOCK | 0o777, 0);
    return made === -EEXIST ? -EADDRINUSE : made;
  },

  find(task: Task, path: string): Inode | number {
    const failed = resolve(task, AT_FDCWD, path, 0);
    if (failed < 0) return failed;
    const { inode } = walk.dentry;
    const refused = checkPermission(inode, task.creds, MAY_WRITE);
    if (refused < 0) return refused;
    return (inode.mode & S_IFMT) === S_IFSOCK ? inode : -ECONNREFUSED;
  },
};
