/** The life of a sandbox that is an OCI container: made, controlled from outside, and turned until its first process has ended. */

import { guestOomScore, ownOomScore, setOomScore } from '../host/host-process.ts';
import type { Keeper, Launched } from '../host/keeper.ts';
import { listenAt } from '../host/unix-stream.ts';
import { endZygote, startZygote } from '../platform/zygote.ts';
import { Container } from './container.ts';
import { ControlServer } from './control-server.ts';
import { forwardSignals } from './forward-signals.ts';
import type { GuestHook } from './guest-hooks.ts';
import { type ContainerRoot, hostCallGroups, hostShareOf, lockIn } from './lock-in.ts';
import { Members, type ReadMember } from './members.ts';
import { Sandbox } from './sandbox.ts';
import type { SandboxOptions } from './sandbox-options.ts';

export interface ContainerParts {
  readonly options: SandboxOptions;
  /** Whether the streams are one terminal. */
  readonly hasTerminal: boolean;
  /** Becomes the first process's descriptors from 0. */
  readonly stdio: readonly number[];
  /** Whether the descriptors of `stdio` are to be closed when the first process has; the caller goes on using them otherwise. */
  readonly stdioOwner: 'caller' | 'sandbox';
  readonly controlPath: string;
  /** Reads the configuration of a further container. */
  readonly readMember: ReadMember;
  readonly launched: Launched;
  /** startContainer hooks. */
  readonly startHooks: readonly GuestHook[];
  /** The sandbox is ready and answers on its control socket. It is locked in when this is through, and only then programs run. */
  onReady(sandbox: Sandbox): void | Promise<void>;
  /** It is locked in. */
  onLockedIn(container: Container, keeper: Keeper): void | Promise<void>;
}

/** The container's own root, with what is bound into it. */
function rootOf({ root, mounts }: SandboxOptions): ContainerRoot {
  const bound = mounts.flatMap(({ target, source }) =>
    source.kind === 'host' ? [{ ...source, source: source.path, target }] : [],
  );
  return { path: root.path, bound };
}

/** @returns the exit status of the first process, 128 + n if signal n ended it */
export async function runContainer(parts: ContainerParts): Promise<number> {
  const zygote = startZygote();
  setOomScore(zygote.pid, parts.options.bounds.oomScoreAdj ?? guestOomScore(ownOomScore()));
  try {
    const sandbox = new Sandbox(parts.options, zygote, parts.hasTerminal, hostShareOf(parts.launched));
    if (parts.options.strace) sandbox.changeTrace(parts.options.straceCalls);
    const streams = sandbox.openStreams(parts.stdio, parts.stdioOwner);
    const members = new Members(sandbox, parts.readMember);
    const container = await sandbox.during(Container.create(sandbox.first, parts.options, parts.startHooks, streams));
    const server = new ControlServer(sandbox.loop, listenAt(parts.controlPath), (request, connection) => {
      if (request.string('verb') === 'create') members.create(request, connection);
      else container.handle(request, connection);
    });
    const release = forwardSignals(container.init, container.terminal);
    try {
      await sandbox.during(sandbox.withNodeTimers(Promise.resolve(parts.onReady(sandbox))));
      const keeper = lockIn(
        parts.launched,
        [...hostCallGroups(parts.options), 'container'],
        rootOf(parts.options),
        sandbox.trace,
      );
      await sandbox.during(Promise.resolve(parts.onLockedIn(container, keeper)));
      while (container.status !== 'stopped') await sandbox.scheduler.run();
    } finally {
      release();
      if (parts.stdioOwner === 'caller') container.terminal?.restore();
      sandbox.processes.reap();
      server.close();
    }
    return container.exitCode;
  } finally {
    endZygote(zygote);
  }
}
