/** What a file system in memory asks of the host once a file is mapped: its bytes move to a file of the host's memory, which guests can map. */

export interface HostMemory {
  /** A new file without a name: a descriptor, or -errno. */
  create(): number;
  close(hostFd: number): void;
  pread(hostFd: number, dst: Uint8Array, at: number, length: number, offset: number): number;
  pwrite(hostFd: number, src: Uint8Array, at: number, length: number, offset: number): number;
  truncate(hostFd: number, size: number): number;
  /** fallocate(2). */
  allocate(hostFd: number, mode: number, offset: number, length: number): number;
  /** lseek(2) with SEEK_DATA or SEEK_HOLE. */
  seek(hostFd: number, offset: number, whence: number): number;
  /** Bytes it takes up. */
  usedBytes(hostFd: number): number;
  /** Copies the first `length` bytes of another host file without bringing them here: 0 or -errno. */
  copyFrom(hostFd: number, fromFd: number, length: number): number;
}
