/** Runs one command in a sandbox of its own, in the foreground: boots it, starts PID 1, turns the loop, and cleans up. */
import { writeSync } from 'node:fs';
import { guestOomScore, ownOomScore, setOomScore } from '../host/host-process.ts';
import type { Launched } from '../host/keeper.ts';
import { isTerminal } from '../host/pty.ts';
import { endZygote, startZygote } from '../platform/zygote.ts';
import { forwardSignals } from './forward-signals.ts';
import { hostCallGroups, hostShareOf, lockIn } from './lock-in.ts';
import { shellMessage, shellStatus } from './program.ts';
import { Sandbox } from './sandbox.ts';
import type { SandboxOptions } from './sandbox-options.ts';

export { runContainer } from './run-container.ts';

const STDIO = [0, 1, 2];

/** @returns the exit status of the command, 128 + n if signal n ended it */
export async function runSandbox(options: SandboxOptions, launched: Launched): Promise<number> {
  const zygote = startZygote();
  setOomScore(zygote.pid, guestOomScore(ownOomScore()));
  try {
    const sandbox = new Sandbox(
      options,
      zygote,
      STDIO.some((fd) => isTerminal(fd)),
      hostShareOf(launched),
    );
    if (options.strace) sandbox.changeTrace(options.straceCalls);
    return await runInit(sandbox, options, launched);
  } finally {
    endZygote(zygote);
  }
}

async function runInit(sandbox: Sandbox, options: SandboxOptions, launched: Launched): Promise<number> {
  const streams = sandbox.openStreams(STDIO, 'caller');
  const { task, terminal } = await sandbox.during(sandbox.first.create(options, streams));
  const release = forwardSignals(task, terminal);
  let status: number | null = null;
  task.kernel.pids.hooks.groupExit.push((group) => {
    if (group !== task.group) return;
    status = group.exitStatus;
    sandbox.scheduler.stop();
  });
  try {
    lockIn(launched, hostCallGroups(options), null, sandbox.trace).close();
    const failed = await sandbox.during(sandbox.first.exec(task, options));
    // A signal from outside may have ended it before the program ran.
    if (failed !== null && status === null) return report(options.argv[0], failed);
    if (status === null) await sandbox.scheduler.run();
  } finally {
    release();
    terminal?.restore();
    sandbox.processes.reap();
  }
  return shellStatus(status ?? 0);
}

function report(command: string, error: number): number {
  const { message, status } = shellMessage(command, error);
  writeSync(2, `runsc: ${message}\n`);
  return status;
}
