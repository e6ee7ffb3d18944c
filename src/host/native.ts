/**
 * The native addon: the only door to the host's system calls. Typed wrappers stand in the other files of src/host.
 */
import { loadAddon } from './native-parts.ts';

/** What a host call takes: a number (exact below 2^53) or memory, of which the address is passed. */
export type HostArgument = number | NodeJS.TypedArray | DataView | ArrayBuffer;

export interface Native {
  /** A raw host system call: the kernel's result, -errno on failure. */
  syscall(nr: number, ...args: HostArgument[]): number;
  /** process_vm_readv(2) or process_vm_writev(2), by `nr`, of one piece: bytes, or -errno. */
  transfer(nr: number, pid: number, localAddress: number, remoteAddress: number, length: number): number;
  /** clock_gettime(2) into the struct timespec at the address. */
  clock(clockId: number, timespecAddress: number): void;
  /** Where a buffer's bytes are in this process. */
  addressOf(buffer: HostArgument): number;
  /** An ArrayBuffer over reserved address space; throws if the host refuses. */
  reserve(length: number): ArrayBuffer;
  /** The epoll descriptor of Node's own event loop. */
  uvBackendFd(): number;
  /** cpuid(leaf, subleaf) as [eax, ebx, ecx, edx]; leaf -1 gives XCR0 in the first two. */
  cpuid(leaf: number, subleaf?: number): [number, number, number, number];
  /** The `length` bytes of memory at `address`, which stay as they are for good, as a string of one-byte characters. */
  textAt(address: number, length: number): string;
  /** malloc_trim(3), and the program's pages are unmapped until they are used. */
  trim(): void;
  /** Starts the zygote with these clone flags (namespaces): its pid or -errno. */
  spawnZygote(execFd: number, controlFd: number, doorbellFd: number, globalFd: number, cloneFlags: number): number;
}

const addon: { exports: Partial<Native> } = { exports: {} };
loadAddon(addon);

function isWhole(exports: Partial<Native>): exports is Native {
  return exports.syscall !== undefined && exports.spawnZygote !== undefined;
}

if (!isWhole(addon.exports)) throw new Error('the native addon is of another build');
export const native: Native = addon.exports;
