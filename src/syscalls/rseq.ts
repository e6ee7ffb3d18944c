/**
 * rseq(2): restartable sequences (Linux: kernel/rseq.c).
 *
 * A guest thread is a host thread, and both what a sequence must be restarted for (preemption, migration, a signal) and the CPU's
 * number happen to the host thread. So the area is registered with the host kernel, in the calling thread's name, and the host
 * checks the arguments. A fork's host process has the registration of the thread that forked, a new thread and a new program
 * have none: as in Linux.
 */
import { EFAULT } from '../abi/errno.ts';
import type { Task } from '../kernel/task.ts';
import { partial, type SyscallDef } from './define.ts';

/** TASK_SIZE_MAX: no number above it is exact enough to be handed on, and no memory is there. */
const USER_ADDRESS_LIMIT = 2 ** 47;

function sysRseq(task: Task, addr: number, length: number, flags: number, signature: number): number {
  if (addr >= USER_ADDRESS_LIMIT) return -EFAULT;
  task.mm.host.rseq(addr, length, flags, signature);
  return 0;
}

export const rseqSyscalls: readonly SyscallDef[] = [
  partial(
    334,
    'rseq',
    ['ptr', 'uint', 'flags', 'hex'],
    sysRseq,
    "a vfork(2) child has its parent's registration until it execs; an area that becomes unusable ends the process by SIGKILL",
  ),
];
