/** startContainer hooks: programs of the container that run in it before its own (config.md, "POSIX-platform Hooks"). */
import { SIGKILL } from '../abi/signal.ts';
import { native } from '../host/native.ts';
import { exitGroup } from '../kernel/exit.ts';
import type { ThreadGroup } from '../kernel/thread-group.ts';
import type { Compartment } from './compartment.ts';
import { findProgram, runtimeMessage, shellStatus } from './program.ts';

import type { ProcessOptions } from './sandbox-options.ts';

const WRITE = 1;
const CLOSE = 3;
const PIPE2 = 293;
const O_CLOEXEC = 0o2000000;

export interface GuestHook {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutSec: number | undefined;
}

/** A pipe that holds `text` and its end: a state document is far below what a pipe takes. */
function pipeWith(text: string): number {
  const fds = new Int32Array(2);
  if (native.syscall(PIPE2, fds, O_CLOEXEC) < 0) throw new Error('no pipe for the state of a hook');
  const [reader, writer] = fds;
  const bytes = new TextEncoder().encode(text);
  const written = native.syscall(WRITE, writer, bytes, bytes.length);
  native.syscall(CLOSE, writer);
  if (written !== bytes.length) throw new Error('the state of a hook does not fit a pipe');
  return reader;
}

/** Runs one with the state on its standard input, as the user of `init`. Throws a message for people if it fails. */
export async function runGuestHook(
  compartment: Compartment,
  init: ProcessOptions,
  hook: GuestHook,
  state: string,
): Promise<void> {
  const options = { ...init, program: hook.path, argv: hook.args, env: hook.env };
  const streams = compartment.sandbox.openStreams([pipeWith(state)], 'sandbox');
  const { task } = await compartment.create(options, streams);
  const missing = findProgram(task, options);
  const failed = missing > 0 ? missing : await compartment.exec(task, options);
  if (failed !== null) {
    exitGroup(task.group, SIGKILL);
    throw new Error(`startContainer hook: ${runtimeMessage(options, failed)}`);
  }
  const status = await ended(compartment, task.group, hook.timeoutSec);
  if (status === 'late') throw new Error(`startContainer hook ${hook.path} did not end within ${hook.timeoutSec} s`);
  if (status !== 0) throw new Error(`startContainer hook ${hook.path} failed with status ${status}`);
}

/** Waits for the end of a process: its status as a shell shows it. One that takes too long is ended. */
function ended(
  { kernel, sandbox }: Compartment,
  group: ThreadGroup,
  timeoutSec: number | undefined,
): Promise<number | 'late'> {
  const { timers, clock } = kernel;
  return new Promise((resolve) => {
    let isLate = false;
    const timer =
      timeoutSec === undefined
        ? null
        : timers.add(clock.monotonicNs() + timeoutSec * 1e9, () => {
            isLate = true;
            exitGroup(group, SIGKILL);
          });
    sandbox.onEnd(group, (status) => {
      if (timer !== null) timers.cancel(timer);
      resolve(isLate ? 'late' : shellStatus(status));
    });
  });
}
