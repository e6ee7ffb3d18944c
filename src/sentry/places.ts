/** Places in the mount tree of a container, as its configuration names them. */
import { S_IFREG } from '../abi/stat.ts';
import { rootCredentials } from '../kernel/credentials.ts';
import type { Mount } from '../vfs/mount.ts';
import type { Path } from '../vfs/path.ts';
import { instantiate, WALK_FOLLOW, walk } from '../vfs/walk.ts';

/** The place a path names, from the root of the tree; null if there is none. */
export function findPath(root: Mount, path: string): Path | null {
  const start = { mount: root, dentry: root.root };
  const failed = walk.run(path, start, start, rootCredentials(), WALK_FOLLOW);
  return failed < 0 ? null : { mount: walk.mount, dentry: walk.dentry };
}

/** Makes the directories of `path` that are missing; the last may be a file for a file to be mounted on. */
export function makePlace(root: Mount, path: string, kind: 'directory' | 'file'): void {
  const names = path.split('/').filter((part) => part !== '');
  let made = '';
  for (const [i, name] of names.entries()) {
    const parent = findPath(root, made === '' ? '/' : made)?.dentry;
    made += `/${name}`;
    if (parent === undefined || findPath(root, made) !== null) continue;
    const isLast = i === names.length - 1;
    const inode =
      kind === 'file' && isLast
        ? parent.inode.mknod(name, S_IFREG | 0o644, 0, 0, 0)
        : parent.inode.mkdir(name, 0o755, 0, 0);
    if (typeof inode !== 'number') instantiate(parent, name, inode);
  }
}
