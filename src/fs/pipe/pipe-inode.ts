/** The inode of a pipe of pipe(2): /proc/PID/fd/N and /dev/fd/N open it again. */
import { S_IFIFO } from '../../abi/stat.ts';
import type { Credentials } from '../../kernel/credentials.ts';
import type { Pipe } from '../../kernel/pipe.ts';
import type { File } from '../../vfs/file.ts';
import type { Path } from '../../vfs/path.ts';
import { AnonInode, allocateAnonIno, anonPathOf, pipeFileSystem } from '../anon/anon-inode.ts';
import { PipeFile } from './pipe-file.ts';

class PipeInode extends AnonInode {
  readonly #pipe: Pipe;

  constructor(pipe: Pipe, { fsuid, fsgid }: Credentials) {
    super(pipeFileSystem, allocateAnonIno(), S_IFIFO | 0o600);
    this.#pipe = pipe;
    this.uid = fsuid;
    this.gid = fsgid;
  }

  /** Unlike a FIFO's, it never waits for the other end (Linux: fifo_open, is_pipe). */
  override open(path: Path, flags: number): File | number {
    return new PipeFile(this.#pipe, path, flags);
  }
}

/** The place of a new pipe, which both its ends have. */
export function pipePath(pipe: Pipe, creds: Credentials): Path {
  const inode = new PipeInode(pipe, creds);
  return anonPathOf(inode, `pipe:[${inode.ino}]`);
}
