/** File systems in memory (Linux: mm/shmem.c, tmpfs(5)): the super block and its options. */
import { EINVAL } from '../../abi/errno.ts';
import { TMPFS_MAGIC } from '../../abi/stat.ts';
import { allocateDev } from '../../vfs/device-number.ts';
import { HandleTable } from '../../vfs/file-handle.ts';
import type { Inode, StatFs } from '../../vfs/inode.ts';
import { type MemoryFileSystem, memoryStatFs, type TmpfsHost } from './memory-fs.ts';
import { Quota } from './quota.ts';
import { TmpDirectory } from './tmp-directory.ts';

export interface TmpfsOptions {
  /** Bytes; default half of the memory that the guest is shown, which the caller says. */
  maxBytes: number;
  maxInodes: number;
  mode: number;
  uid: number;
  gid: number;
}

const UNITS: Readonly<Record<string, number>> = { k: 1024, m: 2 ** 20, g: 2 ** 30 };

/** The options of mount(2) for tmpfs; those not named stay as in `defaults`. -EINVAL for what is not understood. */
export function parseTmpfsOptions(text: string, defaults: TmpfsOptions, memoryTotal: number): TmpfsOptions | number {
  const options = { ...defaults };
  for (const part of text.split(',')) {
    if (part === '' || part === 'rw' || part === 'ro' || part.startsWith('huge=') || part.startsWith('mpol=')) continue;
    const match = /^(size|nr_blocks|nr_inodes|mode|uid|gid)=([0-9]{1,15})([kKmMgG%]?)$/.exec(part);
    if (match === null) {
      if (part === 'inode64' || part === 'inode32' || part === 'noswap') continue;
      return -EINVAL;
    }
    const [, key, digits = '0', unit = ''] = match;
    const number = Number.parseInt(digits, key === 'mode' ? 8 : 10);
    if (Number.isNaN(number)) return -EINVAL;
    const value = unit === '%' ? Math.floor((memoryTotal * number) / 100) : number * (UNITS[unit.toLowerCase()] ?? 1);
    if (key === 'size') options.maxBytes = value === 0 ? defaults.maxBytes : Math.min(value, memoryTotal);
    else if (key === 'nr_blocks') options.maxBytes = Math.min(value * 4096, memoryTotal);
    else if (key === 'nr_inodes')
      options.maxInodes = value === 0 ? defaults.maxInodes : Math.min(value, defaults.maxInodes);
    else if (key === 'mode') options.mode = value & 0o7777;
    else if (key === 'uid') options.uid = value >>> 0;
    else options.gid = value >>> 0;
  }
  return options;
}

export function defaultTmpfsOptions(memoryTotal: number): TmpfsOptions {
  return {
    maxBytes: Math.floor(memoryTotal / 2),
    maxInodes: Math.max(1024, Math.floor(memoryTotal / 2 / 4096)),
    mode: 0o1777,
    uid: 0,
    gid: 0,
  };
}

export class Tmpfs implements MemoryFileSystem {
  readonly typeName: string;
  readonly dev = allocateDev();
  readonly host: TmpfsHost;
  readonly quota: Quota;
  readonly root: Inode;
  readonly options: string;
  readonly handles = new HandleTable();
  #ino = 0;

  constructor(host: TmpfsHost, options: TmpfsOptions, typeName = 'tmpfs') {
    this.typeName = typeName;
    this.host = host;
    this.quota = new Quota(options.maxBytes, options.maxInodes);
    this.options = `,size=${Math.ceil(options.maxBytes / 1024)}k`;
    this.root = new TmpDirectory(this, null, options.mode, options.uid, options.gid);
  }

  nextIno(): number {
    this.#ino += 1;
    return this.#ino;
  }

  statfs(): StatFs {
    return memoryStatFs(TMPFS_MAGIC, this.quota);
  }
}
