/** The system calls that make, replace or steer the thread they are made on, as declarations. */
import { full, type Handler, partial, type SyscallDef } from '../syscalls/define.ts';

export interface ProcessHandlers {
  readonly sigreturn: Handler;
  readonly clone: Handler;
  readonly fork: Handler;
  readonly vfork: Handler;
  readonly execve: Handler;
  readonly execveat: Handler;
  readonly archPrctl: Handler;
  readonly clone3: Handler;
}

export function declareProcessCalls(handlers: ProcessHandlers): readonly SyscallDef[] {
  return [
    full(15, 'rt_sigreturn', [], handlers.sigreturn),
    full(56, 'clone', ['cloneflags', 'ptr', 'ptr', 'ptr', 'ptr'], handlers.clone),
    full(57, 'fork', [], handlers.fork),
    full(58, 'vfork', [], handlers.vfork),
    full(59, 'execve', ['path', 'argv', 'argv'], handlers.execve),
    full(158, 'arch_prctl', ['int', 'ptr'], handlers.archPrctl),
    full(322, 'execveat', ['dirfd', 'path', 'argv', 'argv', 'atflags'], handlers.execveat),
    partial(435, 'clone3', ['ptr', 'size'], handlers.clone3, 'no set_tid, no cgroup'),
  ];
}
