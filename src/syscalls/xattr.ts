/** Extended attributes (xattr(7)). */

import { CAP_SYS_ADMIN } from '../abi/capability.ts';
import { E2BIG, EBADF, EINVAL, ENODATA, EOPNOTSUPP, EPERM, ERANGE, EROFS } from '../abi/errno.ts';
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, XATTR_CREATE, XATTR_REPLACE } from '../abi/fcntl.ts';
import { IN_ATTRIB } from '../abi/inotify.ts';
import { S_IFDIR, S_IFMT, S_IFREG, S_ISVTX } from '../abi/stat.ts';
import type { Task } from '../kernel/task.ts';
import { isOwnerOrCapable } from '../vfs/attributes.ts';
import type { Inode } from '../vfs/inode.ts';
import { notifyDentry } from '../vfs/notify.ts';
import type { Path } from '../vfs/path.ts';
import { checkPermission, MAY_READ, MAY_WRITE } from '../vfs/permission.ts';
import { foundPath, resolve } from '../vfs/resolve.ts';
import { full, type SyscallDef } from './define.ts';
import { openFile } from './descriptors.ts';

const NAME_MAX = 255;
const SIZE_MAX = 65536;
/** A name is more than its name space. */
const PREFIXES = ['user.', 'trusted.', 'security.', 'system.'];

/** How a call of the three kinds names its file: path with links followed, path without, descriptor. */
type Find = (task: Task, first: number) => Path | number;

function byPath(flags: number): Find {
  return (task, addr) => {
    const path = task.mem.readPath(addr);
    if (typeof path === 'number') return path;
    const failed = resolve(task, AT_FDCWD, path, flags);
    return failed < 0 ? failed : foundPath();
  };
}

const following = byPath(0);
const notFollowing = byPath(AT_SYMLINK_NOFOLLOW);
const byDescriptor: Find = (task, fd) => openFile(task.files, fd | 0)?.path ?? -EBADF;

function readName(task: Task, addr: number): string | number {
  const name = task.mem.readString(addr, NAME_MAX);
  if (name === -E2BIG || name === '') return -ERANGE;
  if (typeof name === 'string' && PREFIXES.includes(name)) return -EINVAL;
  return name;
}

/** Who may read or write an attribute goes by its name space (Linux: xattr_permission): 0 or -errno. */
function checkAccess(task: Task, inode: Inode, name: string, mask: number): number {
  const { creds } = task;
  if (name.startsWith('security.') || name.startsWith('system.')) return 0;
  if (name.startsWith('trusted.')) {
    if (creds.hasCapability(CAP_SYS_ADMIN)) return 0;
    return mask === MAY_WRITE ? -EPERM : -ENODATA;
  }
  if (name.startsWith('user.')) {
    const type = inode.mode & S_IFMT;
    if (type !== S_IFREG && type !== S_IFDIR) return mask === MAY_WRITE ? -EPERM : -ENODATA;
    const isSticky = type === S_IFDIR && (inode.mode & S_ISVTX) !== 0;
    if (isSticky && mask === MAY_WRITE && !isOwnerOrCapable(inode, creds)) return -EPERM;
  }
  return checkPermission(inode, creds, mask);
}

/** Changing what is not the user's takes ownership (security.*, system.*). */
function checkChange(task: Task, { mount, dentry }: Path, name: string): number {
  if (mount.isReadOnly) return -EROFS;
  if (name.startsWith('security.') && !task.creds.hasCapability(CAP_SYS_ADMIN)) return -EPERM;
  return checkAccess(task, dentry.inode, name, MAY_WRITE);
}

function get(find: Find) {
  return (task: Task, first: number, nameAddr: number, addr: number, size: number): number => {
    const path = find(task, first);
    if (typeof path === 'number') return path;
    const name = readName(task, nameAddr);
    if (typeof name === 'number') return name;
    const { inode } = path.dentry;
    const refused = checkAccess(task, inode, name, MAY_READ);
    if (refused < 0) return refused;
    const value = inode.getxattr(name);
    if (typeof value === 'number') return value;
    if (size === 0) return value.length;
    if (value.length > size) return -ERANGE;
    const failed = task.mem.write(addr, value, 0, value.length);
    return failed < 0 ? failed : value.length;
  };
}

function told({ dentry }: Path, result: number): number {
  if (result >= 0) notifyDentry(dentry, IN_ATTRIB);
  return result;
}

function set(find: Find) {
  return (task: Task, first: number, nameAddr: number, addr: number, size: number, flags: number): number => {
    if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) !== 0) return -EINVAL;
    const name = readName(task, nameAddr);
    if (typeof name === 'number') return name;
    if (size > SIZE_MAX) return -E2BIG;
    const value = task.mem.readBytes(addr, size);
    if (typeof value === 'number') return value;
    const path = find(task, first);
    if (typeof path === 'number') return path;
    const refused = checkChange(task, path, name);
    return refused < 0 ? refused : told(path, path.dentry.inode.setxattr(name, value.slice(), flags));
  };
}

function list(find: Find) {
  return (task: Task, first: number, addr: number, size: number): number => {
    const path = find(task, first);
    if (typeof path === 'number') return path;
    const names = path.dentry.inode.listxattr();
    // A file system without them has an empty list.
    if (typeof names === 'number') return names === -EOPNOTSUPP ? 0 : names;
    const isAdmin = task.creds.hasCapability(CAP_SYS_ADMIN);
    const visible = names.filter((name) => isAdmin || !name.startsWith('trusted.'));
    const bytes = Buffer.from(visible.map((name) => `${name}\0`).join(''), 'latin1');
    if (size === 0) return bytes.length;
    if (bytes.length > size) return -ERANGE;
    const failed = task.mem.write(addr, bytes, 0, bytes.length);
    return failed < 0 ? failed : bytes.length;
  };
}

function remove(find: Find) {
  return (task: Task, first: number, nameAddr: number): number => {
    const path = find(task, first);
    if (typeof path === 'number') return path;
    const name = readName(task, nameAddr);
    if (typeof name === 'number') return name;
    const refused = checkChange(task, path, name);
    return refused < 0 ? refused : told(path, path.dentry.inode.removexattr(name));
  };
}

export const xattrSyscalls: readonly SyscallDef[] = [
  full(188, 'setxattr', ['path', 'str', 'buf', 'size', 'flags'], set(following)),
  full(189, 'lsetxattr', ['path', 'str', 'buf', 'size', 'flags'], set(notFollowing)),
  full(190, 'fsetxattr', ['fd', 'str', 'buf', 'size', 'flags'], set(byDescriptor)),
  full(191, 'getxattr', ['path', 'str', 'outbuf', 'size'], get(following)),
  full(192, 'lgetxattr', ['path', 'str', 'outbuf', 'size'], get(notFollowing)),
  full(193, 'fgetxattr', ['fd', 'str', 'outbuf', 'size'], get(byDescriptor)),
  full(194, 'listxattr', ['path', 'outbuf', 'size'], list(following)),
  full(195, 'llistxattr', ['path', 'outbuf', 'size'], list(notFollowing)),
  full(196, 'flistxattr', ['fd', 'outbuf', 'size'], list(byDescriptor)),
  full(197, 'removexattr', ['path', 'str'], remove(following)),
  full(198, 'lremovexattr', ['path', 'str'], remove(notFollowing)),
  full(199, 'fremovexattr', ['fd', 'str'], remove(byDescriptor)),
];
