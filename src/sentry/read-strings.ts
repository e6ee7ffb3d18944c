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
  readonly #mm: AddressSpace;
  #start = -1;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(mm: AddressSpace) {
    this.#mm = mm;
  }

  /** The bytes from `addr` to the end of its page, or null when it faults. */
  rest(addr: number): Buffer | null {
    const start = addr - (addr % PAGE_SIZE);
    if (start !== this.#start) {
      const bytes = this.#mm.readBytesNow(start, PAGE_SIZE);
      if (typeof bytes === 'number') return null;
      this.#start = start;
      this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    return this.#bytes.subarray(addr - start);
  }

  /** A pointer; null when it faults. */
  pointer(addr: number): number | null {
    let value = 0;
    for (let i = 7; i >= 0; i--) {
      const byte = this.rest(addr + i)?.[0];
      if (byte === undefined) return null;
      value = value * 256 + byte;
    }
    return value;
  }

  /** A NUL-terminated string as a binary string, or -errno. */
  string(addr: number): string | number {
    let text = '';
    for (let at = addr; text.length < STRING_MAX; ) {
      const rest = this.rest(at);
      if (rest === null) return -EFAULT;
      const end = rest.indexOf(0);
      text += rest.toString('latin1', 0, end < 0 ? rest.length : end);
      if (end >= 0) return text.length < STRING_MAX ? text : -E2BIG;
      at += rest.length;
    }
    return -E2BIG;
  }
}

/** argv or envp at `addr`: binary strings, -EFAULT or -E2BIG. A null pointer is an empty list, as on Linux. */
export function readStrings(mm: AddressSpace, addr: number): string[] | number {
  const strings: string[] = [];
  if (addr === 0) return strings;
  const pointers = new PageReader(mm);
  const reader = new PageReader(mm);
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
