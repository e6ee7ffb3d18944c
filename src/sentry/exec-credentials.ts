/** Who a program will run as, from its file (Linux: bprm_fill_uid, get_file_caps). */
import { S_ISGID, S_ISUID } from '../abi/stat.ts';
import { credentialsForExec, type ExecCredentials } from '../kernel/exec.ts';
import { parseFileCapabilities } from '../kernel/file-capabilities.ts';
import type { Task } from '../kernel/task.ts';
import type { File } from '../vfs/file.ts';
import { Stat } from '../vfs/inode.ts';
import { checkPermission, MAY_READ } from '../vfs/permission.ts';

const stat = new Stat();

/** What `task` becomes by executing `file`; an inode that cannot be looked at gives it nothing. */
export function newCredentials(task: Task, { path, inode }: File): ExecCredentials {
  const { creds, hasNoNewPrivs } = task;
  if (inode.stat(stat) < 0) return credentialsForExec(creds, 0, 0, 0, hasNoNewPrivs);
  const { mode, uid, gid } = stat;
  if (path.mount.isNoSuid || inode.hasForeignOwner)
    return credentialsForExec(creds, mode & ~(S_ISUID | S_ISGID), uid, gid, hasNoNewPrivs);
  const attribute = inode.getxattr('security.capability');
  const capabilities = typeof attribute === 'number' ? null : parseFileCapabilities(attribute);
  return credentialsForExec(creds, mode, uid, gid, hasNoNewPrivs, capabilities);
}

/** Who may not read a program must not get at it by the memory of its process either (Linux: would_dump). */
export function isReadable(task: Task, file: File): boolean {
  return checkPermission(file.inode, task.creds, MAY_READ) === 0;
}
