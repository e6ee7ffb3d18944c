/** Makes the word at `addr` `next` if it is `expected`: what it was, or -EFAULT. All unsigned. */
export type WordExchange = (addr: number, expected: number, next: number) => Promise<number>;

/**
 * What an address space asks of the host process that carries it (the stub).
 *
 * The mapping operations are queued and carried out before the calling guest thread goes on. Two rules bind the
 * implementation, because the list of mappings is changed when an operation is queued:
 * - Operations of one address space take effect in the order they were queued, whichever guest thread's call queued
 *   them; else a late munmap of one thread destroys what another has mapped there since.
 * - A failed operation is reported to `AddressSpace.onHostFailure`, and its errno becomes the result of the call.
 */
export interface AddressSpaceHost {
  /** Flags have MAP_FIXED always. `hostFd` is -1 for anonymous memory. */
  mmap(addr: number, length: number, prot: number, flags: number, hostFd: number, offset: number): void;
  munmap(addr: number, length: number): void;
  mprotect(addr: number, length: number, prot: number): void;
  mremap(oldAddr: number, oldLength: number, newLength: number, flags: number, newAddr: number): void;
  madvise(addr: number, length: number, advice: number): void;
  /** Has the host write a byte to `vec` for each page, as mincore(2) does. */
  mincore(addr: number, length: number, vec: number): void;
  /** A command of membarrier(2) without flags, on behalf of the calling thread. */
  membarrier(command: number): void;
  /** Lets the thread whose call is being handled change words of this memory atomically, also later in that call. */
  wordExchange(): WordExchange;
  /** Whether a futex word has waiters: 1 when the first comes, -1 when the last has gone. */
  announceFutex(addr: number, delta: 1 | -1): void;
  /** Carries out now what is queued: 0, or the -errno of the first operation that failed (the rest is dropped). */
  flush(): Promise<number>;
  /** Copies guest memory to `dst[at..]`: bytes copied (fewer at the first fault), or -EFAULT when not even one. */
  readMemory(addr: number, dst: Uint8Array, at: number, length: number): number;
  /** Copies `src[at..]` to guest memory, obeying the guest's protection: bytes copied or -EFAULT. */
  writeMemory(addr: number, src: Uint8Array, at: number, length: number): number;
}

export type HostOperation = 'mmap' | 'munmap' | 'mprotect' | 'mremap' | 'madvise';

/** Soft limits, by RLIMIT_* number, of the process that owns the address space; Infinity when there is none. */
export interface MemoryLimits {
  soft(resource: number): number;
}
