/**
 * The name cache (Linux: struct dentry, fs/dcache.c).
 *
 * A dentry is a name in a directory; it has an inode, or NO_INODE if it records that the name does not exist. The cached ones form
 * the tree below the roots of mounted file systems, and a file system is asked about a name
 * again only when its directory says that the answer is not `isCurrent`.
 *
 * Invariants: a directory's `children` holds only dentries whose `parent` is it; a dentry that is pinned (open
 * files, working directories, mounts) or has children stays in its parent's map, so there is one dentry for a name as long as
 * anybody refers to it; the number of the others is bounded, because a guest decides which names are looked up.
 */
import type { Inode } from './inode.ts';
import { NameMap } from './name-map.ts';

export class Dentry {
  name: string;
  /** null for the root of a file system, and for what has no place in a tree (pipes, sockets). */
  parent: Dentry | null;
  /** NO_INODE: the name is known not to exist. */
  inode: Inode;
  children: NameMap<Dentry> | null = null;
  /** References that keep it in the cache. */
  pins = 0;
  /** Mounts that hang on it, in whatever mount tree: a hint that spares looking for them. */
  mountCount = 0;
  /** Its name has been removed; whoever still has it open goes on with it. */
  isDeleted = false;
  /** Used since the cache last considered dropping it. */
  isRecent = false;
  /** Where the pool has it; -1 when it does not. */
  slot = -1;

  constructor(name: string, parent: Dentry | null, inode: Inode) {
    this.name = name;
    this.parent = parent;
    this.inode = inode;
  }
}

/** Bounds the unpinned dentries: first in, first out, with a second chance for those used meanwhile. */
class DentryPool {
  /** Grown as it fills: a short run needs little of it. */
  readonly #ring: (Dentry | undefined)[] = [];
  /** Places in the ring that are empty. */
  readonly #free: number[] = [];
  readonly #capacity: number;
  #hand = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Takes a new dentry in; another one may be dropped from the cache for it. */
  add(dentry: Dentry): void {
    if (this.#free.length === 0 && this.#ring.length >= this.#capacity) this.#makeRoom();
    const slot = this.#free.pop() ?? this.#ring.length;
    this.#ring[slot] = dentry;
    dentry.slot = slot;
  }

  /** The dentry is in no directory any more: without this it, and what its inode holds, would stay until its turn comes. */
  remove(dentry: Dentry): void {
    if (dentry.slot < 0) return;
    this.#ring[dentry.slot] = undefined;
    this.#free.push(dentry.slot);
    dentry.slot = -1;
  }

  #makeRoom(): void {
    const ring = this.#ring;
    let old = ring[this.#hand];
    // At most a few second chances; one that must stay anyway gives its place up and is bounded by who pins it.
    for (let i = 0; i < 64 && old !== undefined && (old.isRecent || !isDroppable(old)); i++) {
      old.isRecent = false;
      this.#hand = (this.#hand + 1) % ring.length;
      old = ring[this.#hand];
    }
    this.#hand = (this.#hand + 1) % ring.length;
    if (old === undefined) return;
    if (isDroppable(old)) forget(old);
    else this.overflow(old);
  }

  /** A dentry that cannot be dropped now leaves the ring; `unpin` and the removal of its last child drop it later. */
  overflow(dentry: Dentry): void {
    if (dentry.slot < 0) return;
    dentry.isRecent = false;
    this.remove(dentry);
    outside.add(dentry);
  }
}

/** Dentries that left the ring while in use. Each is pinned or has a child, so its size follows what the guest has open. */
const outside = new Set<Dentry>();

function isDroppable(dentry: Dentry): boolean {
  return dentry.pins === 0 && dentry.mountCount === 0 && (dentry.children === null || dentry.children.size === 0);
}

/** How many names are remembered beyond those in use; about 20 MB with their inodes. */
const POOL_CAPACITY = 65536;
const pool = new DentryPool(POOL_CAPACITY);

/** Drops a dentry nobody uses, and those above it that had left the ring and were kept by it alone. */
function forget(dentry: Dentry): void {
  let current: Dentry | null = dentry;
  while (current !== null) {
    outside.delete(current);
    pool.remove(current);
    const parent: Dentry | null = current.parent;
    if (parent === null || parent.children?.get(current.name) !== current) return;
    parent.children.delete(current.name);
    parent.inode.forgetChild(current.name);
    current = outside.has(parent) && isDroppable(parent) ? parent : null;
  }
}

/** Adds a child to the cache; NO_INODE records that the name does not exist. */
export function addDentry(parent: Dentry, name: string, inode: Inode): Dentry {
  const dentry = new Dentry(name, parent, inode);
  // First the name, then the pool: the pool must see that the parent has a child.
  if (parent.children === null) parent.children = new NameMap();
  parent.children.set(name, dentry);
  pool.add(dentry);
  return dentry;
}

/** A dentry that is used although its directory may not be cached; nobody else finds it. */
export function detachedDentry(parent: Dentry, name: string, inode: Inode): Dentry {
  return new Dentry(name, parent, inode);
}

export function pinDentry(dentry: Dentry): void {
  dentry.pins += 1;
}

export function unpinDentry(dentry: Dentry): void {
  dentry.pins -= 1;
  if (dentry.pins === 0 && outside.has(dentry) && isDroppable(dentry)) forget(dentry);
}

/** The name is gone (unlink, rmdir, a rename over it): who holds the dentry keeps it, a walk no longer finds it. */
export function removeDentry(dentry: Dentry): void {
  const parent = dentry.parent;
  if (parent?.children?.get(dentry.name) === dentry) parent.children.delete(dentry.name);
  dentry.isDeleted = true;
  outside.delete(dentry);
  pool.remove(dentry);
  pruneBelow(dentry);
}

/** Forgets what is cached under a name, positive or negative, without calling it deleted. */
export function dropName(parent: Dentry, name: string): void {
  const dentry = parent.children?.get(name);
  if (dentry === undefined) return;
  parent.children?.delete(name);
  pool.remove(dentry);
}

/** Drops a dentry now, or when its last user lets go of it. */
function dropWhenUnused(dentry: Dentry): void {
  if (isDroppable(dentry)) forget(dentry);
  else pool.overflow(dentry);
}

/**
 * Forgets all that is cached below a dentry, what is in use as soon as it no longer is (Linux: shrink_dcache_parent). Nobody finds it
 * any more, so it would only hold what its inodes hold.
 *
 * @returns the dentries that are mounted on
 */
export function pruneBelow(dentry: Dentry): Dentry[] {
  if (dentry.children === null || dentry.children.size === 0) return [];
  // Parents before children; a list, because a guest decides how deep it goes.
  const found = [...dentry.children.values()];
  for (const each of found) if (each.children !== null) for (const child of each.children.values()) found.push(child);
  for (let i = found.length - 1; i >= 0; i--) dropWhenUnused(found[i]);
  return found.filter((each) => each.mountCount > 0);
}

/** Forgets a name and all below it (Linux: d_invalidate): the dentries that are mounted on. */
export function pruneDentry(dentry: Dentry): Dentry[] {
  const mountpoints = pruneBelow(dentry);
  if (dentry.mountCount > 0) mountpoints.push(dentry);
  if (dentry.parent !== null) dropWhenUnused(dentry);
  return mountpoints;
}

/** After a rename: gives the dentry its new place. Whatever was cached there must have been removed. */
export function moveDentry(dentry: Dentry, parent: Dentry, name: string): void {
  const old = dentry.parent;
  if (old?.children?.get(dentry.name) === dentry) old.children.delete(dentry.name);
  dentry.parent = parent;
  dentry.name = name;
  if (parent.children === null) parent.children = new NameMap();
  parent.children.set(name, dentry);
}

/** Whether `dentry` is `ancestor` or below it. */
export function isBelow(dentry: Dentry, ancestor: Dentry): boolean {
  for (let at: Dentry | null = dentry; at !== null; at = at.parent) if (at === ancestor) return true;
  return false;
}
