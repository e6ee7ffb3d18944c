/** What every task of a container is doing, as `runsc debug --stacks` shows it: Linux's /proc/PID/stack, wchan and syscall in one. */
import { stateOf } from '../../fs/proc/pid-status.ts';
import { vfsView } from '../../fs/proc/vfs-view.ts';
import type { Task } from '../../kernel/task.ts';
import { REG } from '../../platform/guest-thread.ts';
import type { SyscallDef } from '../../syscalls/define.ts';
import { decodeArguments, widthOf } from '../argument-widths.ts';
import type { Compartment } from '../compartment.ts';
import type { Guest } from '../guest.ts';
import { readRegister } from '../signal-frame.ts';
import { hex } from '../strace/decode.ts';
import { callText } from '../strace/strace-writer.ts';

export interface TaskEntry {
  readonly pid: number;
  readonly tid: number;
  readonly name: string;
  /** As ps(1) shows it; D is a call that waits for the host and not for an event. */
  readonly state: string;
  /** 0 for one that has ended. */
  readonly hostPid: number;
  /** Outermost last, as kernels print stacks. */
  readonly frames: readonly string[];
}

/** What a call without a descriptor waits for, by Linux's names of the functions that sleep. */
const WAIT_CHANNELS: Readonly<Record<string, string>> = {
  futex: 'futex_wait_queue',
  wait4: 'do_wait',
  waitid: 'do_wait',
  nanosleep: 'hrtimer_nanosleep',
  clock_nanosleep: 'hrtimer_nanosleep',
  poll: 'do_sys_poll',
  ppoll: 'do_sys_poll',
  select: 'do_select',
  pselect6: 'do_select',
  pause: 'sys_pause',
  rt_sigsuspend: 'sigsuspend',
  rt_sigtimedwait: 'do_sigtimedwait',
  vfork: 'wait_for_vfork_done',
  clone: 'wait_for_vfork_done',
  clone3: 'wait_for_vfork_done',
};

export function listTasks(compartment: Compartment): TaskEntry[] {
  const { sandbox, kernel } = compartment;
  return [...kernel.pids.groups()].flatMap((group) => {
    const tasks = group.tasks.length > 0 ? group.tasks : [group.leader];
    return tasks.map((task) => {
      const guest = sandbox.processes.findGuest(task);
      return {
        pid: task.pid,
        tid: task.tid,
        name: task.name,
        state: stateLetter(task, guest),
        hostPid: guest?.thread.process.pid ?? 0,
        frames: guest === undefined ? [] : framesOf(task, guest, sandbox.dispatcher.find(guest.nr)),
      };
    });
  });
}

function stateLetter(task: Task, guest: Guest | undefined): string {
  const state = stateOf(task);
  if (state !== 'R' || guest === undefined || !guest.isInKernel || guest.nr < 0) return state;
  return task.wakeFromSleep === null ? 'D' : 'S';
}

function framesOf(task: Task, guest: Guest, def: SyscallDef | undefined): string[] {
  if (!guest.isInKernel) return ['runs the program'];
  const user = `the program, ip ${hex(readRegister(guest.thread, REG.rip))} sp ${hex(readRegister(guest.thread, REG.rsp))}`;
  if (def === undefined) return ['between two calls', user];
  const args = decodeArguments(guest.thread, Uint8Array.from(def.args, widthOf), new Float64Array(6));
  const sleep = task.wakeFromSleep === null ? [] : [channelOf(task, def, args)];
  return [...sleep, `${def.handler.name} in the kernel`, callText(guest, def, args), user];
}

function channelOf(task: Task, { name, args: types }: SyscallDef, args: Float64Array): string {
  const at = types.indexOf('fd');
  const open = at < 0 ? null : vfsView.descriptor(task, args[at] ?? -1);
  if (open !== null) return `sleeps on ${vfsView.pathText(open.file.path, task.fs.root)}`;
  return `sleeps in ${WAIT_CHANNELS[name] ?? name}`;
}
