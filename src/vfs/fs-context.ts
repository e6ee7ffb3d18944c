/** Root, working directory and umask of a task (Linux: struct fs_struct); threads share it. */
import { pinDentry, unpinDentry } from './dentry.ts';
import type { Path } from './path.ts';

export class FsContext {
  #root: Path;
  #cwd: Path;
  umask: number;

  constructor(root: Path, cwd: Path, umask = 0o022) {
    this.#root = root;
    this.#cwd = cwd;
    this.umask = umask;
    pinDentry(root.dentry);
    pinDentry(cwd.dentry);
  }

  get root(): Path {
    return this.#root;
  }

  get cwd(): Path {
    return this.#cwd;
  }

  /** chroot(2). */
  set root(path: Path) {
    pinDentry(path.dentry);
    unpinDentry(this.#root.dentry);
    this.#root = path;
  }

  /** chdir(2). */
  set cwd(path: Path) {
    pinDentry(path.dentry);
    unpinDentry(this.#cwd.dentry);
    this.#cwd = path;
  }

  clone(): FsContext {
    return new FsContext(this.#root, this.#cwd, this.umask);
  }

  /** Its last task is gone; without this the two directories stay in the name cache. */
  release(): void {
    unpinDentry(this.#root.dentry);
    unpinDentry(this.#cwd.dentry);
  }
}
