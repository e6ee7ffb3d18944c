/** stat, statm, status and limits of a process or thread (Linux: fs/proc/array.c; proc_pid_stat(5), proc_pid_status(5)). */
import { RLIMIT_RSS, RLIMIT_SIGPENDING } from '../../abi/resource.ts';
import { SIG_DFL, SIG_IGN } from '../../abi/signal.ts';
import { currentTask } from '../../kernel/current.ts';
import type { ResidentPages } from '../../kernel/residency.ts';
import type { Task } from '../../kernel/task.ts';
import { Terminal } from '../../kernel/tty.ts';
import { Usage } from '../../kernel/usage.ts';
import type { AddressSpace } from '../../mm/address-space.ts';
import { VM_GROWSDOWN } from '../../mm/vma.ts';
import { cpuMask, cpuRange, escapeName, hex64, ticks } from './format.ts';
import type { ProcOptions } from './proc-view.ts';

const PAGE = 4096;
const NSIG = 64;

/** R running, S sleeping, T stopped, Z zombie. */
export function stateOf(task: Task): 'R' | 'S' | 'T' | 't' | 'Z' {
  if (task.isExited) return 'Z';
  if (task.trace !== null && task.trace.stop !== null) return 't';
  if (task.signals.isStopped) return 'T';
  return task.wakeFromSleep !== null && currentTask() !== task ? 'S' : 'R';
}

const STATE_NAMES = {
  R: 'R (running)',
  S: 'S (sleeping)',
  T: 'T (stopped)',
  t: 't (tracing stop)',
  Z: 'Z (zombie)',
} as const;

interface Dispositions {
  ignoredLo: number;
  ignoredHi: number;
  caughtLo: number;
  caughtHi: number;
}

function dispositions(task: Task): Dispositions {
  const sets = { ignoredLo: 0, ignoredHi: 0, caughtLo: 0, caughtHi: 0 };
  for (let signo = 1; signo <= NSIG; signo++) {
    const { handler } = task.group.handlers.action(signo);
    if (handler === SIG_DFL) continue;
    const bit = 1 << ((signo - 1) & 31);
    if (handler === SIG_IGN) {
      if (signo <= 32) sets.ignoredLo |= bit;
      else sets.ignoredHi |= bit;
    } else if (signo <= 32) sets.caughtLo |= bit;
    else sets.caughtHi |= bit;
  }
  return sets;
}

function usageOf(task: Task, isWholeGroup: boolean): Usage {
  if (isWholeGroup) return task.group.usage();
  task.kernel.pids.hooks.updateThreadUsage(task);
  return task.usage;
}

/** @param isWholeGroup the process and not the one thread */
export function statText(task: Task, isWholeGroup: boolean): string {
  const { group, mm } = task;
  const isGone = task.isExited;
  const tty = group.session.tty;
  const usage = usageOf(task, isWholeGroup);
  const children = isWholeGroup ? group.childrenUsage : new Usage();
  const sets = dispositions(task);
  const limit = group.limits.soft(RLIMIT_RSS);
  const realTime = task.schedPolicy === 1 || task.schedPolicy === 2;
  const fields: (number | string)[] = [
    stateOf(task),
    group.parentPid,
    group.processGroup.pgid,
    group.session.sid,
    tty instanceof Terminal ? tty.deviceNumber : 0,
    tty === null ? -1 : (tty.foreground?.pgid ?? -1),
    0x400000,
    usage.minorFaults,
    children.minorFaults,
    usage.majorFaults,
    children.majorFaults,
    ticks(usage.userNs),
    ticks(usage.systemNs),
    ticks(children.userNs),
    ticks(children.systemNs),
    realTime ? -1 - task.schedPriority : 20 + task.nice,
    task.nice,
    isGone ? 1 : group.tasks.length,
    0,
    ticks((isWholeGroup ? group.startNs : task.startNs) - task.kernel.bootNs),
    isGone ? 0 : mm.totalPages * PAGE,
    isGone ? 0 : residentPages(task).resident,
    limit === Infinity ? '18446744073709551615' : limit,
    ...(isGone ? [0, 0, 0] : [mm.startCode, mm.endCode, mm.startStack]),
    0,
    0,
    task.signals.pending.lo & 0x7fffffff,
    task.signals.blockedLo & 0x7fffffff,
    sets.ignoredLo & 0x7fffffff,
    sets.caughtLo & 0x7fffffff,
    0,
    0,
    0,
    group.exitSignal,
    0,
    realTime ? task.schedPriority : 0,
    task.schedPolicy,
    0,
    0,
    0,
    ...(isGone
      ? [0, 0, 0, 0, 0, 0, 0]
      : [mm.startData, mm.endData, mm.startBrk, mm.argStart, mm.argEnd, mm.envStart, mm.envEnd]),
    group.exitStatus,
  ];
  return `${isWholeGroup ? group.pid : task.tid} (${task.name}) ${fields.join(' ')}\n`;
}

function residentPages(task: Task): ResidentPages {
  return task.kernel.pids.hooks.residency.pages(task);
}

export function statmText(task: Task): string {
  if (task.isExited) return '0 0 0 0 0 0 0\n';
  const { mm } = task;
  const text = Math.ceil(Math.max(0, mm.endCode - mm.startCode) / PAGE);
  const { resident, shared } = residentPages(task);
  return `${mm.totalPages} ${resident} ${shared} ${text} 0 ${mm.dataPages} 0\n`;
}

function stackBytes(mm: AddressSpace): number {
  let bytes = 0;
  for (const vma of mm.vmas) if ((vma.flags & VM_GROWSDOWN) !== 0) bytes += vma.length;
  return bytes;
}

function memoryLines(task: Task): string {
  if (task.isExited) return '';
  const { mm } = task;
  const kb = (name: string, value: number): string => `${name}:\t${String(Math.floor(value)).padStart(8)} kB\n`;
  const pages = residentPages(task);
  const resident = pages.resident * 4;
  const shared = pages.shared * 4;
  const text = Math.max(0, mm.endCode - mm.startCode) / 1024;
  return (
    kb('VmPeak', mm.totalPages * 4) +
    kb('VmSize', mm.totalPages * 4) +
    kb('VmLck', mm.lockedPages * 4) +
    kb('VmPin', 0) +
    kb('VmHWM', Math.max(resident, task.usage.maxRssKb)) +
    kb('VmRSS', resident) +
    kb('RssAnon', resident - shared) +
    kb('RssFile', shared) +
    kb('RssShmem', 0) +
    kb('VmData', mm.dataPages * 4) +
    kb('VmStk', stackBytes(mm) / 1024) +
    kb('VmExe', text) +
    kb('VmLib', 0) +
    kb('VmPTE', Math.ceil(mm.totalPages / 512) * 4) +
    kb('VmSwap', 0) +
    kb('HugetlbPages', 0) +
    'CoreDumping:\t0\nTHP_enabled:\t1\nuntag_mask:\t0xffffffffffffffff\n'
  );
}

export function statusText(task: Task, options: ProcOptions): string {
  const { group, creds, signals } = task;
  const { caps } = creds;
  const sets = dispositions(task);
  const fdSize = task.isExited ? 0 : 64;
  const cpus = options.kernel.cpuCount;
  const affinity = task.affinity;
  const allowed: number[] = [];
  for (let cpu = 0; cpu < cpus; cpu++) {
    if (affinity === null || ((affinity[cpu >> 3] ?? 0) & (1 << (cpu & 7))) !== 0) allowed.push(cpu);
  }
  const isAll = allowed.length === cpus;
  return (
    `Name:\t${escapeName(task.name)}\n` +
    (task.isExited ? '' : `Umask:\t${task.fs.umask.toString(8).padStart(4, '0')}\n`) +
    `State:\t${STATE_NAMES[stateOf(task)]}\nTgid:\t${group.pid}\nNgid:\t0\nPid:\t${task.tid}\nPPid:\t${group.parentPid}\n` +
    `TracerPid:\t${task.trace?.tracer.pid ?? 0}\nUid:\t${creds.uid}\t${creds.euid}\t${creds.suid}\t${creds.fsuid}\n` +
    `Gid:\t${creds.gid}\t${creds.egid}\t${creds.sgid}\t${creds.fsgid}\nFDSize:\t${fdSize}\n` +
    `Groups:\t${creds.groups.map((gid) => `${gid} `).join('')}\n` +
    `NStgid:\t${group.pid}\nNSpid:\t${task.tid}\nNSpgid:\t${group.processGroup.pgid}\nNSsid:\t${group.session.sid}\n` +
    `Kthread:\t0\n${memoryLines(task)}` +
    `Threads:\t${Math.max(1, group.tasks.length)}\nSigQ:\t0/${Math.min(group.limits.soft(RLIMIT_SIGPENDING), 2 ** 53)}\n` +
    `SigPnd:\t${hex64(signals.pending.hi, signals.pending.lo)}\nShdPnd:\t${hex64(group.pending.hi, group.pending.lo)}\n` +
    `SigBlk:\t${hex64(signals.blockedHi, signals.blockedLo)}\nSigIgn:\t${hex64(sets.ignoredHi, sets.ignoredLo)}\n` +
    `SigCgt:\t${hex64(sets.caughtHi, sets.caughtLo)}\n` +
    `CapInh:\t${hex64(caps.inheritable.hi, caps.inheritable.lo)}\nCapPrm:\t${hex64(caps.permitted.hi, caps.permitted.lo)}\n` +
    `CapEff:\t${hex64(caps.effective.hi, caps.effective.lo)}\nCapBnd:\t${hex64(caps.bounding.hi, caps.bounding.lo)}\n` +
    `CapAmb:\t${hex64(caps.ambient.hi, caps.ambient.lo)}\nNoNewPrivs:\t${task.hasNoNewPrivs ? 1 : 0}\n` +
    `Seccomp:\t${task.checks.mode}\nSeccomp_filters:\t${task.checks.filter?.count ?? 0}\n` +
    'Speculation_Store_Bypass:\tvulnerable\nSpeculationIndirectBranch:\tconditional enabled\n' +
    `Cpus_allowed:\t${isAll ? cpuMask(cpus) : maskOf(allowed)}\n` +
    `Cpus_allowed_list:\t${isAll ? cpuRange(cpus) : allowed.join(',')}\n` +
    'Mems_allowed:\t1\nMems_allowed_list:\t0\n' +
    `voluntary_ctxt_switches:\t${task.usage.voluntarySwitches}\n` +
    `nonvoluntary_ctxt_switches:\t${task.usage.involuntarySwitches}\n`
  );
}

function maskOf(cpus: readonly number[]): string {
  const words: number[] = [0];
  for (const cpu of cpus) {
    while (words.length <= cpu >> 5) words.push(0);
    words[cpu >> 5] = (words[cpu >> 5] | (1 << (cpu & 31))) >>> 0;
  }
  const [first, ...rest] = words.reverse().map((word) => word.toString(16));
  return [first, ...rest.map((word) => word.padStart(8, '0'))].join(',');
}

/** Names and units by RLIMIT_* number, in the order and words of the file. */
const LIMITS: readonly (readonly [string, string])[] = [
  ['Max cpu time', 'seconds'],
  ['Max file size', 'bytes'],
  ['Max data size', 'bytes'],
  ['Max stack size', 'bytes'],
  ['Max core file size', 'bytes'],
  ['Max resident set', 'bytes'],
  ['Max processes', 'processes'],
  ['Max open files', 'files'],
  ['Max locked memory', 'bytes'],
  ['Max address space', 'bytes'],
  ['Max file locks', 'locks'],
  ['Max pending signals', 'signals'],
  ['Max msgqueue size', 'bytes'],
  ['Max nice priority', ''],
  ['Max realtime priority', ''],
  ['Max realtime timeout', 'us'],
];

export function limitsText(task: Task): string {
  const { limits } = task.group;
  const show = (value: number): string => (value === Infinity ? 'unlimited' : String(value)).padEnd(20);
  let out = `${'Limit'.padEnd(25)} ${'Soft Limit'.padEnd(20)} ${'Hard Limit'.padEnd(20)} Units     \n`;
  LIMITS.forEach(([name, unit], i) => {
    const end = unit === '' ? '\n' : ` ${unit.padEnd(10)}\n`;
    out += `${name.padEnd(25)} ${show(limits.soft(i))} ${show(limits.hard(i))}${end}`;
  });
  return out;
}
