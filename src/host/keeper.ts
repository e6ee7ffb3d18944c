/**
 * The process beside the sentry (native/launch-keeper.c): until the sentry has locked itself in it does what takes powers over the
 * host, and when the sentry has ended it says why and clears away what it was told to.
 */
import { readFileSync } from 'node:fs';
import { errnoName } from '../abi/errno.ts';
import { HostError } from './host-error.ts';
import type { HostAccess, HostReach } from './host-place.ts';
import type { ProcessId } from './host-process.ts';
import { native } from './native.ts';
import { receive } from './sockets.ts';

const CLOSE = 3;
const SENDTO = 44;
const MSG_NOSIGNAL = 0x4000;

/** How a process that becomes a sentry was started: plain values, which cross from one bundle to another. */
export interface Launched {
  readonly socket: number;
  /** The keeper, by which others know the sandbox: with it all of it ends. */
  readonly keeper: ProcessId;
  /** Whether the host's network may be the guest's. */
  readonly mayHaveHostNetwork: boolean;
  /** What we left for ourselves when we asked to be started again; null the first time. */
  readonly note: string | null;
}

/** How a sentry is to be started that cannot be what its configuration asks for. */
export interface Restart {
  /** Lines of timens_offsets (time_namespaces(7)), or none. */
  readonly clocks: string;
  readonly needsHostNetwork: boolean;
  readonly note: string;
}

/** A program of the host that is run at a turn of a container's life. */
export interface HookProgram {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutSec: number | undefined;
}

/** How it ended: a status as wait(2) gives it, -ETIMEDOUT, or -errno when it did not run; and the beginning of its standard error. */
export interface HookEnd {
  readonly status: number;
  readonly errors: string;
}

/** What is bound into a container's root. */
export interface BoundPath {
  readonly source: string;
  /** As the container sees it. */
  readonly target: string;
  readonly isWritable: boolean;
  readonly isRecursive: boolean;
}

/** What is to be done once the sentry has ended, in the order in which it was told. */
export type EndStep =
  | { readonly kind: 'unlink' | 'rmdir'; readonly path: string }
  | { readonly kind: 'write'; readonly path: string; readonly text: string }
  | { readonly kind: 'run'; readonly args: readonly string[] };

const END_KINDS = { unlink: 'u', rmdir: 'd', write: 'w', run: 'r' } as const;

/** How it is told what of a mount is wanted. */
const modeOf = (isWritable: boolean, isRecursive: boolean): string =>
  `${isWritable ? 'w' : 'r'}${isRecursive ? 'a' : 'o'}`;

interface Reply {
  readonly result: number;
  readonly fds: readonly number[];
  readonly text: string;
}

export class Keeper {
  readonly #socket: number;

  constructor({ socket }: Launched) {
    this.#socket = socket;
  }

  /** A directory of the host as a mount of its own, devices in it none: a descriptor, or -errno where there may be no such thing. */
  openTree(path: string, access: HostAccess, reach: HostReach): number {
    return this.#askFd('T', `${modeOf(access === 'writable', reach === 'all mounts')}${path}`);
  }

  /** The sandbox's /proc, in the same way. */
  openProc(): number {
    return this.#askFd('P', '');
  }

  /** An empty file system in memory of the host's, which may take half of it: a descriptor of its directory, or -errno. */
  openMemory(): number {
    return this.#askFd('M', '');
  }

  /** Changes the root of this process: to an empty one, or to a container's. 0 or -errno. */
  changeRoot(root: string | null, bound: readonly BoundPath[]): number {
    const binds = bound.flatMap(({ source, target, isWritable, isRecursive }) => [
      source,
      target,
      modeOf(isWritable, isRecursive),
    ]);
    return this.#ask('R', root ?? '', ...binds);
  }

  /** Puts the sandbox's processes into a control group. Throws a HostError. */
  enterGroup(directory: string): void {
    const failed = this.#ask('G', directory);
    if (failed < 0) throw new HostError(`entering the control group ${directory}`, failed);
  }

  /** The control groups that the keeper is in, as /proc/PID/cgroup has them. */
  readGroups(): string {
    const fd = this.#askFd('C', '');
    if (fd < 0) throw new HostError('reading the control groups of the process beside the sentry', fd);
    try {
      return readFileSync(fd, 'utf8');
    } finally {
      native.syscall(CLOSE, fd);
    }
  }

  /** Puts the keeper, for whom others take the sandbox, into a network namespace, that at `path` or a new one: 0 or -errno. */
  enterNetwork(path: string | null): number {
    return this.#ask('N', path ?? '');
  }

  /** Sets the oom_score_adj of the sandbox's processes: 0 or -errno. */
  setOomScore(score: number): number {
    return this.#ask('O', String(score));
  }

  /** Has us started once more when we have ended, in another way: 0, or -errno where the host gives no such clocks. */
  startAgain({ clocks, needsHostNetwork, note }: Restart): number {
    return this.#ask('A', clocks, needsHostNetwork ? 'host' : 'none', note);
  }

  /** Has the command go on by itself when we have ended, for it makes no sandbox. */
  leaveToCommand(): void {
    this.#need('U', '');
  }

  /** Runs a program of the host, as the caller of this one would, with `input` to read. */
  runHook({ path, args, env, timeoutSec }: HookProgram, input: string): HookEnd {
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const numbers = [timeoutSec ?? 0, args.length, variables.length].map(String);
    const words = [...numbers, path, ...args, ...variables, input];
    const { result, text } = this.#exchange('K', words);
    return { status: result, errors: text };
  }

  /** Runs our own program, as the caller of this one would: its exit status. */
  run(args: readonly string[]): number {
    return this.#ask('H', ...args);
  }

  /** Where to write how the sentry ended, if it ends before its time. */
  reportAt(path: string): void {
    this.#need('D', path);
  }

  /** What to run when it is told that the first program runs. */
  atStart(args: readonly string[]): void {
    this.#need('B', ...args);
  }

  atEnd(step: EndStep): void {
    const texts = step.kind === 'run' ? step.args : step.kind === 'write' ? [step.path, step.text] : [step.path];
    this.#need(`E${END_KINDS[step.kind]}`, ...texts);
  }

  /** From here on it does nothing more for us than was told before. */
  lockIn(): void {
    this.#need('X', '');
  }

  /** The sandbox is made: its command may end. To be told when nothing of the command's is held any more. */
  made(): void {
    this.#send('W', ['']);
  }

  /** The first program runs. */
  started(): void {
    this.#send('S', ['']);
  }

  close(): void {
    native.syscall(CLOSE, this.#socket);
  }

  #send(kind: string, texts: readonly string[]): number {
    const bytes = Buffer.from(`${kind}${texts.map((text) => `${text}\0`).join('')}`);
    return native.syscall(SENDTO, this.#socket, bytes, bytes.length, MSG_NOSIGNAL, 0, 0);
  }

  #exchange(kind: string, texts: readonly string[]): Reply {
    const sent = this.#send(kind, texts);
    if (sent < 0) return { result: sent, fds: [], text: '' };
    const reply = receive(this.#socket, 'yes');
    if (typeof reply === 'number' || reply.bytes.length < 4) throw new Error('the process beside the sentry is gone');
    const text = new TextDecoder().decode(reply.bytes.subarray(4));
    return { result: new DataView(reply.bytes.buffer).getInt32(0, true), fds: reply.fds, text };
  }

  #ask(kind: string, ...texts: readonly string[]): number {
    return this.#exchange(kind, texts).result;
  }

  #need(kind: string, ...texts: readonly string[]): void {
    const { result } = this.#exchange(kind, texts);
    if (result < 0) throw new Error(`the process beside the sentry refuses request ${kind}: ${errnoName(-result)}`);
  }

  #askFd(kind: string, ...texts: readonly string[]): number {
    const { result, fds } = this.#exchange(kind, texts);
    return result < 0 ? result : (fds[0] ?? -1);
  }
}
