/**
 * What the kernel may ask of the host thread that runs a guest thread. The platform implements it; unit tests of the
 * kernel may have one of their own.
 */

/** Order of the 18 registers of a register set, 8 bytes each, as in the kernel's struct sigcontext (asm/sigcontext.h). */
export const REG = {
  r8: 0,
  r9: 1,
  r10: 2,
  r11: 3,
  r12: 4,
  r13: 5,
  r14: 6,
  r15: 7,
  rdi: 8,
  rsi: 9,
  rbp: 10,
  rbx: 11,
  rdx: 12,
  rax: 13,
  rcx: 14,
  rsp: 15,
  rip: 16,
  rflags: 17,
} as const;

export interface GuestThread {
  /** The 18 registers of the guest as they were at the syscall or fault it is stopped in; little-endian u64. */
  readonly registers: DataView;
  /** Makes a running guest thread stop and enter the kernel soon, so that a signal is delivered. Does nothing if it is in the kernel. */
  interrupt(): void;
  /** The guest's call waits for something that may take long: the host thread need not look out for the answer any more. */
  sleep(): void;
  /** The host's tools are to show the name at `addr` in the guest, as prctl(2) PR_SET_NAME reads it; with the answer to the call. */
  nameFrom(addr: number): void;
  /** From now on something is to look at each call before it is made. */
  callsAreChecked(): void;
}
