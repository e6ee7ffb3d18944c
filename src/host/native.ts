/**
 * The native addon: the only door to the host's system calls. Typed wrappers stand in the other files of src/host.
 */
import { existsSync } from 'node:fs';

/** What a host call takes: a number (exact below 2^53) or memory, of which the address is passed. */
export type HostArgument = number | NodeJS.TypedArray | DataView | ArrayBuffer;

export interface Native {
  /** A raw host system call: the kernel's result, -errno on failure. */
  syscall(nr: number, ...args: HostArgument[]): number;
  /** Where a buffer's bytes are in this process. */
  addressOf(buffer: HostArgument): number;
  /** An ArrayBuffer over reserved address space; throws if the host refuses. */
  reserve(length: number): ArrayBuffer;
  /** The epoll descriptor of Node's own event loop. */
  uvBackendFd(): number;
  /** cpuid(leaf, subleaf) as [eax, ebx, ecx, edx]; leaf -1 gives XCR0 in the first two. */
  cpuid(leaf: number, subleaf?: number): [number, number, number, number];
  /** Starts the zygote with these clone flags (namespaces): its pid or -errno. */
  spawnZygote(execFd: number, controlFd: number, doorbellFd: number, globalFd: number, cloneFlags: number): number;
}

/** The folder with the built native parts: beside the bundle, or build/ of the source tree. */
export function nativeFolder(): string {
  const here = import.meta.dirname;
  for (const folder of [here, `${here}/../build`]) {
    if (existsSync(`${folder}/addon.node`)) return folder;
  }
  return `${here}/../../build`;
}

const addon: { exports: Partial<Native> } = { exports: {} };
process.dlopen(addon, `${nativeFolder()}/addon.node`);

function isWhole(exports: Partial<Native>): exports is Native {
  return exports.syscall !== undefined && exports.spawnZygote !== undefined;
}

if (!isWhole(addon.exports)) throw new Error(`${nativeFolder()}/addon.node is of another build`);
export const native: Native = addon.exports;
