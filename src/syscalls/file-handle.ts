/** name_to_handle_at(2) and open_by_handle_at(2) (Linux: fs/fhandle.c). */
import { CAP_DAC_READ_SEARCH } from '../abi/capability.ts';
import { EBADF, EFAULT, EINVAL, EOPNOTSUPP, EOVERFLOW, EPERM, ESTALE } from '../abi/errno.ts';
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_FOLLOW, AT_SYMLINK_NOFOLLOW, O_CLOEXEC } from '../abi/fcntl.ts';
import type { Task } from '../kernel/task.ts';
import { HANDLE_SIZE, HANDLE_TYPE } from '../vfs/file-handle.ts';
import { openPath } from '../vfs/open.ts';
import { foundPath, resolve } from '../vfs/resolve.ts';
import { full, type SyscallDef } from './define.ts';
import { installNew } from './install-file.ts';

const MAX_HANDLE_SIZE = 128;
/** struct file_handle without the handle: its size and its type. */
const HEADER = 8;
const FILEID_INVALID = 255;

function sysNameToHandleAt(
  task: Task,
  dirfd: number,
  pathAddr: number,
  handleAddr: number,
  mountIdAddr: number,
  flags: number,
): number {
  if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const path = task.mem.readPath(pathAddr);
  if (typeof path === 'number') return path;
  const follow = (flags & AT_SYMLINK_FOLLOW) !== 0 ? 0 : AT_SYMLINK_NOFOLLOW;
  const failed = resolve(task, dirfd, path, (flags & AT_EMPTY_PATH) | follow);
  if (failed < 0) return failed;
  const { mount, dentry } = foundPath();
  const { handles } = mount.fs;
  if (handles === undefined) return -EOPNOTSUPP;
  const room = task.mem.readU32(handleAddr);
  if (room === null || task.mem.readU32(handleAddr + 4) === null) return -EFAULT;
  if (room > MAX_HANDLE_SIZE) return -EINVAL;
  const isTooSmall = room < HANDLE_SIZE;
  const answer = new Uint8Array(isTooSmall ? HEADER : HEADER + HANDLE_SIZE);
  const view = new DataView(answer.buffer);
  view.setUint32(0, HANDLE_SIZE, true);
  view.setInt32(4, isTooSmall ? FILEID_INVALID : HANDLE_TYPE, true);
  if (!isTooSmall) answer.set(handles.encode(dentry), HEADER);
  if (task.mem.writeU32(mountIdAddr, mount.id) < 0) return -EFAULT;
  if (task.mem.write(handleAddr, answer, 0, answer.length) < 0) return -EFAULT;
  return isTooSmall ? -EOVERFLOW : 0;
}

function sysOpenByHandleAt(task: Task, mountFd: number, handleAddr: number, flags: number): number {
  if (!task.creds.hasCapability(CAP_DAC_READ_SEARCH)) return -EPERM;
  const place = mountFd === AT_FDCWD ? task.fs.cwd : task.files.get(mountFd)?.path;
  if (place === undefined) return -EBADF;
  const size = task.mem.readU32(handleAddr);
  const type = task.mem.readU32(handleAddr + 4);
  if (size === null || type === null) return -EFAULT;
  if (size === 0 || size > MAX_HANDLE_SIZE) return -EINVAL;
  const bytes = task.mem.readBytes(handleAddr + HEADER, size);
  if (typeof bytes === 'number') return bytes;
  const dentry = place.mount.fs.handles?.decode(bytes, type) ?? -ESTALE;
  if (typeof dentry === 'number') return dentry;
  const file = openPath({ mount: place.mount, dentry }, flags & ~O_CLOEXEC, task.creds);
  return typeof file === 'number' ? file : installNew(task, file, (flags & O_CLOEXEC) !== 0);
}

export const fileHandleSyscalls: readonly SyscallDef[] = [
  full(303, 'name_to_handle_at', ['dirfd', 'path', 'ptr', 'ptr', 'atflags'], sysNameToHandleAt),
  full(304, 'open_by_handle_at', ['dirfd', 'ptr', 'openflags'], sysOpenByHandleAt),
];
