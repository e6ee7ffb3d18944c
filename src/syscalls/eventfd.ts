/** eventfd(2) and eventfd2(2). */
import { EINVAL } from '../abi/errno.ts';
import { O_CLOEXEC, O_NONBLOCK, O_RDWR } from '../abi/fcntl.ts';
import { EventfdFile } from '../fs/event/eventfd-file.ts';
import type { Task } from '../kernel/task.ts';
import { full, type SyscallDef } from './define.ts';
import { installNew } from './install-file.ts';

const EFD_SEMAPHORE = 1;

function sysEventfd2(task: Task, initial: number, flags: number): number {
  if ((flags & ~(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK)) !== 0) return -EINVAL;
  const path = task.kernel.anonPath('[eventfd]');
  const file = new EventfdFile(path, O_RDWR | (flags & O_NONBLOCK), initial, (flags & EFD_SEMAPHORE) !== 0);
  return installNew(task, file, (flags & O_CLOEXEC) !== 0);
}

function sysEventfd(task: Task, initial: number): number {
  return sysEventfd2(task, initial, 0);
}

export const eventfdSyscalls: readonly SyscallDef[] = [
  full(284, 'eventfd', ['uint'], sysEventfd),
  full(290, 'eventfd2', ['uint', 'flags'], sysEventfd2),
];
