/**
 * A host process in memory, for tests: it carries out every operation on a map of pages and can be compared with the list
 * of an address space. Only tests import it.
 */
import assert from 'node:assert/strict';
import { EFAULT } from '../abi/errno.ts';
import { PAGE_SIZE, PROT_READ, PROT_WRITE } from '../abi/memory.ts';
import { type AddressSpace, hostProt } from './address-space.ts';
import type { AddressSpaceHost, WordExchange } from './address-space-host.ts';

interface Page {
  prot: number;
  bytes: Uint8Array | null;
}

export const noLimits = { soft: (): number => Infinity };

export class ModelHost implements AddressSpaceHost {
  readonly pages = new Map<number, Page>();
  /** What was asked, one line an operation. */
  readonly log: string[] = [];
  /** What the next flush gives. */
  flushResult = 0;
  /** Bytes of the file behind a host descriptor. */
  readonly files = new Map<number, Uint8Array>();

  mmap(addr: number, length: number, prot: number, flags: number, hostFd: number, offset: number): void {
    this.#note(`mmap ${addr} ${length} ${prot} ${flags} ${hostFd} ${offset}`, addr, length);
    assert.ok(offset >= 0 && offset % PAGE_SIZE === 0, `offset ${offset}`);
    const file = this.files.get(hostFd);
    for (let at = 0; at < length; at += PAGE_SIZE) {
      const bytes = file === undefined ? null : new Uint8Array(PAGE_SIZE);
      if (file !== undefined) bytes?.set(file.subarray(offset + at, offset + at + PAGE_SIZE));
      this.pages.set(addr + at, { prot, bytes });
    }
  }

  announceFutex(): void {}

  wordExchange(): WordExchange {
    return async (addr, expected, next) => {
      const bytes = new Uint8Array(4);
      const view = new DataView(bytes.buffer);
      if (this.readMemory(addr, bytes, 0, 4) !== 4) return -EFAULT;
      const was = view.getUint32(0, true);
      view.setUint32(0, next, true);
      if (was === expected && this.writeMemory(addr, bytes, 0, 4) !== 4) return -EFAULT;
      return was;
    };
  }

  mincore(addr: number, length: number, vec: number): void {
    this.#note(`mincore ${addr} ${length} ${vec}`, addr, length);
  }

  membarrier(command: number): void {
    this.log.push(`membarrier ${command}`);
  }

  munmap(addr: number, length: number): void {
    this.#note(`munmap ${addr} ${length}`, addr, length);
    for (let at = 0; at < length; at += PAGE_SIZE) this.pages.delete(addr + at);
  }

  mprotect(addr: number, length: number, prot: number): void {
    this.#note(`mprotect ${addr} ${length} ${prot}`, addr, length);
    for (let at = 0; at < length; at += PAGE_SIZE) {
      const page = this.pages.get(addr + at);
      assert.ok(page !== undefined, `mprotect of an unmapped page at ${addr + at}`);
      page.prot = prot;
    }
  }

  mremap(oldAddr: number, oldLength: number, newLength: number, flags: number, newAddr: number): void {
    this.#note(`mremap ${oldAddr} ${oldLength} ${newLength} ${flags} ${newAddr}`, oldAddr, newLength);
    if (this.flushResult !== 0) return;
    const target = (flags & 2) === 0 ? oldAddr : newAddr;
    const moved: Page[] = [];
    for (let at = 0; at < Math.max(oldLength, PAGE_SIZE); at += PAGE_SIZE) {
      const page = this.pages.get(oldAddr + at);
      assert.ok(page !== undefined, `mremap of an unmapped page at ${oldAddr + at}`);
      moved.push({ ...page });
      if ((flags & 4) !== 0) page.bytes = null;
      else if (oldLength > 0) this.pages.delete(oldAddr + at);
    }
    for (let at = 0; at < newLength; at += PAGE_SIZE) {
      const page = moved[at / PAGE_SIZE] ?? { prot: moved[0].prot, bytes: null };
      this.pages.set(target + at, page);
    }
  }

  madvise(addr: number, length: number, advice: number): void {
    this.#note(`madvise ${addr} ${length} ${advice}`, addr, length);
  }

  flush(): Promise<number> {
    return Promise.resolve(this.flushResult);
  }

  readMemory(addr: number, dst: Uint8Array, at: number, length: number): number {
    for (let i = 0; i < length; i++) {
      const page = this.pages.get(addr + i - ((addr + i) % PAGE_SIZE));
      if (page === undefined || (page.prot & PROT_READ) === 0) return i === 0 ? -EFAULT : i;
      dst[at + i] = page.bytes?.[(addr + i) % PAGE_SIZE] ?? 0;
    }
    return length;
  }

  writeMemory(addr: number, src: Uint8Array, at: number, length: number): number {
    for (let i = 0; i < length; i++) {
      const page = this.pages.get(addr + i - ((addr + i) % PAGE_SIZE));
      if (page === undefined || (page.prot & PROT_WRITE) === 0) return i === 0 ? -EFAULT : i;
      page.bytes ??= new Uint8Array(PAGE_SIZE);
      page.bytes[(addr + i) % PAGE_SIZE] = src[at + i];
    }
    return length;
  }

  /** Fails unless the pages here are exactly those of the guest's mappings, with the same protection. */
  agreesWith(mm: AddressSpace): void {
    let count = 0;
    let last = 0;
    for (const vma of mm.vmas) {
      assert.ok(vma.start >= last && vma.end > vma.start, `order at ${vma.start}`);
      last = vma.end;
      if (vma.kind !== 'user') continue;
      for (let addr = vma.start; addr < vma.end; addr += PAGE_SIZE) {
        assert.equal(this.pages.get(addr)?.prot, hostProt(vma.prot), `page ${addr.toString(16)}`);
        count += 1;
      }
    }
    assert.equal(this.pages.size, count);
    assert.equal(mm.totalPages, count);
  }

  #note(line: string, addr: number, length: number): void {
    assert.ok(addr % PAGE_SIZE === 0 && length % PAGE_SIZE === 0 && length > 0, line);
    this.log.push(line);
  }
}
