/** Files of the host's memory for bytes of file systems in memory that guests map. */
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
const OPENAT2 = 437;
const MFD_CLOEXEC = 1;
/** O_TMPFILE with O_RDWR and O_CLOEXEC. */
const UNNAMED = 0o20200000 | 0o2000002;
const OWNER_ONLY = 0o600;
/** struct open_how */
const HOW_SIZE = 24;
const STAT_BLOCKS = 64;
const stat = new DataView(new ArrayBuffer(144));
const here = Buffer.from('.\0');
const name = Buffer.from('file\0');

export class HostMemoryFiles {
  readonly #directory: number;
  readonly #how = new BigUint64Array([BigInt(UNNAMED), BigInt(OWNER_ONLY), 0n]);

  /** @param directory of a file system in memory, which bounds them all; negative where the host allows none, and they are memfds */
  constructor(directory: number) {
    this.#directory = directory;
  }

  create(): number {
    if (this.#directory < 0) return native.syscall(MEMFD_CREATE, name, MFD_CLOEXEC);
    return native.syscall(OPENAT2, this.#directory, here, this.#how, HOW_SIZE);
  }

  close(hostFd: number): void {
    native.syscall(CLOSE, hostFd);
  }

  pread(hostFd: number, dst: Uint8Array, at: number, length: number, offset: number): number {
    return native.syscall(PREAD64, hostFd, dst.subarray(at, at + length), length, offset);
  }

  pwrite(hostFd: number, src: Uint8Array, at: number, length: number, offset: number): number {
    return native.syscall(PWRITE64, hostFd, src.subarray(at, at + length), length, offset);
  }

  truncate(hostFd: number, size: number): number {
    return native.syscall(FTRUNCATE, hostFd, size);
  }

  allocate(hostFd: number, mode: number, offset: number, length: number): number {
    return native.syscall(FALLOCATE, hostFd, mode, offset, length);
  }

  seek(hostFd: number, offset: number, whence: number): number {
    return native.syscall(LSEEK, hostFd, offset, whence);
  }

  usedBytes(hostFd: number): number {
    return native.syscall(FSTAT, hostFd, stat) < 0 ? 0 : Number(stat.getBigInt64(STAT_BLOCKS, true)) * 512;
  }

  copyFrom(hostFd: number, fromFd: number, length: number): number {
    const offset = new BigInt64Array(1);
    for (let left = length; left > 0; ) {
      const sent = native.syscall(SENDFILE, hostFd, fromFd, offset, left);
      if (sent < 0) return sent;
      // It has become shorter meanwhile: the rest is zeros.
      if (sent === 0) return this.truncate(hostFd, length);
      left -= sent;
    }
    return 0;
  }
}
