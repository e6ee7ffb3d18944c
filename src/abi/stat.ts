/** File types and permission bits (inode(7)), directory entry types (readdir(3)), device numbers, statfs(2) magic numbers. */

export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;
export const S_ISUID = 0o4000;
export const S_ISGID = 0o2000;
export const S_ISVTX = 0o1000;
export const S_IRWXU = 0o700;
export const S_IXGRP = 0o010;

export const DT_UNKNOWN = 0;
export const DT_FIFO = 1;
export const DT_CHR = 2;
export const DT_DIR = 4;
export const DT_BLK = 6;
export const DT_REG = 8;
export const DT_LNK = 10;
export const DT_SOCK = 12;

/** The DT_* of a mode: its type bits shifted, as IFTODT of dirent.h. */
export function dtypeOfMode(mode: number): number {
  return (mode & S_IFMT) >> 12;
}

/** A device number as stat(2) shows it (Linux: new_encode_dev). */
export function makeDev(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}

export function majorOf(dev: number): number {
  return (dev >>> 8) & 0xfff;
}

export function minorOf(dev: number): number {
  return (dev & 0xff) | ((dev >>> 12) & 0xfff00);
}

export const TMPFS_MAGIC = 0x01021994;
export const OVERLAYFS_SUPER_MAGIC = 0x794c7630;
export const ANON_INODE_FS_MAGIC = 0x09041934;
export const NSFS_MAGIC = 0x6e736673;
export const PIPEFS_MAGIC = 0x50495045;
export const SOCKFS_MAGIC = 0x534f434b;
