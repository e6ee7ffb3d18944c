/** The processes of a sandbox as `ps` shows them, with the host's pids beside the guest's. */
import { terminalIndex } from '../fs/devpts/devpts.ts';
import { rootCredentials } from '../kernel/credentials.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { ThreadGroup } from '../kernel/thread-group.ts';
import { Terminal } from '../kernel/tty.ts';
import type { Compartment } from './compartment.ts';
import { findPath } from './places.ts';

const MAX_COMMAND = 4096;

export interface ProcessEntry {
  readonly pid: number;
  readonly ppid: number;
  readonly uid: number;
  /** 0 for one that has ended and was not waited for. */
  readonly hostPid: number;
  /** Seconds since 1970. */
  readonly startTime: number;
  /** Seconds of CPU. */
  readonly cpuTime: number;
  /** "pts/0", or "?". */
  readonly tty: string;
  readonly command: string;
}

export function listProcesses(compartment: Compartment): ProcessEntry[] {
  return compartment.groups().map((group) => entryOf(compartment, group));
}

function entryOf({ kernel, sandbox }: Compartment, group: ThreadGroup): ProcessEntry {
  const task = group.tasks[0] ?? group.leader;
  const usage = group.usage();
  const { tty } = group.session;
  const { clock } = kernel;
  return {
    pid: group.pid,
    ppid: group.parentPid,
    uid: group.leader.creds.uid,
    hostPid: sandbox.processes.findGuest(task)?.thread.process.pid ?? 0,
    startTime: Math.floor((Date.now() * 1e6 - (clock.monotonicNs() - group.startNs)) / 1e9),
    cpuTime: Math.floor((usage.userNs + usage.systemNs) / 1e9),
    tty: tty instanceof Terminal ? `pts/${terminalIndex(tty.deviceNumber)}` : '?',
    command: commandOf(kernel, group),
  };
}

/** Its command line by its own /proc, or its name in brackets. */
function commandOf({ namespaces }: Kernel, group: ThreadGroup): string {
  const path = findPath(namespaces.mnt.root, `/proc/${group.pid}/cmdline`);
  const file = path?.dentry.inode.open(path, 0, rootCredentials());
  if (file === undefined || typeof file === 'number') return `[${group.leader.name}]`;
  const bytes = new Uint8Array(MAX_COMMAND);
  const length = file.read(bytes, 0, MAX_COMMAND, 0);
  file.unref();
  if (length <= 0) return `[${group.leader.name}]`;
  return Buffer.from(bytes.buffer, 0, length).toString('utf8').replace(/\0$/, '').replaceAll('\0', ' ');
}
