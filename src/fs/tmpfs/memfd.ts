/** Files of memfd_create(2): in memory, in no directory (Linux: mm/memfd.c). */
import { F_SEAL_EXEC, F_SEAL_SEAL, O_LARGEFILE, O_RDWR } from '../../abi/fcntl.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Task } from '../../kernel/task.ts';
import { Dentry } from '../../vfs/dentry.ts';
import { createMount, type Mount } from '../../vfs/mount.ts';
import type { Path } from '../../vfs/path.ts';
import type { TmpfsHost } from './memory-fs.ts';
import { TmpFile, TmpRegular } from './tmp-regular.ts';
import { defaultTmpfsOptions, Tmpfs } from './tmpfs.ts';

interface MemfdHome {
  readonly fs: Tmpfs;
  readonly mount: Mount;
}

/** One file system a sandbox (Linux: shm_mnt). */
const homes = new WeakMap<Kernel, MemfdHome>();

/** To be called at boot. */
export function provideMemfds(kernel: Kernel, host: TmpfsHost): void {
  const fs = new Tmpfs(host, defaultTmpfsOptions(kernel.memoryTotal));
  homes.set(kernel, { fs, mount: createMount(fs) });
}

export interface MemfdOptions {
  readonly isSealable: boolean;
  readonly isExecutable: boolean;
}

/** A regular file in memory that no directory has; `name` is what /proc/PID/maps shows. */
export function unlinkedInode({ kernel, creds }: Task, name: string, mode: number): { path: Path; inode: TmpRegular } {
  const home = homes.get(kernel);
  if (home === undefined) throw new Error('memfds were not provided at boot');
  const inode = new TmpRegular(home.fs, mode, creds.fsuid, creds.fsgid);
  inode.nlink = 0;
  home.fs.quota.chargeInode();
  return { path: { mount: home.mount, dentry: new Dentry(name, null, inode) }, inode };
}

/** An open file of no bytes, shown as /memfd:NAME (deleted). */
export function createMemfd(task: Task, name: string, options: MemfdOptions): TmpFile {
  const { path, inode } = unlinkedInode(task, `/memfd:${name} (deleted)`, options.isExecutable ? 0o777 : 0o666);
  inode.seals = (options.isSealable ? 0 : F_SEAL_SEAL) | (options.isExecutable ? 0 : F_SEAL_EXEC);
  return new TmpFile(path, O_RDWR | O_LARGEFILE, inode);
}
