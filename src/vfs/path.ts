/** A place in the mount tree (Linux: struct path). */
import type { Dentry } from './dentry.ts';
import type { Mount } from './mount.ts';

export interface Path {
  readonly mount: Mount;
  readonly dentry: Dentry;
}
