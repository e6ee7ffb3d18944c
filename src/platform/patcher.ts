/**
 * Rewrites the hot system call sites of an address space into jumps, so that they need no signal.
 *
 * A site is patched only when it has trapped often: a program that looks at its own text before it is busy finds it as it was.
 * What the guest may change is put back first (`onTextChange`), and takes ever more traps to be patched again.
 */
import * as L from './layout.ts';
import {
  addressBytes,
  BYTES_AFTER,
  BYTES_BEFORE,
  ENTRY_WORD,
  type Poke,
  packBytes,
  planPatch,
  SITE_LENGTHS,
  type SitePatch,
  siteShape,
  siteTableEntry,
  TRAMPOLINE_SIZE,
} from './site-shape.ts';

const PAGE = 4096;
const BREAKPOINT = 0xcc;
const MMAP = 9;
const MPROTECT = 10;
const PROT_WRITE = 2;
const PROT_READ_EXEC = 5;
const PROT_ALL = 7;
const MAP_PRIVATE_ANONYMOUS_FIXED_NOREPLACE = 0x100022;
const WORD_BYTES = 6;
const WRITE_BYTES = 24;
/** A jmp rel32 reaches so far; the rest is for lengths on both sides. */
const REACH = 2 ** 31 - 2 * PAGE;
/** Traps after which a site is patched, and how much more it takes after each time the guest made its text writable. */
const HOT = 8;
const BACKOFF = 16;
/** Sites whose traps are counted at a time: bounds what a guest that makes code for ever can cost. */
const COUNTED_LIMIT = 65536;

/** The address space's part: where pages may be, and what the guest sees there. */
export interface TextSpace {
  /** Takes a free page within `reach` bytes of `near` for trampolines: its address, 0 for none. */
  takePage(near: number, reach: number): number;
  /** The protection of [start, end) when it is private text that the guest cannot write to; -1 otherwise. */
  textProt(start: number, end: number): number;
}

/** Carries out host calls and commands of the stub in order. */
export interface PatchHost {
  /** Whether something queued is being carried out. */
  readonly isBusy: boolean;
  queue(op: number, ...args: number[]): void;
  readMemory(addr: number, dst: Uint8Array, at: number, length: number): number;
}

interface Patch extends SitePatch {
  readonly trampolineAddr: number;
}

interface Site {
  hits: number;
  threshold: number;
}

export class Patcher {
  readonly #space: TextSpace;
  readonly #host: PatchHost;
  readonly #sites = new Map<number, Site>();
  /** By return address. Shared with forked address spaces until one of them changes. */
  #patches: Map<number, Patch> = new Map();
  #isShared = false;
  #indexes = 0;
  #page = 0;
  #used = PAGE;
  #isSuspended = false;
  readonly #code = new Uint8Array(BYTES_BEFORE + BYTES_AFTER);

  constructor(space: TextSpace, host: PatchHost) {
    this.#space = space;
    this.#host = host;
  }

  /** For the copy that fork(2) makes: the text is patched there too. */
  clone(space: TextSpace, host: PatchHost): Patcher {
    const copy = new Patcher(space, host);
    copy.#patches = this.#patches;
    copy.#isShared = true;
    copy.#isSuspended = this.#isSuspended;
    this.#isShared = true;
    copy.#indexes = this.#indexes;
    copy.#page = this.#page;
    copy.#used = this.#used;
    return copy;
  }

  /**
   * Counts a trap of the `syscall` before `rip`: whether its site is hot now and ought to be patched.
   *
   * @param bytes the bytes around it as the stub saw them, `bytes[at]` being the one at `rip`
   * @param nr the number that was in rax
   */
  isHot(rip: number, bytes: Uint8Array, at: number, nr: number): boolean {
    if (this.#isSuspended || nr < 0 || siteShape(bytes, at, nr) === null) return false;
    const site = this.#sites.get(rip);
    if (site === undefined) {
      if (this.#sites.size < COUNTED_LIMIT) this.#sites.set(rip, { hits: 1, threshold: HOT });
      return false;
    }
    site.hits += 1;
    return site.hits >= site.threshold && !this.#patches.has(rip);
  }

  /** Queues what patches the site on the host, which was called with this number: false when it cannot be. */
  patch(rip: number, nr: number): boolean {
    const site = this.#sites.get(rip);
    if (site === undefined || this.#patches.has(rip)) return false;
    // Whatever comes of it, it is not tried again at each call.
    this.#backOff(site);
    const text = this.#readText(rip);
    if (text === 0 || this.#indexes >= L.SITE_LIMIT) return false;
    const trampoline = this.#takeSlot(rip);
    if (trampoline === 0) return false;
    const plan = planPatch(this.#code.subarray(0, text), BYTES_BEFORE, rip, trampoline, this.#indexes, nr);
    if (plan === null) return false;
    const [first, last] = extent(plan.pokes);
    const prot = this.#space.textProt(first, last);
    if (prot < 0) return false;
    this.#used += TRAMPOLINE_SIZE;
    this.#write(siteTableEntry(this.#indexes), addressBytes(rip));
    this.#indexes += 1;
    const page = trampoline - (trampoline % PAGE);
    this.#host.queue(MPROTECT, page, PAGE, PROT_ALL);
    this.#write(page + ENTRY_WORD, addressBytes(L.STUB_PATCHED_ENTRY));
    this.#write(trampoline, plan.trampoline);
    this.#host.queue(MPROTECT, page, PAGE, PROT_READ_EXEC);
    this.#poke(plan.pokes, prot);
    this.#own();
    this.#patches.set(rip, { ...plan, trampolineAddr: trampoline });
    return true;
  }

  /** For a tracer, who is to see the text as the program has it: no site is patched from now on, and those that are get queued to be put back. */
  suspend(): void {
    if (this.#isSuspended) return;
    this.#isSuspended = true;
    this.onTextChange(0, 2 ** 47);
  }

  /** The host refused what `patch` had queued. */
  forget(rip: number): void {
    this.#own();
    this.#patches.delete(rip);
  }

  /** Whether a breakpoint met at `addr` is that of a poke under way, or one that is over, so that the thread is to try again. */
  isOurBreakpoint(addr: number): boolean {
    if (!SITE_LENGTHS.some((length) => this.#sites.has(addr + length))) return false;
    if (this.#host.readMemory(addr, this.#code, 0, 1) !== 1) return false;
    return this.#code[0] !== BREAKPOINT || this.#host.isBusy;
  }

  /** The guest is about to be able to change, or to lose, [start, end): sites there, or that jump there, are put back. */
  onTextChange(start: number, end: number): void {
    for (const [rip, { pokes, trampolineAddr }] of this.#patches) {
      const [first, last] = extent(pokes);
      const isTouched = (first < end && last > start) || (trampolineAddr < end && trampolineAddr >= start);
      if (!isTouched) continue;
      const prot = this.#space.textProt(first, last);
      if (prot >= 0) {
        this.#poke(
          pokes.toReversed().map(({ addr, before, after }) => ({ addr, before: after, after: before })),
          prot,
        );
      }
      this.forget(rip);
      const site = this.#sites.get(rip);
      if (site === undefined) this.#sites.set(rip, { hits: 0, threshold: HOT * BACKOFF });
      else site.hits = 0;
    }
    if (this.#page >= start && this.#page < end) this.#used = PAGE;
  }

  #backOff(site: Site): void {
    site.hits = 0;
    site.threshold *= BACKOFF;
  }

  /** Reads the text around `rip` into `#code`: how many bytes there are, 0 for too few. */
  #readText(rip: number): number {
    const n = this.#host.readMemory(rip - BYTES_BEFORE, this.#code, 0, this.#code.length);
    if (n >= BYTES_BEFORE) return n;
    return 0;
  }

  #takeSlot(rip: number): number {
    if (this.#used + TRAMPOLINE_SIZE <= ENTRY_WORD && Math.abs(this.#page - rip) < REACH)
      return this.#page + this.#used;
    const page = this.#space.takePage(rip, REACH);
    if (page === 0) return 0;
    this.#host.queue(MMAP, page, PAGE, PROT_READ_EXEC, MAP_PRIVATE_ANONYMOUS_FIXED_NOREPLACE, -1, 0);
    this.#page = page;
    this.#used = 0;
    return page;
  }

  #write(addr: number, bytes: readonly number[]): void {
    for (let at = 0; at < bytes.length; at += WRITE_BYTES) {
      const words = [0, 1, 2, 3].map((i) => packBytes(bytes, at + i * WORD_BYTES));
      this.#host.queue(L.OP_WRITE, addr + at, Math.min(WRITE_BYTES, bytes.length - at), ...words);
    }
  }

  #poke(pokes: readonly Poke[], prot: number): void {
    const [first, last] = extent(pokes);
    const page = first - (first % PAGE);
    const length = Math.ceil((last - page) / PAGE) * PAGE;
    this.#host.queue(MPROTECT, page, length, prot | 1 | PROT_WRITE);
    for (const { addr, after } of pokes) this.#host.queue(L.OP_POKE, addr, after.length, packBytes(after, 0));
    this.#host.queue(MPROTECT, page, length, prot);
  }

  #own(): void {
    if (!this.#isShared) return;
    this.#patches = new Map(this.#patches);
    this.#isShared = false;
  }
}

/** From the first to after the last byte that is overwritten. */
function extent(pokes: readonly Poke[]): [number, number] {
  return [Math.min(...pokes.map(({ addr }) => addr)), Math.max(...pokes.map(({ addr, after }) => addr + after.length))];
}
