/**
 * Whom a descriptor's signals go to: SIGIO of O_ASYNC, leases and F_NOTIFY (Linux: struct fown_struct, send_sigio in fs/fcntl.c; fcntl(2)
 * F_SETOWN, F_SETSIG).
 */
import { SigInfo } from '../abi/siginfo.ts';
import { SI_KERNEL, SI_SIGIO, SIGBUS, SIGCHLD, SIGIO, SIGSYS, SIGTRAP } from '../abi/signal.ts';
import type { Kernel } from './kernel.ts';
import { sendSignalToGroup, sendSignalToTask } from './signal.ts';
import type { Task } from './task.ts';

export const F_OWNER_TID = 0;
export const F_OWNER_PID = 1;
export const F_OWNER_PGRP = 2;

/** Reasons, as si_code has them. */
export const POLL_IN = 1;
export const POLL_OUT = 2;
export const POLL_MSG = 3;
export const POLL_ERR = 4;
export const POLL_PRI = 5;
export const POLL_HUP = 6;

/** The POLL* bits that go with each reason, in si_band (Linux: band_table). */
const BANDS: readonly number[] = [0, 0x41, 0x304, 0x441, 0x8, 0x82, 0x18];

/** Signals whose positive codes mean something else already (Linux: sig_specific_sicodes). */
const WITH_OWN_CODES: ReadonlySet<number> = new Set([4, SIGTRAP, SIGBUS, 8, 11, SIGCHLD, SIGSYS]);

export interface FileOwner {
  readonly type: number;
  readonly id: number;
  /** Of the task that named it: what it may not signal, its descriptor may not either. */
  readonly uid: number;
  readonly euid: number;
}

/** What a file knows of its signals. */
export interface SignalSource {
  owner: FileOwner | null;
  /** F_SETSIG: 0 for SIGIO without further information. */
  signal: number;
}

export function ownerOf(task: Task, type: number, id: number): FileOwner {
  return { type, id, uid: task.creds.uid, euid: task.creds.euid };
}

/** Whether it still is there. */
export function ownerExists({ pids }: Kernel, type: number, id: number): boolean {
  if (type === F_OWNER_PGRP) return pids.processGroup(id) !== undefined;
  return pids.task(id) !== undefined || pids.group(id) !== undefined;
}

/** Tells the owner of something that `reason` (POLL_*) has happened on descriptor `fd`. */
export function signalOwner(kernel: Kernel, source: SignalSource, fd: number, reason: number): void {
  const { owner } = source;
  if (owner === null) return;
  const { pids } = kernel;
  if (owner.type === F_OWNER_PGRP) {
    for (const member of [...(pids.processGroup(owner.id)?.members ?? [])]) {
      if (mayTell(owner, member.leader)) sendSignalToGroup(member, infoFor(source, fd, reason));
    }
    return;
  }
  if (owner.type === F_OWNER_TID) {
    const task = pids.task(owner.id);
    if (task !== undefined && mayTell(owner, task)) tell(source, fd, reason, (info) => sendSignalToTask(task, info));
    return;
  }
  const group = pids.group(owner.id);
  if (group !== undefined && mayTell(owner, group.leader)) {
    tell(source, fd, reason, (info) => sendSignalToGroup(group, info));
  }
}

/** A real-time signal that finds no room is replaced by a plain SIGIO. */
function tell(source: SignalSource, fd: number, reason: number, send: (info: SigInfo) => number): void {
  if (send(infoFor(source, fd, reason)) < 0) send(new SigInfo(SIGIO, SI_KERNEL));
}

function infoFor({ signal }: SignalSource, fd: number, reason: number): SigInfo {
  if (signal === 0) return new SigInfo(SIGIO, SI_KERNEL);
  const info = new SigInfo(signal, WITH_OWN_CODES.has(signal) ? SI_SIGIO : reason);
  info.fd = fd;
  info.band = BANDS[reason];
  return info;
}

/** Linux: sigio_perm. */
function mayTell(owner: FileOwner, { creds }: Task): boolean {
  const { uid, euid } = owner;
  return euid === 0 || euid === creds.suid || euid === creds.uid || uid === creds.suid || uid === creds.uid;
}
