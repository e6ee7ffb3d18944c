/** Files of the host by descriptor and single name (see fs/host), over raw system calls. */
import { type HostArgument, type Native, native } from './native.ts';

const NR = {
  close: 3,
  lseek: 8,
  pread64: 17,
  pwrite64: 18,
  fsync: 74,
  ftruncate: 77,
  fstatfs: 138,
  getdents64: 217,
  mkdirat: 258,
  fchownat: 260,
  unlinkat: 263,
  linkat: 265,
  symlinkat: 266,
  readlinkat: 267,
  utimensat: 280,
  fallocate: 285,
  renameat2: 316,
  copy_file_range: 326,
  statx: 332,
  openat2: 437,
  fchmodat2: 452,
  fchmodat: 268,
  sendfile: 40,
} as const;

const O_PATH = 0o10000000;
const O_DIRECTORY = 0o200000;
const O_NOFOLLOW = 0o400000;
const O_CLOEXEC = 0o2000000;
const O_NONBLOCK = 0o4000;
const O_NOCTTY = 0o400;
const O_CREAT = 0o100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
/** RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS. */
const RESOLVE = 0x08 | 0x04 | 0x02;
const STATX_BASIC_AND_BTIME = 0xfff;
const STATX_SIZE = 256;
const UTIME_OMIT = 0x3ffffffe;
const ENAMETOOLONG = 36;
const ENOSYS = 38;
const EINVAL = 22;
/** One name, or the text of a symbolic link. */
const TEXT_SIZE = 4097;

/** Where statx(2) results go; the file system contract's Stat has these fields. */
export interface HostStat {
  dev: number;
  ino: number;
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  rdev: number;
  size: number;
  blksize: number;
  blocks: number;
  atimeSec: number;
  atimeNsec: number;
  mtimeSec: number;
  mtimeNsec: number;
  ctimeSec: number;
  ctimeNsec: number;
  btimeSec: number;
  btimeNsec: number;
}

interface Time {
  readonly sec: number;
  readonly nsec: number;
}

export class NativeHostFiles {
  readonly #native: Native;
  readonly #text = Buffer.alloc(TEXT_SIZE);
  readonly #text2 = Buffer.alloc(TEXT_SIZE);
  readonly #statx = new Uint8Array(STATX_SIZE);
  readonly #statxView = new DataView(this.#statx.buffer);
  readonly #how = new DataView(new ArrayBuffer(24));
  readonly #times = new DataView(new ArrayBuffer(32));
  /** Address of the buffer the last bulk transfer used: asking for it costs as much as the call. */
  #buffer: Uint8Array | null = null;
  #address = 0;

  constructor(calls: Native = native) {
    this.#native = calls;
    this.#how.setUint32(16, RESOLVE, true);
  }

  #put(text: Buffer, value: string): number {
    if (value.length >= TEXT_SIZE) return -ENAMETOOLONG;
    if (value.indexOf('\0') >= 0) return -EINVAL;
    text.write(value, 0, 'latin1');
    text[value.length] = 0;
    return 0;
  }

  /** One call with a name as an argument. */
  #named(
    nr: number,
    dirFd: number,
    name: string,
    a2: HostArgument,
    a3: HostArgument = 0,
    a4: HostArgument = 0,
  ): number {
    const failed = this.#put(this.#text, name);
    return failed < 0 ? failed : this.#native.syscall(nr, dirFd, this.#text, a2, a3, a4);
  }

  #addressOf(buffer: Uint8Array): number {
    if (buffer !== this.#buffer) {
      this.#address = this.#native.addressOf(buffer);
      this.#buffer = buffer;
    }
    return this.#address;
  }

  statName(dirFd: number, name: string, out: HostStat): number {
    const result = this.#named(NR.statx, dirFd, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_AND_BTIME, this.#statx);
    if (result >= 0) this.#decode(out);
    return result;
  }

  statFd(hostFd: number, out: HostStat): number {
    const result = this.#named(NR.statx, hostFd, '', AT_EMPTY_PATH, STATX_BASIC_AND_BTIME, this.#statx);
    if (result >= 0) this.#decode(out);
    return result;
  }

  /** struct statx of linux/stat.h. */
  #decode(out: HostStat): void {
    const v = this.#statxView;
    out.blksize = v.getUint32(4, true);
    out.nlink = v.getUint32(16, true);
    out.uid = v.getUint32(20, true);
    out.gid = v.getUint32(24, true);
    out.mode = v.getUint16(28, true);
    out.ino = v.getUint32(32, true) + v.getUint32(36, true) * 2 ** 32;
    out.size = v.getUint32(40, true) + v.getUint32(44, true) * 2 ** 32;
    out.blocks = v.getUint32(48, true) + v.getUint32(52, true) * 2 ** 32;
    out.atimeSec = v.getUint32(64, true) + v.getInt32(68, true) * 2 ** 32;
    out.atimeNsec = v.getUint32(72, true);
    out.btimeSec = v.getUint32(80, true) + v.getInt32(84, true) * 2 ** 32;
    out.btimeNsec = v.getUint32(88, true);
    out.ctimeSec = v.getUint32(96, true) + v.getInt32(100, true) * 2 ** 32;
    out.ctimeNsec = v.getUint32(104, true);
    out.mtimeSec = v.getUint32(112, true) + v.getInt32(116, true) * 2 ** 32;
    out.mtimeNsec = v.getUint32(120, true);
    out.rdev = encodeDev(v.getUint32(128, true), v.getUint32(132, true));
    out.dev = encodeDev(v.getUint32(136, true), v.getUint32(140, true));
  }

  #openat2(dirFd: number, name: string, flags: number, mode: number): number {
    this.#how.setUint32(0, flags, true);
    this.#how.setUint32(8, mode, true);
    return this.#named(NR.openat2, dirFd, name, this.#how, 24);
  }

  openDirectory(dirFd: number, name: string): number {
    return this.#openat2(dirFd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
  }

  open(dirFd: number, name: string, flags: number, mode: number): number {
    // Without waiting and without a terminal: what is a file now may be a FIFO a moment later, if the host's user wants it so.
    const always = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    return this.#openat2(dirFd, name, flags | always, (flags & O_CREAT) !== 0 ? mode : 0);
  }

  close(hostFd: number): void {
    this.#native.syscall(NR.close, hostFd);
  }

  readlink(dirFd: number, name: string): string | number {
    const length = this.#named(NR.readlinkat, dirFd, name, this.#text2, TEXT_SIZE - 1);
    return length < 0 ? length : this.#text2.toString('latin1', 0, length);
  }

  pread(hostFd: number, dst: Uint8Array, at: number, length: number, offset: number): number {
    if (!(at >= 0 && length >= 0 && at + length <= dst.length)) return -EINVAL;
    return this.#native.syscall(NR.pread64, hostFd, this.#addressOf(dst) + at, length, offset);
  }

  pwrite(hostFd: number, src: Uint8Array, at: number, length: number, offset: number): number {
    if (!(at >= 0 && length >= 0 && at + length <= src.length)) return -EINVAL;
    return this.#native.syscall(NR.pwrite64, hostFd, this.#addressOf(src) + at, length, offset);
  }

  getdents(hostFd: number, dst: Uint8Array): number {
    return this.#native.syscall(NR.getdents64, hostFd, dst, dst.length);
  }

  seek(hostFd: number, offset: number, whence: number): number {
    return this.#native.syscall(NR.lseek, hostFd, offset, whence);
  }

  truncate(hostFd: number, size: number): number {
    return this.#native.syscall(NR.ftruncate, hostFd, size);
  }

  allocate(hostFd: number, mode: number, offset: number, length: number): number {
    return this.#native.syscall(NR.fallocate, hostFd, mode, offset, length);
  }

  fsync(hostFd: number): number {
    return this.#native.syscall(NR.fsync, hostFd);
  }

  mkdir(dirFd: number, name: string, mode: number): number {
    return this.#named(NR.mkdirat, dirFd, name, mode);
  }

  symlink(dirFd: number, name: string, target: string): number {
    const failed = this.#put(this.#text2, target) || this.#put(this.#text, name);
    return failed < 0 ? failed : this.#native.syscall(NR.symlinkat, this.#text2, dirFd, this.#text);
  }

  link(fromDirFd: number, fromName: string, dirFd: number, name: string): number {
    const failed = this.#put(this.#text2, fromName) || this.#put(this.#text, name);
    return failed < 0 ? failed : this.#native.syscall(NR.linkat, fromDirFd, this.#text2, dirFd, this.#text, 0);
  }

  unlink(dirFd: number, name: string, flags: number): number {
    return this.#named(NR.unlinkat, dirFd, name, flags);
  }

  rename(fromDirFd: number, fromName: string, dirFd: number, name: string, flags: number): number {
    const failed = this.#put(this.#text2, fromName) || this.#put(this.#text, name);
    return failed < 0 ? failed : this.#native.syscall(NR.renameat2, fromDirFd, this.#text2, dirFd, this.#text, flags);
  }

  chmod(dirFd: number, name: string, mode: number): number {
    const result = this.#named(NR.fchmodat2, dirFd, name, mode, AT_SYMLINK_NOFOLLOW);
    if (result !== -ENOSYS) return result;
    // Before Linux 6.6 only by way of following; a link has been ruled out by whoever calls.
    return this.#named(NR.fchmodat, dirFd, name, mode);
  }

  chown(dirFd: number, name: string, uid: number, gid: number): number {
    return this.#named(NR.fchownat, dirFd, name, uid, gid, AT_SYMLINK_NOFOLLOW);
  }

  setTimes(dirFd: number, name: string, atime: Time | null, mtime: Time | null): number {
    this.#putTime(0, atime);
    this.#putTime(16, mtime);
    return this.#named(NR.utimensat, dirFd, name, this.#times, AT_SYMLINK_NOFOLLOW);
  }

  #putTime(at: number, time: Time | null): void {
    const sec = time === null ? 0 : time.sec;
    this.#times.setUint32(at, sec >>> 0, true);
    this.#times.setInt32(at + 4, Math.floor(sec / 2 ** 32), true);
    this.#times.setUint32(at + 8, time === null ? UTIME_OMIT : time.nsec, true);
    this.#times.setUint32(at + 12, 0, true);
  }

  statfs(hostFd: number): readonly number[] | number {
    const view = new DataView(new ArrayBuffer(120));
    const result = this.#native.syscall(NR.fstatfs, hostFd, view);
    if (result < 0) return result;
    return [8, 16, 24, 40, 48].map((at) => view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32);
  }

  fileSystemType(hostFd: number): number {
    const view = new DataView(new ArrayBuffer(120));
    return this.#native.syscall(NR.fstatfs, hostFd, view) < 0 ? 0 : view.getUint32(0, true);
  }
}

/** new_encode_dev of a major and minor number. */
function encodeDev(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}
