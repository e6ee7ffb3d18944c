/** User and group ids, supplementary groups, capabilities (credentials(7), capget(2)). */
import { CAP_LAST_CAP, CAP_SETGID, CAP_SETPCAP } from '../abi/capability.ts';
import { EFAULT, EINVAL, EPERM, ESRCH } from '../abi/errno.ts';
import {
  ALL_CAPABILITIES,
  type CapabilitySet,
  capabilitiesBoth,
  capabilitiesEither,
  isCapabilitySubset,
} from '../kernel/capability-set.ts';
import type { Credentials } from '../kernel/credentials.ts';
import { areMapped } from '../kernel/id-maps.ts';
import { setfsgid, setfsuid, setgid, setregid, setresgid, setresuid, setreuid, setuid } from '../kernel/set-ids.ts';
import type { Task } from '../kernel/task.ts';
import { full, partial, type SyscallDef } from './define.ts';

const NGROUPS_MAX = 65536;

function change(task: Task, next: Credentials | number): number {
  if (typeof next === 'number') return next;
  const { uid, euid, suid, gid, egid, sgid } = next;
  if (!areMapped(task.kernel.idMaps, [uid, euid, suid], [gid, egid, sgid])) return -EINVAL;
  task.setCredentials(next);
  return 0;
}

function sysSetuid(task: Task, uid: number): number {
  return change(task, setuid(task.creds, uid));
}

function sysSetgid(task: Task, gid: number): number {
  return change(task, setgid(task.creds, gid));
}

function sysSetreuid(task: Task, ruid: number, euid: number): number {
  return change(task, setreuid(task.creds, ruid, euid));
}

function sysSetregid(task: Task, rgid: number, egid: number): number {
  return change(task, setregid(task.creds, rgid, egid));
}

function sysSetresuid(task: Task, ruid: number, euid: number, suid: number): number {
  return change(task, setresuid(task.creds, ruid, euid, suid));
}

function sysSetresgid(task: Task, rgid: number, egid: number, sgid: number): number {
  return change(task, setresgid(task.creds, rgid, egid, sgid));
}

/** Gives the previous id, whether it changed or not. */
function sysSetfsuid(task: Task, uid: number): number {
  const { fsuid } = task.creds;
  task.setCredentials(setfsuid(task.creds, uid));
  return fsuid | 0;
}

function sysSetfsgid(task: Task, gid: number): number {
  const { fsgid } = task.creds;
  task.setCredentials(setfsgid(task.creds, gid));
  return fsgid | 0;
}

function writeThree(task: Task, addresses: readonly number[], values: readonly number[]): number {
  for (let i = 0; i < 3; i++) if (task.mem.writeU32(addresses[i], values[i]) < 0) return -EFAULT;
  return 0;
}

function sysGetresuid(task: Task, ruid: number, euid: number, suid: number): number {
  const { creds } = task;
  return writeThree(task, [ruid, euid, suid], [creds.uid, creds.euid, creds.suid]);
}

function sysGetresgid(task: Task, rgid: number, egid: number, sgid: number): number {
  const { creds } = task;
  return writeThree(task, [rgid, egid, sgid], [creds.gid, creds.egid, creds.sgid]);
}

function sysGetgroups(task: Task, size: number, listAddr: number): number {
  const { groups } = task.creds;
  if (size < 0) return -EINVAL;
  if (size === 0) return groups.length;
  if (size < groups.length) return -EINVAL;
  const bytes = new Uint8Array(Uint32Array.from(groups).buffer);
  if (bytes.length > 0 && task.mem.write(listAddr, bytes, 0, bytes.length) < 0) return -EFAULT;
  return groups.length;
}

function sysSetgroups(task: Task, size: number, listAddr: number): number {
  if (!task.creds.hasCapability(CAP_SETGID)) return -EPERM;
  if (size < 0 || size > NGROUPS_MAX) return -EINVAL;
  const groups: number[] = [];
  if (size > 0) {
    const bytes = task.mem.readBytes(listAddr, size * 4);
    if (typeof bytes === 'number') return -EFAULT;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let i = 0; i < size; i++) groups.push(view.getUint32(i * 4, true));
    if (!areMapped(task.kernel.idMaps, [], groups)) return -EINVAL;
    groups.sort((a, b) => a - b);
  }
  task.setCredentials(task.creds.with({ groups }));
  return 0;
}

const CAPABILITY_V1 = 0x19980330;
const CAPABILITY_V2 = 0x20071026;
const CAPABILITY_V3 = 0x20080522;

interface CapHeader {
  /** 32-bit words of each set: 1 or 2. */
  readonly words: number;
  readonly pid: number;
}

/** -EINVAL tells of an unknown version; the newest one is then in the header, for callers that probe (capget(2)). */
function readCapHeader(task: Task, headerAddr: number): CapHeader | number {
  const version = task.mem.readU32(headerAddr);
  if (version === null) return -EFAULT;
  if (version !== CAPABILITY_V1 && version !== CAPABILITY_V2 && version !== CAPABILITY_V3) {
    return task.mem.writeU32(headerAddr, CAPABILITY_V3) < 0 ? -EFAULT : -EINVAL;
  }
  const pid = task.mem.readU32(headerAddr + 4);
  if (pid === null) return -EFAULT;
  return { words: version === CAPABILITY_V1 ? 1 : 2, pid: pid | 0 };
}

function sysCapget(task: Task, headerAddr: number, dataAddr: number): number {
  const header = readCapHeader(task, headerAddr);
  if (typeof header === 'number') return header === -EINVAL && dataAddr === 0 ? 0 : header;
  if (header.pid < 0) return -EINVAL;
  const target = header.pid === 0 ? task : task.kernel.pids.task(header.pid);
  if (target === undefined) return -ESRCH;
  if (dataAddr === 0) return 0;
  const { effective, permitted, inheritable } = target.creds.caps;
  const data = new Uint32Array([
    effective.lo,
    permitted.lo,
    inheritable.lo,
    effective.hi,
    permitted.hi,
    inheritable.hi,
  ]);
  return task.mem.write(dataAddr, new Uint8Array(data.buffer), 0, header.words * 12);
}

function sysCapset(task: Task, headerAddr: number, dataAddr: number): number {
  const header = readCapHeader(task, headerAddr);
  if (typeof header === 'number') return header;
  if (header.pid !== 0 && header.pid !== task.tid) return -EPERM;
  const bytes = task.mem.readBytes(dataAddr, header.words * 12);
  if (typeof bytes === 'number') return -EFAULT;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const read = (at: number): CapabilitySet =>
    capabilitiesBoth(
      { lo: view.getUint32(at, true), hi: header.words === 2 ? view.getUint32(at + 12, true) : 0 },
      ALL_CAPABILITIES,
    );
  return setCapabilities(task, read(0), read(4), read(8));
}

/** Linux: cap_capset. */
function setCapabilities(
  task: Task,
  effective: CapabilitySet,
  permitted: CapabilitySet,
  inheritable: CapabilitySet,
): number {
  const old = task.creds.caps;
  const mayInherit = capabilitiesEither(old.inheritable, old.permitted);
  if (!task.creds.hasCapability(CAP_SETPCAP) && !isCapabilitySubset(inheritable, mayInherit)) return -EPERM;
  if (!isCapabilitySubset(inheritable, capabilitiesEither(old.inheritable, old.bounding))) return -EPERM;
  if (!isCapabilitySubset(permitted, old.permitted)) return -EPERM;
  if (!isCapabilitySubset(effective, permitted)) return -EPERM;
  const ambient = capabilitiesBoth(old.ambient, capabilitiesBoth(permitted, inheritable));
  task.setCredentials(task.creds.with({ caps: { ...old, effective, permitted, inheritable, ambient } }));
  return 0;
}

/** Whether it is a capability this kernel knows (prctl(2)). */
export function isCapability(cap: number): boolean {
  return cap >= 0 && cap <= CAP_LAST_CAP;
}

export const identitySyscalls: readonly SyscallDef[] = [
  full(102, 'getuid', [], (task) => task.creds.uid),
  full(104, 'getgid', [], (task) => task.creds.gid),
  full(105, 'setuid', ['uid'], sysSetuid),
  full(106, 'setgid', ['gid'], sysSetgid),
  full(107, 'geteuid', [], (task) => task.creds.euid),
  full(108, 'getegid', [], (task) => task.creds.egid),
  full(113, 'setreuid', ['uid', 'uid'], sysSetreuid),
  full(114, 'setregid', ['gid', 'gid'], sysSetregid),
  full(115, 'getgroups', ['int', 'ptr'], sysGetgroups),
  full(116, 'setgroups', ['int', 'ptr'], sysSetgroups),
  full(117, 'setresuid', ['uid', 'uid', 'uid'], sysSetresuid),
  full(118, 'getresuid', ['int*', 'int*', 'int*'], sysGetresuid),
  full(119, 'setresgid', ['gid', 'gid', 'gid'], sysSetresgid),
  full(120, 'getresgid', ['int*', 'int*', 'int*'], sysGetresgid),
  full(122, 'setfsuid', ['uid'], sysSetfsuid),
  full(123, 'setfsgid', ['gid'], sysSetfsgid),
  full(125, 'capget', ['ptr', 'ptr'], sysCapget),
  partial(126, 'capset', ['ptr', 'ptr'], sysCapset, 'the caller itself only; file capabilities are not read at exec'),
];
