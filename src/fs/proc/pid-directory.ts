/** /proc/PID and /proc/PID/task/TID (Linux: fs/proc/base.c, tgid_base_stuff and tid_base_stuff). */

import { CAP_SYS_RESOURCE } from '../../abi/capability.ts';
import { EACCES, EINVAL, ENOENT, EPERM, ESRCH } from '../../abi/errno.ts';
import { currentTask } from '../../kernel/current.ts';
import { idMapText } from '../../kernel/id-maps.ts';
import type { NamespaceName } from '../../kernel/namespaces.ts';
import { TASK_NAME_MAX, type Task } from '../../kernel/task.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { Path } from '../../vfs/path.ts';
import { namespacePath, namespaceText } from '../anon/namespace-inode.ts';
import { changingDir, dir, lazyDir, ownedBy } from '../pseudo/pseudo-directory.ts';
import { DT_DIR, derivedIno, type Node } from '../pseudo/pseudo-file-system.ts';
import { magicLink } from '../pseudo/pseudo-inode.ts';
import { control, type Produce, parseDecimal, text, textFile } from '../pseudo/text-file.ts';
import { checkInspect, ownerOf } from './access.ts';
import { memFile } from './mem-file.ts';
import { mountinfoText, mountsText, mountstatsText } from './mount-files.ts';
import { netDirectory } from './net-files.ts';
import { fdDirectory, fdinfoDirectory } from './pid-descriptors.ts';
import { mapsText, smapsRollupText, smapsText } from './pid-maps.ts';
import { limitsText, statmText, statText, statusText } from './pid-status.ts';
import type { ProcOptions } from './proc-view.ts';

/** Bytes of arguments or environment shown at most. */
const MAX_STRINGS = 2 * 1024 * 1024;

/** A file that only those see who may inspect the process. */
function secret(task: Task, produce: Produce, permissions: number): Node {
  return textFile({
    produce: () => (task.isExited ? '' : produce()),
    permissions,
    check: (creds) => (checkInspect(task, creds) === -EACCES ? -EACCES : 0),
  });
}

/** Bytes [start, end) of the program's stack, as far as they can be read. */
function strings(task: Task, start: number, end: number): Uint8Array {
  const length = Math.min(end - start, MAX_STRINGS);
  if (task.isExited || !(length > 0)) return new Uint8Array(0);
  const bytes = task.mm.readBytesNow(start, length);
  return typeof bytes === 'number' ? new Uint8Array(0) : bytes;
}

/** The arguments; a program that wrote over them past their end (setproctitle) shows what it wrote. */
function cmdline(task: Task): Uint8Array {
  const { argStart, argEnd, envStart, envEnd } = task.mm;
  const args = strings(task, argStart, argEnd);
  if (args.length === 0 || args[args.length - 1] === 0 || envStart !== argEnd) return args;
  const title = strings(task, argStart, envEnd);
  const end = title.indexOf(0);
  return end < 0 ? title : title.subarray(0, end + 1);
}

function pathLink(task: Task, options: ProcOptions, pathOf: () => Path | null): Node {
  return magicLink(
    () => {
      const path = task.isExited ? null : pathOf();
      return path === null ? -ENOENT : options.vfs.pathText(path, task.fs.root);
    },
    (creds) => {
      if (checkInspect(task, creds) === -EACCES) return -EACCES;
      return task.isExited ? -ENOENT : (pathOf() ?? -ENOENT);
    },
  );
}

const NAMESPACES: readonly NamespaceName[] = [
  'cgroup',
  'ipc',
  'mnt',
  'net',
  'pid',
  'pid_for_children',
  'time',
  'time_for_children',
  'user',
  'uts',
];

function namespaces(task: Task): Node {
  const entries: Record<string, Node> = {};
  for (const name of NAMESPACES) {
    entries[name] = magicLink(
      () => namespaceText(task.namespaces[name]),
      (creds) => (checkInspect(task, creds) === -EACCES ? -EACCES : namespacePath(task.namespaces[name])),
    );
  }
  return dir(entries, 0o511);
}

function comm(task: Task): Node {
  return control(
    () => `${task.name}\n`,
    (value) => {
      if (currentTask()?.group !== task.group) return -EINVAL;
      const end = value.search(/[\0\n]/);
      task.name = (end < 0 ? value : value.slice(0, end)).slice(0, TASK_NAME_MAX);
      return 0;
    },
  );
}

function oomScoreAdj(task: Task): Node {
  return control(
    () => `${task.group.oomScoreAdj}\n`,
    (value, creds) => {
      const wanted = parseDecimal(value);
      if (wanted === null || wanted < -1000 || wanted > 1000) return -EINVAL;
      if (wanted < task.group.oomScoreAdj && !creds.hasCapability(CAP_SYS_RESOURCE)) return -EACCES;
      task.group.oomScoreAdj = wanted;
      return 0;
    },
  );
}

/** Files that a process and each of its threads have alike; each is made when it is looked up, for most starts of a program ask for one. */
function commonFiles(task: Task, isWholeGroup: boolean, options: ProcOptions): Record<string, () => Node> {
  const { vfs } = options;
  const { usage } = task;
  return {
    auxv: () => secret(task, () => task.mm.auxv, 0o400),
    cgroup: () => text(() => '0::/\n'),
    cmdline: () => text(() => cmdline(task)),
    comm: () => comm(task),
    cpuset: () => text(() => '/\n'),
    cwd: () => pathLink(task, options, () => task.fs.cwd),
    environ: () => secret(task, () => strings(task, task.mm.envStart, task.mm.envEnd), 0o400),
    exe: () => pathLink(task, options, () => task.mm.exe ?? task.group.exe),
    fd: () => fdDirectory(task, vfs),
    fdinfo: () => fdinfoDirectory(task, vfs),
    gid_map: () => text(() => idMapText(task.kernel.idMaps.gids)),
    io: () =>
      secret(
        task,
        () =>
          `rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: ${usage.blocksIn * 512}\n` +
          `write_bytes: ${usage.blocksOut * 512}\ncancelled_write_bytes: 0\n`,
        0o400,
      ),
    limits: () => text(() => limitsText(task)),
    loginuid: () => text(() => '4294967295'),
    maps: () => secret(task, () => mapsText(task, vfs), 0o444),
    mem: () => memFile(task),
    mountinfo: () => text(() => (task.isExited ? -EINVAL : mountinfoText(task, vfs))),
    mounts: () => text(() => (task.isExited ? -EINVAL : mountsText(task, vfs))),
    net: () => netDirectory(options),
    ns: () => namespaces(task),
    oom_score: () => text(() => `${Math.max(0, Math.floor((666 * (1000 + task.group.oomScoreAdj)) / 1000))}\n`),
    oom_score_adj: () => oomScoreAdj(task),
    personality: () => secret(task, () => `${task.personality.toString(16).padStart(8, '0')}\n`, 0o400),
    root: () => pathLink(task, options, () => task.fs.root),
    sched: () => text(() => `${task.name} (${task.tid}, #threads: ${task.group.tasks.length})\n`),
    schedstat: () => text(() => `${Math.floor(usage.userNs + usage.systemNs)} 0 ${usage.voluntarySwitches}\n`),
    sessionid: () => text(() => '4294967295'),
    setgroups: () => text(() => 'allow\n'),
    smaps: () => secret(task, () => smapsText(task, vfs), 0o444),
    smaps_rollup: () => secret(task, () => smapsRollupText(task), 0o444),
    stat: () => text(() => statText(task, isWholeGroup)),
    statm: () => text(() => statmText(task)),
    status: () => text(() => statusText(task, options)),
    syscall: () => secret(task, () => 'running\n', 0o400),
    uid_map: () => text(() => idMapText(task.kernel.idMaps.uids)),
    wchan: () => text(() => '0'),
  };
}

function threadDirectory(task: Task, options: ProcOptions): Node {
  const children = text(() => {
    const own = [...task.group.children].filter((child) => child.parentTask === task);
    return own.map((child) => `${child.pid} `).join('');
  });
  const entries = commonFiles(task, false, options);
  entries.children = () => children;
  return ownedBy(
    ownerOf(task, () => task.kernel.pids.task(task.tid) !== task),
    lazyDir(entries),
  );
}

const tasks = new WeakMap<Inode, Task>();

/** Whose directory /proc/PID is; undefined for other inodes. */
export function taskOfDirectory(inode: Inode): Task | undefined {
  return tasks.get(inode);
}

/**
 * Directories of tasks, one inode each. Their numbers differ from one task to the next, so that the name cache does not take
 * the process that got a number anew for the one that had it.
 */
export class TaskInodes {
  readonly #inodes = new WeakMap<Task, Inode>();
  #made = 0;

  node(task: Task, describe: () => Node): Node {
    return {
      dtype: DT_DIR,
      build: (place) => {
        let inode = this.#inodes.get(task);
        if (inode === undefined) {
          this.#made += 1;
          inode = describe().build({ ...place, ino: derivedIno(place.ino, `#${this.#made}`) });
          this.#inodes.set(task, inode);
          tasks.set(inode, task);
        }
        return inode;
      },
    };
  }
}

function tasksDirectory(leader: Task, options: ProcOptions): Node {
  const threads = new TaskInodes();
  const { group } = leader;
  return changingDir({
    find: (name) => {
      const tid = parseId(name);
      const task = tid === 0 ? undefined : leader.kernel.pids.task(tid);
      return task === undefined || task.group !== group
        ? null
        : threads.node(task, () => threadDirectory(task, options));
    },
    names: () => (group.tasks.length === 0 ? [String(group.pid)] : group.tasks.map((task) => String(task.tid))),
    dtypeOf: () => DT_DIR,
  });
}

/** A process or thread number as a directory's name has it; 0 when it is none. */
export function parseId(name: string): number {
  return /^[1-9][0-9]{0,9}$/.test(name) ? Number(name) : 0;
}

/** The directory of the process that `leader` leads. */
export function processDirectory(leader: Task, options: ProcOptions): Node {
  const { vfs } = options;
  const slack = control(
    () => `${leader.timerSlackNs}\n`,
    (value) => {
      const wanted = parseDecimal(value);
      if (wanted === null || wanted < 0) return -EINVAL;
      if (leader.isExited) return -ESRCH;
      if (currentTask()?.group !== leader.group) return -EPERM;
      leader.timerSlackNs = wanted === 0 ? 50000 : wanted;
      return 0;
    },
    0o666,
  );
  const entries = commonFiles(leader, true, options);
  entries.coredump_filter = () => text(() => '00000033\n');
  entries.mountstats = () => secret(leader, () => mountstatsText(leader, vfs), 0o400);
  entries.task = () => tasksDirectory(leader, options);
  entries.timens_offsets = () => text(() => 'monotonic           0         0\nboottime            0         0\n');
  entries.timerslack_ns = () => slack;
  return ownedBy(
    ownerOf(leader, () => leader.group.isReaped),
    lazyDir(entries),
  );
}
