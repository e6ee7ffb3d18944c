/**
 * The entries of a directory in memory, by name and in the order of their offsets. A name that has been removed keeps its place and its offset,
 * for what may come under it again, until there are more of those than of the others (see vfs/name-map.ts for why).
 */
import type { TmpInode } from './tmp-inode.ts';

export interface DirEntry {
  readonly inode: TmpInode;
  readonly offset: number;
}

interface Place {
  /** null: the name has been removed. */
  inode: TmpInode | null;
  readonly offset: number;
}

/** "." and ".." come before. */
const FIRST_OFFSET = 3;
const MIN_GONE = 64;

function isLive(place: Place): place is DirEntry {
  return place.inode !== null;
}

export class DirEntries {
  #places = new Map<string, Place>();
  #gone = 0;
  #nextOffset = FIRST_OFFSET;

  get size(): number {
    return this.#places.size - this.#gone;
  }

  get(name: string): TmpInode | undefined {
    return this.#places.get(name)?.inode ?? undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  insert(name: string, inode: TmpInode): void {
    const place = this.#places.get(name);
    if (place === undefined) {
      this.#places.set(name, { inode, offset: this.#nextOffset++ });
      return;
    }
    if (place.inode === null) this.#gone -= 1;
    place.inode = inode;
  }

  remove(name: string): void {
    const place = this.#places.get(name);
    if (place === undefined || place.inode === null) return;
    place.inode = null;
    this.#gone += 1;
    if (this.#gone > MIN_GONE && this.#gone > this.size) this.#sweep();
  }

  *[Symbol.iterator](): IterableIterator<[string, DirEntry]> {
    for (const [name, place] of this.#places) if (isLive(place)) yield [name, place];
  }

  #sweep(): void {
    const places = new Map<string, Place>();
    for (const [name, place] of this.#places) if (isLive(place)) places.set(name, place);
    this.#places = places;
    this.#gone = 0;
  }
}
