/**
 * Telling watchers what happens to files (Linux: fs/notify/fsnotify.c). The VFS and the calls that read and write say what they
 * have done; who listens is inotify (fs/event/inotify-file.ts).
 *
 * A mark pins the dentry it was set on, so the inode object stays the one that every walk finds.
 */
import { IN_ACCESS, IN_ATTRIB, IN_DELETE_SELF, IN_ISDIR, IN_MODIFY } from '../abi/inotify.ts';
import { S_IFDIR, S_IFMT } from '../abi/stat.ts';
import { type Dentry, pinDentry, unpinDentry } from './dentry.ts';
import type { File } from './file.ts';
import { type Inode, type SetAttributes, Stat } from './inode.ts';

/** Somebody's interest in one inode. */
export interface Mark {
  readonly dentry: Dentry;
  /** `name` is null for what happens to the inode itself; `isUnlinked`: to a file that has no name any more. */
  tell(mask: number, name: string | null, cookie: number, isUnlinked: boolean): void;
  /** The inode is gone, the mark has been taken away. */
  inodeGone(): void;
}

const scratch = new Stat();
/** Marks there are: as long as there is none, nothing costs more than this look. */
let markCount = 0;
let lastCookie = 0;

export function addMark(mark: Mark): void {
  const { inode } = mark.dentry;
  inode.marks ??= new Set();
  inode.marks.add(mark);
  pinDentry(mark.dentry);
  markCount += 1;
}

export function removeMark(mark: Mark): void {
  const { inode } = mark.dentry;
  if (inode.marks?.delete(mark) !== true) return;
  if (inode.marks.size === 0) inode.marks = null;
  unpinDentry(mark.dentry);
  markCount -= 1;
}

/** Ties the two events of a rename together. */
export function newCookie(): number {
  lastCookie = (lastCookie % 0x7fffffff) + 1;
  return lastCookie;
}

function directoryBit(inode: Inode): number {
  return (inode.mode & S_IFMT) === S_IFDIR ? IN_ISDIR : 0;
}

function tell(inode: Inode, mask: number, name: string | null, cookie: number, isUnlinked: boolean): void {
  if (inode.marks === null) return;
  for (const mark of [...inode.marks]) mark.tell(mask, name, cookie, isUnlinked);
}

/** Something happened to a name in a directory: it was made, removed, moved. */
export function notifyName(directory: Inode, name: string, child: Inode, mask: number, cookie = 0): void {
  if (markCount > 0) tell(directory, mask | directoryBit(child), name, cookie, false);
}

/** Something happened to what a dentry names: its directory hears it first, with the name. */
export function notifyDentry(dentry: Dentry, mask: number): void {
  if (markCount === 0) return;
  const { parent, inode } = dentry;
  const bits = mask | directoryBit(inode);
  if (parent !== null) tell(parent.inode, bits, dentry.name, 0, dentry.isDeleted);
  tell(inode, bits, null, 0, false);
}

/** Only those hear it who watch the inode itself. */
export function notifySelf(inode: Inode, mask: number): void {
  if (markCount > 0) tell(inode, mask, null, 0, false);
}

export function notifyFile(file: File, mask: number): void {
  if (markCount > 0) notifyDentry(file.path.dentry, mask);
}

/** A name has been taken away: whoever watches the inode learns that it has one link less, or that it is gone. */
export function notifyUnlinked(dentry: Dentry): void {
  if (markCount === 0) return;
  if (directoryBit(dentry.inode) === 0) tell(dentry.inode, IN_ATTRIB, null, 0, false);
  notifyIfGone(dentry);
}

/** The last link and the last user of an inode are gone. */
export function notifyIfGone(dentry: Dentry): void {
  const { inode } = dentry;
  if (markCount === 0 || !dentry.isDeleted || inode.marks === null) return;
  const marks = [...inode.marks].filter((mark) => mark.dentry === dentry);
  if (dentry.pins > marks.length || (inode.stat(scratch) >= 0 && scratch.nlink > 0 && directoryBit(inode) === 0))
    return;
  tell(inode, IN_DELETE_SELF, null, 0, false);
  for (const mark of marks) {
    removeMark(mark);
    mark.inodeGone();
  }
}

/** Changes attributes and tells of it (fsnotify_change): 0 or -errno. */
export function setAttributes(dentry: Dentry, attributes: SetAttributes): number {
  const result = dentry.inode.setattr(attributes);
  if (result < 0 || markCount === 0) return result;
  const { mode, uid, gid, size, atime, mtime } = attributes;
  let mask = mode !== undefined || uid !== undefined || gid !== undefined ? IN_ATTRIB : 0;
  if (size !== undefined) mask |= IN_MODIFY;
  if (atime !== undefined && mtime !== undefined) mask |= IN_ATTRIB;
  else if (atime !== undefined) mask |= IN_ACCESS;
  else if (mtime !== undefined) mask |= IN_MODIFY;
  if (mask !== 0) notifyDentry(dentry, mask);
  return result;
}
