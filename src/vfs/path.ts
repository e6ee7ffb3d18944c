/** A place in the mount tree (Linux: struct path). */
import type { Dentry } from './dentry.ts';
import type { Mount } from './mount.ts';

export interface Path {
  readonly mount: Mount;
  readonly dentry: Dentry;
}

export function isSamePath(a: Path, b: Path): boolean {
  return a.mount === b.mount && a.dentry === b.dentry;
}

/**
 * The path as text, as getcwd(2) and the links in /proc/PID/fd show it (Linux: d_path): from `root` if it is below it, else from
 * the top of the mount tree. A removed file has " (deleted)" behind its last name. What is in no tree (pipes, sockets,
 * eventfds) shows its name alone.
 */
export function absolutePath(path: Path, root: Path): string {
  const isUnnamed = path.dentry.parent === null && path.mount.parent === null && path.dentry.name !== '';
  const text = placeText(path, root);
  return path.dentry.isDeleted && !isUnnamed ? `${text} (deleted)` : text;
}

/** The same without a word about whether it is still there (Linux: __d_path). */
export function placeText(path: Path, root: Path): string {
  let { mount, dentry } = path;
  if (dentry.parent === null && mount.parent === null && dentry.name !== '') return dentry.name;
  let text = '';
  for (;;) {
    if (mount === root.mount && dentry === root.dentry) break;
    if (dentry === mount.root) {
      if (mount.parent === null || mount.mountpoint === null) break;
      dentry = mount.mountpoint;
      mount = mount.parent;
      continue;
    }
    if (dentry.parent === null) break;
    text = `/${dentry.name}${text}`;
    dentry = dentry.parent;
  }
  return text === '' ? '/' : text;
}

/** Whether `path` is `root` or below it, across mounts (Linux: path_is_under, is_subdir). */
export function isReachable(path: Path, root: Path): boolean {
  let { mount, dentry } = path;
  for (;;) {
    if (mount === root.mount && dentry === root.dentry) return true;
    if (dentry === mount.root) {
      if (mount.parent === null || mount.mountpoint === null) return false;
      dentry = mount.mountpoint;
      mount = mount.parent;
      continue;
    }
    if (dentry.parent === null) return false;
    dentry = dentry.parent;
  }
}
