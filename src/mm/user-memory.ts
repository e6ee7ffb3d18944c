/**
 * How syscall handlers read and write the memory of the guest task that called.
 *
 * What a call is known to need has usually been copied into the task's mailbox by the stub before the handler runs, and
 * small results are put into the mailbox for the stub to copy out before the guest goes on; all else goes through
 * process_vm_readv and process_vm_writev. Handlers do not see the difference, except that a fault of a deferred
 * copy-out becomes the call's result (EFAULT) after the handler has returned.
 *
 * Every byte read is hostile input: fetch once, check, then use the copy. Other guest threads can change the source at
 * any time, the mailbox included.
 *
 * Addresses are JS numbers (user addresses are below 2^47 and exact). Anything at or above 2^47 is EFAULT.
 */
export interface UserMemory {
  /**
   * A NUL-terminated path (at most 4095 bytes and NUL), as a *binary string*: one char per byte, so that any byte
   * sequence survives. Gives -EFAULT or -ENAMETOOLONG.
   */
  readPath(addr: number): string | number;
  /** A NUL-terminated string of at most `max` bytes without NUL (argv, xattr names): string, -EFAULT, or -E2BIG. */
  readString(addr: number, max: number): string | number;
  /** Copies `length` guest bytes into a fresh array, or -EFAULT. For structs of bounded size, not for bulk data. */
  readBytes(addr: number, length: number): Uint8Array | number;
  /** Copies exactly `length` guest bytes to `dst[at..]`: 0 or -EFAULT. */
  readInto(addr: number, dst: Uint8Array, at: number, length: number): number;
  /** Copies `src[at..at+length]` to the guest: 0 or -EFAULT (which may come later, see above). */
  write(addr: number, src: Uint8Array, at: number, length: number): number;
  /** Small integers: 0 or -EFAULT. u64 takes a non-negative safe integer; s64 any safe integer. */
  writeU32(addr: number, value: number): number;
  writeU64(addr: number, value: number): number;
  /** A guest int; null when the address faults. `readU64` gives a double, exact below 2^53. */
  readU32(addr: number): number | null;
  readU64(addr: number): number | null;

  /**
   * Bulk transfer to the guest (read, pread, recv, getdents, ...). `stage` prepares space for at most `length` bytes
   * and gives how many fit (at least min(length, 64 KiB)); the space is `stageBuf[stageAt..]`. After filling n bytes call
   * `flush(addr, n)`: 0 or -EFAULT. Nothing may be staged across an await.
   */
  stage(length: number): number;
  readonly stageBuf: Uint8Array;
  readonly stageAt: number;
  flush(addr: number, length: number): number;
  /**
   * Bulk transfer from the guest (write, pwrite, send, ...): brings at most `length` bytes to `stageBuf[stageAt..]` and gives how
   * many (at least min(length, 64 KiB) unless memory ends earlier), or -EFAULT if not even the first byte is readable.
   */
  load(addr: number, length: number): number;
}

/** The most that may have been copied ahead of a call that writes. */
export const COPIED_AHEAD_MAX = 8192;
