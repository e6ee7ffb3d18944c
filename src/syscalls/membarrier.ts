/**
 * membarrier(2): memory barriers on other threads (Linux: kernel/sched/membarrier.c).
 *
 * Guest threads are host threads of one address space, so the host's own barrier does it: the calling thread makes the call in its
 * stub. What was registered is kept here, because the stub registers for itself and the guest must not see that.
 */
import { EINVAL, EPERM } from '../abi/errno.ts';
import type { Task } from '../kernel/task.ts';
import { partial, type SyscallDef } from './define.ts';

const QUERY = 0;
const GLOBAL = 1;
const GLOBAL_EXPEDITED = 2;
const REGISTER_GLOBAL_EXPEDITED = 4;
const PRIVATE_EXPEDITED = 8;
const REGISTER_PRIVATE_EXPEDITED = 16;
const PRIVATE_EXPEDITED_SYNC_CORE = 32;
const REGISTER_PRIVATE_EXPEDITED_SYNC_CORE = 64;
const GET_REGISTRATIONS = 512;
const COMMANDS =
  GLOBAL |
  GLOBAL_EXPEDITED |
  REGISTER_GLOBAL_EXPEDITED |
  PRIVATE_EXPEDITED |
  REGISTER_PRIVATE_EXPEDITED |
  PRIVATE_EXPEDITED_SYNC_CORE |
  REGISTER_PRIVATE_EXPEDITED_SYNC_CORE |
  GET_REGISTRATIONS;

function sysMembarrier(task: Task, command: number, flags: number): number {
  const { mm } = task;
  if (flags !== 0) return -EINVAL;
  switch (command) {
    case QUERY:
      return COMMANDS;
    case GET_REGISTRATIONS:
      return mm.barrierRegistrations;
    case REGISTER_GLOBAL_EXPEDITED:
    case REGISTER_PRIVATE_EXPEDITED:
    case REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
      mm.barrierRegistrations |= command;
      break;
    case PRIVATE_EXPEDITED:
    case PRIVATE_EXPEDITED_SYNC_CORE:
      if ((mm.barrierRegistrations & (command * 2)) === 0) return -EPERM;
      break;
    case GLOBAL:
    case GLOBAL_EXPEDITED:
      break;
    default:
      return -EINVAL;
  }
  mm.host.membarrier(command);
  return 0;
}

export const membarrierSyscalls: readonly SyscallDef[] = [
  partial(324, 'membarrier', ['cmd', 'flags', 'int'], sysMembarrier, 'no commands for restartable sequences (rseq)'),
];
