/** Mounted file systems and the tree they form (Linux: struct mount, fs/namespace.c). Each mount namespace has a tree of its own. */
import { EINVAL, ELOOP, ENOENT, ENOSPC, ENOTDIR } from '../abi/errno.ts';
import { MS_NOATIME, MS_NODEV, MS_NODIRATIME, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_RELATIME } from '../abi/mount.ts';
import { S_IFDIR, S_IFMT } from '../abi/stat.ts';
import { Dentry, isBelow, pinDentry, pruneBelow, unpinDentry } from './dentry.ts';
import { type FileSystem, type Inode, NO_INODE } from './inode.ts';
import type { Path } from './path.ts';
import {
  makePrivate,
  makeShared,
  type PeerGroup,
  type Receiver,
  receive,
  receiversOf,
  shareWith,
} from './propagation.ts';

/** A guest that may mount could else grow the tree without end (Linux: fs.mount-max). */
const MOUNT_MAX = 10000;

let nextId = 1;
let count = 0;

export class Mount {
  readonly id = nextId++;
  readonly fs: FileSystem;
  /** What of the file system is shown: its root, or a directory or file inside for a bind mount. */
  readonly root: Dentry;
  /** First column of /proc/mounts. */
  readonly source: string;
  /** MS_RDONLY, MS_NOSUID... */
  flags: number;
  parent: Mount | null = null;
  mountpoint: Dentry | null = null;
  /** Mounts whose mountpoint is in this mount, the uppermost at each. */
  readonly children = new Map<Dentry, Mount>();
  /** Open files in it: it is busy. */
  openFiles = 0;
  /** MNT_EXPIRE was asked for once; the second time it goes. */
  isExpiring = false;
  /** Propagation (propagation.ts): whom it gives to and receives from, and whom it only receives from. */
  peers: PeerGroup | null = null;
  master: PeerGroup | null = null;
  isUnbindable = false;

  constructor(fs: FileSystem, root: Dentry, source: string, flags: number) {
    this.fs = fs;
    this.root = root;
    this.source = source;
    this.flags = flags;
    pinDentry(root);
  }

  get isReadOnly(): boolean {
    return (this.flags & MS_RDONLY) !== 0;
  }

  get isNoExec(): boolean {
    return (this.flags & MS_NOEXEC) !== 0;
  }

  get isNoSuid(): boolean {
    return (this.flags & MS_NOSUID) !== 0;
  }

  get isNoDev(): boolean {
    return (this.flags & MS_NODEV) !== 0;
  }
}

/** What is mounted on a dentry, in whatever tree. */
const mountedOn = new Map<Dentry, Set<Mount>>();

const roots = new WeakMap<FileSystem, Dentry>();

/** The dentry of a file system's root; the same one for each of its mounts. */
export function rootDentry(fs: FileSystem): Dentry {
  let dentry = roots.get(fs);
  if (dentry === undefined) {
    dentry = new Dentry('', null, fs.root);
    roots.set(fs, dentry);
  }
  return dentry;
}

const rootPaths = new WeakMap<Dentry, string>();

/** Says where the root of a file system is in what it is a part of: mountinfo(5) shows it. */
export function setRootPath(root: Dentry, path: string): void {
  rootPaths.set(root, path);
}

/** Where the root of a bind mount is in its file system (Linux: dentry_path). */
export function mountRootText(mount: Mount): string {
  let text = '';
  let at = mount.root;
  for (; at.parent !== null; at = at.parent) text = `/${at.name}${text}`;
  text = `${rootPaths.get(at) ?? ''}${text}`;
  if (text === '') text = '/';
  return mount.root.isDeleted ? `${text}//deleted` : text;
}

/** A mount that hangs nowhere yet: the root of a tree, or one for `attachMount`. */
export function createMount(fs: FileSystem, flags = 0, source: string = fs.typeName): Mount {
  return new Mount(fs, rootDentry(fs), source, flags);
}

/**
 * Hangs `mount` at `at`, over whatever is mounted there, and copies of it where `at` is shown by mounts that receive from that one: 0,
 * -ENOTDIR, -ENOENT, or -ENOSPC for too many.
 */
export function attachMount(mount: Mount, at: Path): number {
  const target = at.dentry.inode;
  const source = mount.root.inode;
  if (target === NO_INODE || at.dentry.isDeleted) return -ENOENT;
  if (isDirectory(target) !== isDirectory(source)) return -ENOTDIR;
  // A path always names the uppermost mount, so nothing is mounted here yet; if something is, it goes below the new one's parent.
  const { mount: parent, dentry: point } = uppermost(at);
  if (point.isDeleted) return -ENOENT;
  const receivers = receiversOf(parent, point);
  const tree = parent.peers === null ? [mount] : listMounts(mount);
  if (count + 1 + receivers.length * tree.length > MOUNT_MAX) return -ENOSPC;
  if (parent.peers !== null) for (const each of tree) makeShared(each);
  hang(mount, parent, point);
  if (receivers.length === 0) return 0;
  const groups = new Map<Mount, Map<PeerGroup, PeerGroup>>(tree.map((each) => [each, new Map()]));
  for (const receiver of receivers) {
    const copy = copyFor(mount, receiver, groups);
    const place = uppermost({ mount: receiver.mount, dentry: point });
    hang(copy, place.mount, place.dentry);
  }
  return 0;
}

/** The copy of a tree that a receiver gets. */
function copyFor(original: Mount, receiver: Receiver, groups: ReadonlyMap<Mount, Map<PeerGroup, PeerGroup>>): Mount {
  const copy = new Mount(original.fs, original.root, original.source, original.flags);
  receive(original, copy, receiver, groups.get(original) ?? new Map());
  for (const [point, child] of original.children) hang(copyFor(child, receiver, groups), copy, point);
  return copy;
}

function hang(mount: Mount, parent: Mount, point: Dentry): void {
  parent.children.set(point, mount);
  const others = mountedOn.get(point) ?? new Set();
  mountedOn.set(point, others.add(mount));
  point.mountCount += 1;
  pinDentry(point);
  mount.parent = parent;
  mount.mountpoint = point;
  count += 1;
}

/** What goes with a mount when it is unmounted: what is at the same place of the mounts that receive from its parent. */
export function propagatedMounts({ parent, mountpoint }: Mount): Mount[] {
  if (parent === null || mountpoint === null) return [];
  return receiversOf(parent, mountpoint)
    .map(({ mount }) => mount.children.get(mountpoint))
    .filter((each) => each !== undefined);
}

/** Takes a mount out of the tree: 0, or -EINVAL for the root of the tree. Mounts below it go with it, and what was propagated. */
export function detachMount(mount: Mount): number {
  const { parent, mountpoint } = mount;
  if (parent === null || mountpoint === null) return -EINVAL;
  const others = propagatedMounts(mount);
  unhang(mount, parent, mountpoint);
  for (const other of others) if (other.parent !== null) detachAlone(other);
  dropMount(mount);
  return 0;
}

/** Takes a mount out of the tree with those below it, and nothing else. */
function detachAlone(mount: Mount): void {
  const { parent, mountpoint } = mount;
  if (parent === null || mountpoint === null) return;
  unhang(mount, parent, mountpoint);
  dropMount(mount);
}

/** Lets go of a mount that hangs nowhere, and of those below it. Who is still in it has its own hold on what it uses. */
export function dropMount(mount: Mount): void {
  for (const child of [...mount.children.values()]) detachMount(child);
  makePrivate(mount);
  unpinDentry(mount.root);
  // The last mount of a file system (Linux: shrink_dcache_for_umount).
  if (mount.root.parent === null && mount.root.pins === 0) pruneBelow(mount.root);
}

/** Takes away what is mounted on a directory that is gone, in all trees (Linux: detach_mounts). */
export function detachMountsOn(mountpoint: Dentry): void {
  for (const mount of [...(mountedOn.get(mountpoint) ?? [])]) detachAlone(mount);
}

/** A copy of a whole tree (Linux: copy_tree): which mount has become which. -ENOSPC when there are too many mounts. */
export function copyMountTree(root: Mount): Map<Mount, Mount> | number {
  const copies = new Map([[root, copyOf(root)]]);
  // A map is walked in the order of insertion: what is added meanwhile comes too.
  for (const [mount, copy] of copies) {
    for (const [point, child] of mount.children) {
      if (count >= MOUNT_MAX) {
        endTree(copies.get(root) ?? copy);
        return -ENOSPC;
      }
      const below = copyOf(child);
      hang(below, copy, point);
      copies.set(child, below);
    }
  }
  return copies;
}

function copyOf(mount: Mount): Mount {
  const copy = cloneMount({ mount, dentry: mount.root });
  copy.isUnbindable = mount.isUnbindable;
  return copy;
}

/** Lets go of a whole tree; others that share its mounts keep theirs. */
export function endTree(root: Mount): void {
  for (const mount of listMounts(root)) makePrivate(mount);
  dropMount(root);
}

/** Puts `next` into the place of `root`, the top of the tree or a mount in it, which then hangs at `putOld` (pivot_root(2)). */
export function pivotMounts(root: Mount, next: Mount, putOld: Path): void {
  if (next.parent === null || next.mountpoint === null) return;
  const { parent, mountpoint } = root;
  unhang(next, next.parent, next.mountpoint);
  if (parent !== null && mountpoint !== null) {
    unhang(root, parent, mountpoint);
    hang(next, parent, mountpoint);
  }
  const { mount, dentry } = uppermost(putOld);
  hang(root, mount, dentry);
}

/**
 * MS_MOVE: hangs a mount with all below it somewhere else. 0, -EINVAL for the root, for one that others have too, and for unbindable
 * ones among what is shared from then on; -ELOOP for a place below itself.
 */
export function moveMount(mount: Mount, at: Path): number {
  const { parent, mountpoint } = mount;
  if (parent === null || mountpoint === null || parent.peers !== null) return -EINVAL;
  const target = at.dentry.inode;
  if (target === NO_INODE || at.dentry.isDeleted) return -ENOENT;
  if (isDirectory(target) !== isDirectory(mount.root.inode)) return -EINVAL;
  if (at.mount.peers !== null && listMounts(mount).some(({ isUnbindable }) => isUnbindable)) return -EINVAL;
  for (let above: Mount | null = at.mount; above !== null; above = above.parent) if (above === mount) return -ELOOP;
  unhang(mount, parent, mountpoint);
  const result = attachMount(mount, at);
  if (result < 0) hang(mount, parent, mountpoint);
  return result;
}

function isDirectory(inode: Inode): boolean {
  return (inode.mode & S_IFMT) === S_IFDIR;
}

function unhang(mount: Mount, parent: Mount, mountpoint: Dentry): void {
  parent.children.delete(mountpoint);
  const others = mountedOn.get(mountpoint);
  others?.delete(mount);
  if (others?.size === 0) mountedOn.delete(mountpoint);
  mountpoint.mountCount -= 1;
  unpinDentry(mountpoint);
  mount.parent = null;
  mount.mountpoint = null;
  count -= 1;
}

/** What is mounted at a place, over everything else there. */
export function uppermost(at: Path): Path {
  let { mount, dentry } = at;
  for (let over = mount.children.get(dentry); over !== undefined; over = mount.children.get(dentry)) {
    mount = over;
    dentry = over.root;
  }
  return { mount, dentry };
}

/** The top of the tree that a mount is in. */
export function topMount(mount: Mount): Mount {
  let top = mount;
  while (top.parent !== null) top = top.parent;
  return top;
}

/** The mount and those below it, in the order of mountinfo(5): parents before children. */
export function listMounts(root: Mount): Mount[] {
  const list = [root];
  for (const mount of list) list.push(...mount.children.values());
  return list.sort((a, b) => a.id - b.id);
}

/** For a bind mount: what is at `path`, with the flags of the mount it is in and its propagation. */
export function cloneMount({ mount, dentry }: Path): Mount {
  const clone = new Mount(mount.fs, dentry, mount.source, mount.flags);
  shareWith(mount, clone);
  return clone;
}

/** Copies the mounts that are inside `path` onto the clone (MS_REC), which hangs nowhere yet: unbindable ones are left out. */
export function cloneSubmounts(path: Path, clone: Mount): number {
  for (const [point, child] of path.mount.children) {
    if (child.isUnbindable || !isBelow(point, path.dentry)) continue;
    if (count >= MOUNT_MAX) return -ENOSPC;
    const copy = cloneMount({ mount: child, dentry: child.root });
    hang(copy, clone, point);
    const below = cloneSubmounts({ mount: child, dentry: child.root }, copy);
    if (below < 0) return below;
  }
  return 0;
}

/** Options as in /proc/mounts, without those of the file system itself. */
export function mountOptions(mount: Mount): string {
  const { flags } = mount;
  let text = mount.isReadOnly ? 'ro' : 'rw';
  if ((flags & MS_NOSUID) !== 0) text += ',nosuid';
  if ((flags & MS_NODEV) !== 0) text += ',nodev';
  if ((flags & MS_NOEXEC) !== 0) text += ',noexec';
  if ((flags & MS_NOATIME) !== 0) text += ',noatime';
  if ((flags & MS_NODIRATIME) !== 0) text += ',nodiratime';
  if ((flags & MS_RELATIME) !== 0) text += ',relatime';
  return text;
}
