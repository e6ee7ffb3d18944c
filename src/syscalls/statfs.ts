/** statfs(2) and fstatfs(2). */
import { EBADF } from '../abi/errno.ts';
import { AT_FDCWD } from '../abi/fcntl.ts';
import * as M from '../abi/mount.ts';
import type { Task } from '../kernel/task.ts';
import type { Mount } from '../vfs/mount.ts';
import type { Path } from '../vfs/path.ts';
import { foundPath, resolve } from '../vfs/resolve.ts';
import { full, type SyscallDef } from './define.ts';

/** struct statfs on x86-64. */
const STATFS_SIZE = 120;

/** Flags of a mount as f_flags shows them (Linux: flags_by_mnt). */
const FLAGS: readonly (readonly [number, number])[] = [
  [M.MS_RDONLY, M.ST_RDONLY],
  [M.MS_NOSUID, M.ST_NOSUID],
  [M.MS_NODEV, M.ST_NODEV],
  [M.MS_NOEXEC, M.ST_NOEXEC],
  [M.MS_NOATIME, M.ST_NOATIME],
  [M.MS_NODIRATIME, M.ST_NODIRATIME],
  [M.MS_RELATIME, M.ST_RELATIME],
];

function flagsOf(mount: Mount): number {
  let flags = M.ST_VALID;
  for (const [mountFlag, statFlag] of FLAGS) if ((mount.flags & mountFlag) !== 0) flags |= statFlag;
  return flags;
}

function describe(task: Task, { mount, dentry }: Path, addr: number): number {
  const { fs } = dentry.inode;
  const numbers = fs.statfs();
  if (typeof numbers === 'number') return numbers;
  const bytes = new Uint8Array(STATFS_SIZE);
  const view = new DataView(bytes.buffer);
  const { type, blockSize, blocks, blocksFree, files, filesFree, nameMax } = numbers;
  const fields = [type, blockSize, blocks, blocksFree, blocksFree, files, filesFree];
  fields.forEach((value, i) => {
    view.setBigUint64(i * 8, BigInt(value), true);
  });
  view.setUint32(56, fs.dev, true);
  view.setBigUint64(64, BigInt(nameMax), true);
  view.setBigUint64(72, BigInt(blockSize), true);
  view.setBigUint64(80, BigInt(flagsOf(mount)), true);
  return task.mem.write(addr, bytes, 0, STATFS_SIZE);
}

function sysStatfs(task: Task, pathAddr: number, addr: number): number {
  const path = task.mem.readPath(pathAddr);
  if (typeof path === 'number') return path;
  const failed = resolve(task, AT_FDCWD, path, 0);
  return failed < 0 ? failed : describe(task, foundPath(), addr);
}

function sysFstatfs(task: Task, fd: number, addr: number): number {
  const file = task.files.get(fd);
  return file === undefined ? -EBADF : describe(task, file.path, addr);
}

export const statfsSyscalls: readonly SyscallDef[] = [
  full(137, 'statfs', ['path', 'ptr'], sysStatfs),
  full(138, 'fstatfs', ['fd', 'ptr'], sysFstatfs),
];
