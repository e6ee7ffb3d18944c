/**
 * A sandbox without a host, for unit tests: real tables, a clock that stands still, memory in an array, threads that
 * only note what the kernel asks of them. Only tests import it.
 */
import assert from 'node:assert/strict';
import { EFAULT, ENAMETOOLONG } from '../abi/errno.ts';
import { anonFileSystem } from '../fs/anon/anon-inode.ts';
import { AddressSpace } from '../mm/address-space.ts';
import { ModelHost } from '../mm/model-host.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import type { GuestThread } from '../platform/guest-thread.ts';
import { FdTable } from '../vfs/fd-table.ts';
import { FsContext } from '../vfs/fs-context.ts';
import { createMount } from '../vfs/mount.ts';
import { MountTree } from '../vfs/mount-namespace.ts';
import type { Path } from '../vfs/path.ts';
import { type Credentials, rootCredentials } from './credentials.ts';
import { copyTask, startProcess } from './fork.ts';
import { SAME_IDS } from './id-maps.ts';
import type { Kernel } from './kernel.ts';
import { KernelLog } from './kernel-log.ts';
import { defaultLimits } from './limits.ts';
import { firstNamespaces } from './namespaces.ts';
import { PidTable, type PidTableOptions } from './pid-table.ts';
import type { Task } from './task.ts';
import { Timers } from './timers.ts';
import { Turns } from './turns.ts';
import { UtsName } from './uts.ts';

export class NotingThread implements GuestThread {
  readonly registers = new DataView(new ArrayBuffer(18 * 8));
  interrupts = 0;

  interrupt(): void {
    this.interrupts += 1;
  }

  sleep(): void {}

  nameFrom(): void {}
  callsAreChecked(): void {}
}

/** 64 KiB of guest memory from address 0; what is above faults. */
export class ArrayMemory implements UserMemory {
  readonly bytes = new Uint8Array(65536);
  readonly view = new DataView(this.bytes.buffer);
  readonly stageBuf = new Uint8Array(65536);
  readonly stageAt = 0;

  #isMapped(addr: number, length: number): boolean {
    return addr >= 0 && addr + length <= this.bytes.length;
  }
  readPath(addr: number): string | number {
    const text = this.readString(addr, 4095);
    return text === -7 ? -ENAMETOOLONG : text;
  }
  readString(addr: number, max: number): string | number {
    if (!this.#isMapped(addr, 1)) return -EFAULT;
    const end = this.bytes.indexOf(0, addr);
    if (end - addr > max) return -7;
    return Buffer.from(this.bytes.subarray(addr, end)).toString('latin1');
  }
  readBytes(addr: number, length: number): Uint8Array | number {
    return this.#isMapped(addr, length) ? this.bytes.slice(addr, addr + length) : -EFAULT;
  }
  readInto(addr: number, dst: Uint8Array, at: number, length: number): number {
    if (!this.#isMapped(addr, length)) return -EFAULT;
    dst.set(this.bytes.subarray(addr, addr + length), at);
    return 0;
  }
  write(addr: number, src: Uint8Array, at: number, length: number): number {
    if (!this.#isMapped(addr, length)) return -EFAULT;
    this.bytes.set(src.subarray(at, at + length), addr);
    return 0;
  }
  writeU32(addr: number, value: number): number {
    if (!this.#isMapped(addr, 4)) return -EFAULT;
    this.view.setUint32(addr, value, true);
    return 0;
  }
  writeU64(addr: number, value: number): number {
    if (!this.#isMapped(addr, 8)) return -EFAULT;
    this.view.setBigInt64(addr, BigInt(value), true);
    return 0;
  }
  readU32(addr: number): number | null {
    return this.#isMapped(addr, 4) ? this.view.getUint32(addr, true) : null;
  }
  readU64(addr: number): number | null {
    return this.#isMapped(addr, 8) ? Number(this.view.getBigUint64(addr, true)) : null;
  }
  stage(length: number): number {
    return Math.min(length, this.stageBuf.length);
  }
  flush(addr: number, length: number): number {
    return this.write(addr, this.stageBuf, 0, length);
  }
  load(addr: number, length: number): number {
    const n = Math.min(length, this.stageBuf.length, this.bytes.length - addr);
    return n <= 0 || this.readInto(addr, this.stageBuf, 0, n) < 0 ? -EFAULT : n;
  }
}

/** Tells how often it was released. */
export class CountingFiles extends FdTable {
  released = 0;

  override clone(): CountingFiles {
    return new CountingFiles();
  }
  override release(): void {
    this.released += 1;
  }
}

export function testKernel(options: PidTableOptions = {}): Kernel {
  return {
    clock: { monotonicNs: () => 1e9, read: () => {} },
    timers: new Timers(),
    turns: new Turns(),
    pids: new PidTable(options),
    log: new KernelLog(),
    namespaces: firstNamespaces(new MountTree(1, createMount(anonFileSystem)), new UtsName('test')),
    idMaps: SAME_IDS,
    cpuCount: 2,
    memoryTotal: 2 ** 31,
    bootNs: 0,
    anonPath: () => assert.fail('no file of a process test is anonymous'),
    random: (dst, at, length) => {
      dst.fill(0x5a, at, at + length);
    },
  };
}

function rootPath(kernel: Kernel): Path {
  return { mount: kernel.namespaces.mnt.root, dentry: kernel.namespaces.mnt.root.root };
}

function start(kernel: Kernel, creds: Credentials): Task {
  const limits = defaultLimits();
  const task = startProcess(kernel, {
    mm: new AddressSpace(new ModelHost(), limits),
    mem: new ArrayMemory(),
    thread: new NotingThread(),
    files: new CountingFiles(),
    fs: new FsContext(rootPath(kernel), rootPath(kernel)),
    creds,
    name: 'init',
    limits,
  });
  if (typeof task === 'number') throw new Error(`no first task: ${task}`);
  return task;
}

/** PID 1 of a fresh sandbox, as root. */
export function bootTestKernel(options: PidTableOptions = {}): Task {
  return start(testKernel(options), rootCredentials());
}

/** A process the runtime adds to a sandbox. */
export function addOutsideProcess(kernel: Kernel, creds: Credentials = rootCredentials()): Task {
  return start(kernel, creds);
}

/** clone(2) that must succeed; the child has a thread of its own and, unless shared, memory of its own. */
export function fork(parent: Task, flags = 0, exitSignal = 17): Task {
  const isShared = (flags & 0x100) !== 0;
  const isThread = (flags & 0x10000) !== 0;
  const mm = isShared ? parent.mm : parent.mm.clone(new ModelHost());
  const child = copyTask(parent, flags, exitSignal, { mm: isShared && !isThread ? mm.ref() : mm });
  if (typeof child === 'number') throw new Error(`clone gave ${child}`);
  child.thread = new NotingThread();
  child.mem = isShared ? parent.mem : new ArrayMemory();
  return child;
}

/** CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD. */
export const THREAD_FLAGS = 0x10f00;
