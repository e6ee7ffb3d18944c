/** Who may do what to an inode (Linux: generic_permission, may_create, may_delete in fs/namei.c; capabilities(7)). */
import { CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER } from '../abi/capability.ts';
import { EACCES, EPERM, EROFS } from '../abi/errno.ts';
import { S_IFDIR, S_IFMT, S_IFREG, S_ISVTX } from '../abi/stat.ts';
import type { Credentials } from '../kernel/credentials.ts';
import { type Inode, Stat } from './inode.ts';
import type { Mount } from './mount.ts';

export const MAY_EXEC = 1;
export const MAY_WRITE = 2;
export const MAY_READ = 4;

const scratch = new Stat();

/** Whether a capability gives `creds` power over the inode. */
export function hasPower(inode: Inode, creds: Credentials, capability: number): boolean {
  return creds.hasCapability(capability) && !inode.hasForeignOwner;
}

/** 0, or -EACCES when `creds` may not do all of `mask` (MAY_*). */
export function checkPermission(inode: Inode, creds: Credentials, mask: number): number {
  const mode = inode.mode;
  // What everyone may do needs no look at the owner (Linux: acl_permission_check has the same short cut).
  const forAll = mask * 0o111;
  if ((mode & forAll) === forAll) return 0;
  const failed = inode.stat(scratch);
  if (failed < 0) return failed;
  const bits = scratch.uid === creds.fsuid ? mode >> 6 : creds.isInGroup(scratch.gid) ? mode >> 3 : mode;
  if ((mask & ~bits) === 0) return 0;
  if ((mode & S_IFMT) === S_IFDIR) {
    if ((mask & MAY_WRITE) === 0 && hasPower(inode, creds, CAP_DAC_READ_SEARCH)) return 0;
    return hasPower(inode, creds, CAP_DAC_OVERRIDE) ? 0 : -EACCES;
  }
  if (mask === MAY_READ && hasPower(inode, creds, CAP_DAC_READ_SEARCH)) return 0;
  const isRunnable = (mask & MAY_EXEC) === 0 || (mode & 0o111) !== 0;
  return isRunnable && hasPower(inode, creds, CAP_DAC_OVERRIDE) ? 0 : -EACCES;
}

/** Whether it may be written at all where it is mounted: devices, FIFOs and sockets may even on a read-only mount. */
export function checkWritableMount(mount: Mount, inode: Inode): number {
  const type = inode.mode & S_IFMT;
  return mount.isReadOnly && (type === S_IFREG || type === S_IFDIR) ? -EROFS : 0;
}

/** 0, or -EPERM when `creds` neither own the inode nor have CAP_FOWNER. */
export function checkOwner(inode: Inode, creds: Credentials): number {
  const failed = inode.stat(scratch);
  if (failed < 0) return failed;
  return scratch.uid === creds.fsuid || hasPower(inode, creds, CAP_FOWNER) ? 0 : -EPERM;
}

/** For removing or renaming `victim` in `dir`: write permission and the sticky bit. */
export function checkDelete(dir: Inode, victim: Inode, creds: Credentials): number {
  const refused = checkPermission(dir, creds, MAY_WRITE | MAY_EXEC);
  if (refused < 0) return refused;
  if ((dir.mode & S_ISVTX) === 0 || hasPower(victim, creds, CAP_FOWNER)) return 0;
  if (victim.stat(scratch) < 0 || scratch.uid === creds.fsuid) return 0;
  if (dir.stat(scratch) < 0 || scratch.uid === creds.fsuid) return 0;
  return -EPERM;
}
