/** Memory files of the host (memfd_create(2)) for bytes of file systems in memory that guests map. */
import { native } from './native.ts';

const CLOSE = 3;
const LSEEK = 8;
const PREAD64 = 17;
const PWRITE64 = 18;
const FSTAT = 5;
const SENDFILE = 40;
const FTRUNCATE = 77;
const FALLOCATE = 285;
const MEMFD_CREATE = 319;
const MFD_CLOEXEC = 1;
const STAT_BLOCKS = 64;
const stat = new DataView(new ArrayBuffer(144));

export const hostMemory = {
  create(name: string): number {
    return native.syscall(MEMFD_CREATE, Buffer.from(`${name}\0`, 'latin1'), MFD_CLOEXEC);
  },
  close(hostFd: number): void {
    native.syscall(CLOSE, hostFd);
  },
  pread(hostFd: number, dst: Uint8Array, at: number, length: number, offset: number): number {
    return native.syscall(PREAD64, hostFd, dst.subarray(at, at + length), length, offset);
  },
  pwrite(hostFd: number, src: Uint8Array, at: number, length: number, offset: number): number {
    return native.syscall(PWRITE64, hostFd, src.subarray(at, at + length), length, offset);
  },
  truncate(hostFd: number, size: number): number {
    return native.syscall(FTRUNCATE, hostFd, size);
  },
  allocate(hostFd: number, mode: number, offset: number, length: number): number {
    return native.syscall(FALLOCATE, hostFd, mode, offset, length);
  },
  seek(hostFd: number, offset: number, whence: number): number {
    return native.syscall(LSEEK, hostFd, offset, whence);
  },
  usedBytes(hostFd: number): number {
    return native.syscall(FSTAT, hostFd, stat) < 0 ? 0 : Number(stat.getBigInt64(STAT_BLOCKS, true)) * 512;
  },
  copyFrom(hostFd: number, fromFd: number, length: number): number {
    const offset = new BigInt64Array(1);
    for (let left = length; left > 0; ) {
      const sent = native.syscall(SENDFILE, hostFd, fromFd, offset, left);
      if (sent < 0) return sent;
      if (sent === 0) break;
      left -= sent;
    }
    return 0;
  },
};
