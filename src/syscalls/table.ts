/** The table of system calls of x86-64: every family's declarations by number. */

import { aioSyscalls } from './aio.ts';
import { attributeSyscalls } from './attributes.ts';
import type { SyscallDef } from './define.ts';
import { descriptorSyscalls } from './descriptors.ts';
import { directorySyscalls } from './directories.ts';
import { epollSyscalls } from './epoll.ts';
import { eventFileSyscalls } from './event-files.ts';
import { eventfdSyscalls } from './eventfd.ts';
import { fcntlSyscalls } from './fcntl.ts';
import { fileCopySyscalls } from './file-copy.ts';
import { fileHandleSyscalls } from './file-handle.ts';
import { fileIoSyscalls } from './file-io.ts';
import { fileSyncSyscalls } from './file-sync.ts';
import { futexSyscalls } from './futex.ts';
import { identitySyscalls } from './identity.ts';
import { inotifySyscalls } from './inotify.ts';
import { kcmpSyscalls } from './kcmp.ts';
import { killSyscalls } from './kill.ts';
import { limitsSyscalls } from './limits.ts';
import { membarrierSyscalls } from './membarrier.ts';
import { memorySyscalls } from './memory.ts';
import { messageSyscalls } from './messages.ts';
import { mountSyscalls } from './mount.ts';
import { mqueueSyscalls } from './mqueue.ts';
import { nameSyscalls } from './names.ts';
import { namespaceSyscalls } from './namespaces.ts';
import { numaSyscalls } from './numa.ts';
import { openFileSyscalls } from './open-files.ts';
import { pidfdSyscalls } from './pidfd.ts';
import { pipeSyscalls } from './pipe.ts';
import { pollSyscalls } from './poll.ts';
import { prctlSyscalls } from './prctl.ts';
import { processSyscalls } from './process.ts';
import { processMemorySyscalls } from './process-memory.ts';
import { ptraceSyscalls } from './ptrace.ts';
import { schedSyscalls } from './sched.ts';
import { schedAttrSyscalls } from './sched-attr.ts';
import { seccompSyscalls } from './seccomp.ts';
import { selectSyscalls } from './select.ts';
import { semaphoreSyscalls } from './semaphores.ts';
import { sharedMemorySyscalls } from './shared-memory.ts';
import { signalSyscalls } from './signal.ts';
import { socketSyscalls } from './socket.ts';
import { socketIoSyscalls } from './socket-io.ts';
import { socketOptionSyscalls } from './socket-options.ts';
import { statSyscalls } from './stat.ts';
import { statfsSyscalls } from './statfs.ts';
import { systemSyscalls } from './system.ts';
import { timeSyscalls } from './time.ts';
import { timerSyscalls } from './timers.ts';
import { waitSyscalls } from './wait.ts';
import { xattrSyscalls } from './xattr.ts';

const FAMILIES: readonly (readonly SyscallDef[])[] = [
  aioSyscalls,
  attributeSyscalls,
  descriptorSyscalls,
  directorySyscalls,
  epollSyscalls,
  eventFileSyscalls,
  eventfdSyscalls,
  fcntlSyscalls,
  fileCopySyscalls,
  fileHandleSyscalls,
  fileIoSyscalls,
  fileSyncSyscalls,
  futexSyscalls,
  identitySyscalls,
  kcmpSyscalls,
  killSyscalls,
  limitsSyscalls,
  membarrierSyscalls,
  memorySyscalls,
  nameSyscalls,
  numaSyscalls,
  openFileSyscalls,
  pidfdSyscalls,
  pipeSyscalls,
  pollSyscalls,
  prctlSyscalls,
  processMemorySyscalls,
  processSyscalls,
  ptraceSyscalls,
  schedAttrSyscalls,
  schedSyscalls,
  inotifySyscalls,
  messageSyscalls,
  mqueueSyscalls,
  semaphoreSyscalls,
  sharedMemorySyscalls,
  mountSyscalls,
  seccompSyscalls,
  selectSyscalls,
  signalSyscalls,
  socketIoSyscalls,
  socketOptionSyscalls,
  socketSyscalls,
  statSyscalls,
  statfsSyscalls,
  namespaceSyscalls,
  systemSyscalls,
  timeSyscalls,
  timerSyscalls,
  waitSyscalls,
  xattrSyscalls,
];

/** Indexed by number; the process calls that replace a task's thread are added by the sentry (`sentry/process-calls.ts`). */
export function assembleTable(more: readonly SyscallDef[]): readonly (SyscallDef | undefined)[] {
  const table: (SyscallDef | undefined)[] = [];
  for (const family of [...FAMILIES, more]) {
    for (const def of family) {
      if (table[def.nr] !== undefined) throw new Error(`system call ${def.nr} is declared twice: ${def.name}`);
      table[def.nr] = def;
    }
  }
  return table;
}
