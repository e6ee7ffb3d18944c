/** Files of memfd_create(2): in memory, in no directory (Linux: mm/memfd.c). */
import { F_SEAL_EXEC, F_SEAL_SEAL, O_LARGEFILE, O_RDWR } from '../../abi/fcntl.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Task } from '../../kernel/task.ts';
import { Dentry } from '../../vfs/dentry.ts';
import { createMount, type Mount } from '../../vfs/mount.ts';
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

/** An open file of no bytes, shown as /memfd:NAME (deleted). */
export function createMemfd({ kernel, creds }: Task, name: string, options: MemfdOptions): TmpFile {
  const home = homes.get(kernel);
  if (home === undefined) throw new Error('memfds were not provided at boot');
  const inode = new TmpRegular(home.fs, options.isExecutable ? 0o777 : 0o666, creds.fsuid, creds.fsgid);
  inode.nlink = 0;
  inode.seals = (options.isSealable ? 0 : F_SEAL_SEAL) | (options.isExecutable ? 0 : F_SEAL_EXEC);
  home.fs.quota.chargeInode();
  const dentry = new Dentry(`/memfd:${name} (deleted)`, null, inode);
  return new TmpFile({ mount: home.mount, dentry }, O_RDWR | O_LARGEFILE, inode);
}
