/** How much a file system in memory may take of the host: bytes and inodes (tmpfs(5) size= and nr_inodes=). */

/** Beyond its bytes each inode costs about this much of the sentry's memory. */
export const INODE_COST = 1024;

export class Quota {
  maxBytes: number;
  maxInodes: number;
  bytes = 0;
  inodes = 0;

  constructor(maxBytes: number, maxInodes: number) {
    this.maxBytes = maxBytes;
    this.maxInodes = maxInodes;
  }

  /** Takes bytes, or gives them back when negative; false when there are not enough left. */
  charge(bytes: number): boolean {
    if (bytes > 0 && this.bytes + bytes > this.maxBytes) return false;
    this.bytes += bytes;
    return true;
  }

  chargeInode(): boolean {
    if (this.inodes >= this.maxInodes) return false;
    this.inodes += 1;
    return true;
  }
}
