/** The vectors of strings that execve(2) takes, read a page of guest memory at a time. */
import { E2BIG, EFAULT } from '../abi/errno.ts';
import { PAGE_SIZE } from '../abi/memory.ts';
import type { AddressSpace } from '../mm/address-space.ts';

/** MAX_ARG_STRLEN: one string with its NUL. */
const STRING_MAX = 131072;
/** All strings and pointers; Linux has a quarter of the stack limit, 6 MiB at most. */
const TOTAL_MAX = 6 << 20;

/** The page last looked at: neighbouring strings lie in the same one. */
class PageReader {
  readonly #bytes = Buffer.alloc(PAGE_SIZE);
  #mm: AddressSpace | null = null;
  #start = -1;

  /** Looks at another address space, or anew at the same. */
  begin(mm: AddressSpace): void {
    this.#mm = mm;
    this.#start = -1;
  }

  /** Has the page of `addr` there: the offset of `addr` in it, or -1 when it faults. */
  #load(addr: number): number {
    const offset = addr % PAGE_SIZE;
    const start = addr - offset;
    if (start === this.#start) return offset;
    this.#start = -1;
    if (this.#mm === null || this.#mm.readNow(start, this.#bytes, 0, PAGE_SIZE) < 0) return -1;
    this.#start = start;
    return offset;
  }

  /** A pointer; null when it faults. */
  pointer(addr: number): number | null {
    const low = this.#word(addr);
    const high = this.#word(addr + 4);
    return low === null || high === null ? null : high * 2 ** 32 + low;
  }

  #word(addr: number): number | null {
    const at = this.#load(addr);
    if (at < 0) return null;
    if (at <= PAGE_SIZE - 4) return this.#bytes.readUInt32LE(at);
    let value = 0;
    for (let i = 3; i >= 0; i--) {
      const byte = this.#load(addr + i);
      if (byte < 0) return null;
      value = value * 256 + this.#bytes[byte];
    }
    return value;
  }

  /** A NUL-terminated string as a binary string, or -errno. */
  string(addr: number): string | number {
    let text = '';
    for (let at = addr; text.length < STRING_MAX; ) {
      const from = this.#load(at);
      if (from < 0) return -EFAULT;
      const end = this.#bytes.indexOf(0, from);
      text += this.#bytes.toString('latin1', from, end < 0 ? PAGE_SIZE : end);
      if (end >= 0) return text.length < STRING_MAX ? text : -E2BIG;
      at += PAGE_SIZE - from;
    }
    return -E2BIG;
  }
}

const pointers = new PageReader();
const reader = new PageReader();

/** argv or envp at `addr`: binary strings, -EFAULT or -E2BIG. A null pointer is an empty list, as on Linux. */
export function readStrings(mm: AddressSpace, addr: number): string[] | number {
  const strings: string[] = [];
  if (addr === 0) return strings;
  pointers.begin(mm);
  reader.begin(mm);
  let total = 0;
  for (let at = addr; ; at += 8) {
    const pointer = pointers.pointer(at);
    if (pointer === null) return -EFAULT;
    if (pointer === 0) return strings;
    const text = reader.string(pointer);
    if (typeof text === 'number') return text;
    total += text.length + 9;
    if (total > TOTAL_MAX) return -E2BIG;
    strings.push(text);
  }
}
