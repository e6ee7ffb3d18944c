/** inotify(7) of the host, for fs/host: made when it is first needed. */
import { native } from './native.ts';

const READ = 0;
const CLOSE = 3;
const CHDIR = 80;
const FCHDIR = 81;
const INOTIFY_ADD_WATCH = 254;
const INOTIFY_RM_WATCH = 255;
const INOTIFY_INIT1 = 294;
const IN_NONBLOCK = 0o4000;
const IN_CLOEXEC = 0o2000000;
const IN_ATTRIB = 0x4;
const IN_MOVED_FROM = 0x40;
const IN_MOVED_TO = 0x80;
const IN_CREATE = 0x100;
const IN_DELETE = 0x200;
const IN_ONLYDIR = 0x1000000;
const NAMES = IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ONLYDIR;
const EAGAIN = 11;

const here = Buffer.from('.\0');
const root = Buffer.from('/\0');

export class Inotify {
  /** -1 before it is made; another -errno when it could not be. */
  #fd = -1;
  #isMade = false;

  /** It takes a path: the directory becomes the working directory, which nothing in here looks at, for that long. */
  add(dirFd: number): number {
    if (!this.#isMade) {
      this.#isMade = true;
      this.#fd = native.syscall(INOTIFY_INIT1, IN_NONBLOCK | IN_CLOEXEC);
    }
    if (this.#fd < 0) return this.#fd;
    const failed = native.syscall(FCHDIR, dirFd);
    if (failed < 0) return failed;
    const watch = native.syscall(INOTIFY_ADD_WATCH, this.#fd, here, NAMES);
    native.syscall(CHDIR, root);
    return watch;
  }

  remove(watch: number): void {
    native.syscall(INOTIFY_RM_WATCH, this.#fd, watch);
  }

  read(dst: Uint8Array): number {
    return this.#fd < 0 ? -EAGAIN : native.syscall(READ, this.#fd, dst, dst.length);
  }

  close(): void {
    if (this.#fd >= 0) native.syscall(CLOSE, this.#fd);
    this.#fd = -1;
  }
}
