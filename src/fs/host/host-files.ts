/**
 * What the host file system asks of the host: calls relative to a directory's descriptor with single names, never paths, so that
 * no symbolic link of the guest's making is ever followed by the host.
 */
import type { Stat } from '../../vfs/inode.ts';

export interface HostFiles {
  /** statx(2) of a name, not following: 0 or -errno. `dev` is the host's. */
  statName(dirFd: number, name: string, out: Stat): number;
  statFd(hostFd: number, out: Stat): number;
  /** A directory, with O_PATH: a descriptor or -errno. */
  openDirectory(dirFd: number, name: string): number;
  /** A regular file or, with O_DIRECTORY, a directory to be listed: a descriptor or -errno. */
  open(dirFd: number, name: string, flags: number, mode: number): number;
  close(hostFd: number): void;
  readlink(dirFd: number, name: string): string | number;
  pread(hostFd: number, dst: Uint8Array, at: number, length: number, offset: number): number;
  pwrite(hostFd: number, src: Uint8Array, at: number, length: number, offset: number): number;
  /** struct linux_dirent64 records from where the descriptor stands: bytes, 0 at the end, or -errno. */
  getdents(hostFd: number, dst: Uint8Array): number;
  seek(hostFd: number, offset: number, whence: number): number;
  truncate(hostFd: number, size: number): number;
  allocate(hostFd: number, mode: number, offset: number, length: number): number;
  fsync(hostFd: number): number;
  mkdir(dirFd: number, name: string, mode: number): number;
  symlink(dirFd: number, name: string, target: string): number;
  link(fromDirFd: number, fromName: string, dirFd: number, name: string): number;
  /** `flags` is AT_REMOVEDIR or 0. */
  unlink(dirFd: number, name: string, flags: number): number;
  rename(fromDirFd: number, fromName: string, dirFd: number, name: string, flags: number): number;
  /** Not following; -EOPNOTSUPP for links where the host cannot. */
  chmod(dirFd: number, name: string, mode: number): number;
  /** -1 leaves an id. */
  chown(dirFd: number, name: string, uid: number, gid: number): number;
  /** A null time stays. */
  setTimes(
    dirFd: number,
    name: string,
    atime: { sec: number; nsec: number } | null,
    mtime: { sec: number; nsec: number } | null,
  ): number;
  /** blocks, bfree... of statfs(2): [blockSize, blocks, blocksFree, files, filesFree], or -errno. */
  statfs(hostFd: number): readonly number[] | number;
  /** f_type of statfs(2), unsigned; 0 when the host does not say. */
  fileSystemType(hostFd: number): number;
}
