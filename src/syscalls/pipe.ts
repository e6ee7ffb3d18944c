/** pipe(2) and pipe2(2). */
import { EINVAL } from '../abi/errno.ts';
import { O_CLOEXEC, O_NONBLOCK, O_WRONLY } from '../abi/fcntl.ts';
import { PipeFile } from '../fs/pipe/pipe-file.ts';
import { pipePath } from '../fs/pipe/pipe-inode.ts';
import { Pipe } from '../kernel/pipe.ts';
import type { Task } from '../kernel/task.ts';
import { full, partial, type SyscallDef } from './define.ts';
import { installPair } from './install-file.ts';

function sysPipe2(task: Task, fds: number, flags: number): number {
  if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) return -EINVAL;
  const pipe = new Pipe();
  const path = pipePath(pipe, task.creds);
  const status = flags & O_NONBLOCK;
  const reader = new PipeFile(pipe, path, status);
  const writer = new PipeFile(pipe, path, status | O_WRONLY);
  return installPair(task, fds, reader, writer, (flags & O_CLOEXEC) !== 0);
}

function sysPipe(task: Task, fds: number): number {
  return sysPipe2(task, fds, 0);
}

export const pipeSyscalls: readonly SyscallDef[] = [
  full(22, 'pipe', ['fdpair'], sysPipe),
  partial(293, 'pipe2', ['fdpair', 'fdflags'], sysPipe2, 'no O_DIRECT (packet mode) and O_NOTIFICATION_PIPE'),
];
