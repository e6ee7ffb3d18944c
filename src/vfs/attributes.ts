/** Changing an inode's attributes (Linux: fs/attr.c, fs/open.c, fs/utimes.c). Results are 0 or -errno. */
import { CAP_CHOWN, CAP_FOWNER, CAP_FSETID } from '../abi/capability.ts';
import { EACCES, EINVAL, EISDIR, EOPNOTSUPP, EPERM, EROFS, ETXTBSY } from '../abi/errno.ts';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, S_ISGID, S_ISUID, S_IXGRP } from '../abi/stat.ts';
import type { Credentials } from '../kernel/credentials.ts';
import { type Inode, type SetAttributes, Stat } from './inode.ts';
import { setAttributes } from './notify.ts';
import type { Path } from './path.ts';
import { checkOwner, checkPermission, hasPower, MAY_WRITE } from './permission.ts';

const scratch = new Stat();

/** Leaves an id as it is (chown(2)). */
export const ID_UNCHANGED = 0xffffffff;

/** chmod(2): `mode` without a type. */
export function changeMode({ mount, dentry }: Path, mode: number, creds: Credentials): number {
  const { inode } = dentry;
  if (mount.isReadOnly) return -EROFS;
  if ((inode.mode & S_IFMT) === S_IFLNK) return -EOPNOTSUPP;
  if (checkOwner(inode, creds) < 0) return -EPERM;
  const failed = inode.stat(scratch);
  if (failed < 0) return failed;
  let bits = mode & 0o7777;
  if (!creds.isInGroup(scratch.gid) && !hasPower(inode, creds, CAP_FSETID)) bits &= ~S_ISGID;
  return setAttributes(dentry, { mode: bits });
}

/** The mode without the bits that a change of owner or content takes away (Linux: setattr_should_drop_suidgid). */
function withoutSetIds(mode: number): number {
  const isGroupRun = (mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP);
  return mode & 0o7777 & ~(S_ISUID | (isGroupRun ? S_ISGID : 0));
}

/** chown(2): ID_UNCHANGED leaves an id as it is. */
export function changeOwner({ mount, dentry }: Path, uid: number, gid: number, creds: Credentials): number {
  const { inode } = dentry;
  if (mount.isReadOnly) return -EROFS;
  const failed = inode.stat(scratch);
  if (failed < 0) return failed;
  const { uid: owner, gid: group, mode } = scratch;
  const isOwner = owner === creds.fsuid;
  if (!hasPower(inode, creds, CAP_CHOWN)) {
    if (uid !== ID_UNCHANGED && !(isOwner && uid === owner)) return -EPERM;
    if (gid !== ID_UNCHANGED && !(isOwner && (gid === group || creds.isInGroup(gid)))) return -EPERM;
  }
  const attributes: SetAttributes = {};
  if (uid !== ID_UNCHANGED) attributes.uid = uid;
  if (gid !== ID_UNCHANGED) attributes.gid = gid;
  if ((mode & S_IFMT) !== S_IFDIR && withoutSetIds(mode) !== (mode & 0o7777)) attributes.mode = withoutSetIds(mode);
  return setAttributes(dentry, attributes);
}

/** A time to set; null leaves it. */
export type NewTime = { readonly sec: number; readonly nsec: number } | null;

/** utimensat(2). `isNow`: both are the present, for which write permission is enough. */
export function changeTimes(
  { mount, dentry }: Path,
  atime: NewTime,
  mtime: NewTime,
  isNow: boolean,
  creds: Credentials,
): number {
  const { inode } = dentry;
  if (mount.isReadOnly) return -EROFS;
  if (checkOwner(inode, creds) < 0) {
    if (!isNow) return -EPERM;
    if (checkPermission(inode, creds, MAY_WRITE) < 0) return -EACCES;
  }
  const attributes: SetAttributes = {};
  if (atime !== null) attributes.atime = atime;
  if (mtime !== null) attributes.mtime = mtime;
  return setAttributes(dentry, attributes);
}

/** truncate(2) of a file that is not open. */
export function truncatePath({ mount, dentry }: Path, size: number, creds: Credentials): number {
  const { inode } = dentry;
  const type = inode.mode & S_IFMT;
  if (type === S_IFDIR) return -EISDIR;
  if (type !== S_IFREG) return -EINVAL;
  if (mount.isReadOnly) return -EROFS;
  const refused = checkPermission(inode, creds, MAY_WRITE);
  if (refused < 0) return refused;
  if (inode.executions > 0) return -ETXTBSY;
  return setAttributes(dentry, { size, ...setIdsAfterWrite(inode, creds) });
}

/** What a write or a truncation changes of the mode: set-id bits go, unless CAP_FSETID keeps them (Linux: file_remove_privs). */
export function setIdsAfterWrite(inode: Inode, creds: Credentials): SetAttributes {
  const { mode } = inode;
  if ((mode & (S_ISUID | S_ISGID)) === 0 || creds.hasCapability(CAP_FSETID)) return {};
  return withoutSetIds(mode) === (mode & 0o7777) ? {} : { mode: withoutSetIds(mode) };
}

/** Whether the task owns the inode or may act as if it did. */
export function isOwnerOrCapable(inode: Inode, creds: Credentials): boolean {
  return hasPower(inode, creds, CAP_FOWNER) || checkOwner(inode, creds) === 0;
}
