/**
 * Rewrites hot system call sites into jumps, so that they need no signal.
 *
 * The shape is `mov $nr,%eax; syscall` (b8 imm32 0f 05): the five bytes of the mov become a jmp rel32 to a trampoline within
 * 2 GiB, and the syscall stays where it is, so a jump that lands on it still works. A site is patched only when it has trapped
 * often: a program that looks at its own text before it is busy finds it as it was.
 */
import * as L from './layout.ts';
import type { StubThread } from './stub-process.ts';

const SITE_LENGTH = 7;
const TRAMPOLINE_LENGTH = 16;
const PAGE = 4096;
/** The last word of a trampoline page is the address they all jump to. */
const ENTRY_OFFSET = PAGE - 8;
const HOT = 8;
const MMAP = 9;
const PROT_READ_EXEC = 5;
const MAP_PRIVATE_ANONYMOUS_FIXED_NOREPLACE = 0x100022;
/** Sites a stub's table has room for (SITE_LIMIT in native/stub-layout.h). */
const SITE_LIMIT = 0x100000;
/** Sites whose traps are counted at a time: bounds what a guest that makes code for ever can cost. */
const COUNTED_LIMIT = 65536;
/** rt_sigreturn: unwinders know its site by its bytes. */
const RT_SIGRETURN = 15;

/** Where the address space lets a page of trampolines be: free, within 2 GiB of `near`; 0 for nowhere. */
export type FindPage = (near: number) => number;

export class Patcher {
  readonly #findPage: FindPage;
  readonly #hits = new Map<number, number>();
  #sites = 0;
  #page = 0;
  #used = ENTRY_OFFSET;

  constructor(findPage: FindPage) {
    this.#findPage = findPage;
  }

  /**
   * Counts a trap that came from the instruction before `rip`, and queues the patch in the thread's next answer when its time
   * has come. The bytes around it are those the stub saw, at `siteBytes[at..]`, 16 before `rip`.
   */
  onTrap(thread: StubThread, rip: number, siteBytes: Uint8Array, at: number, prot: number): boolean {
    const start = at + 16 - SITE_LENGTH;
    if (siteBytes[start] !== 0xb8 || siteBytes[start + 5] !== 0x0f || siteBytes[start + 6] !== 0x05) return false;
    const nr =
      siteBytes[start + 1] | (siteBytes[start + 2] << 8) | (siteBytes[start + 3] << 16) | (siteBytes[start + 4] << 24);
    if (nr === RT_SIGRETURN || nr < 0) return false;
    const site = rip - SITE_LENGTH;
    const hits = (this.#hits.get(site) ?? 0) + 1;
    if (hits > 1 || this.#hits.size < COUNTED_LIMIT) this.#hits.set(site, hits);
    if (hits !== HOT || this.#sites >= SITE_LIMIT) return false;
    if (this.#used + TRAMPOLINE_LENGTH > ENTRY_OFFSET || Math.abs(this.#page - site) > 2 ** 31 - PAGE) {
      const page = this.#findPage(site);
      if (page === 0) return false;
      this.#page = page;
      this.#used = 0;
      thread.command(MMAP, page, PAGE, PROT_READ_EXEC, MAP_PRIVATE_ANONYMOUS_FIXED_NOREPLACE, -1, 0);
    }
    const index = this.#sites++;
    const trampoline = this.#page + this.#used;
    this.#used += TRAMPOLINE_LENGTH;
    thread.command(L.OP_PATCH, site, trampoline, prot, index, nr);
    return true;
  }
}
