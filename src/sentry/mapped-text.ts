/** The text patcher's view of an address space. */
import { PAGE_SIZE, PROT_EXEC, PROT_READ, PROT_WRITE, TASK_SIZE } from '../abi/memory.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { Patcher, type TextSpace } from '../platform/patcher.ts';
import type { StubHost } from './stub-host.ts';

/** Low addresses are left to programs that want them (vm.mmap_min_addr, MAP_32BIT). */
const LOWEST = 0x10000;

class MappedText implements TextSpace {
  readonly #mm: AddressSpace;

  constructor(mm: AddressSpace) {
    this.#mm = mm;
  }

  takePage(near: number, reach: number): number {
    const { vmas } = this.#mm;
    let page = vmas.gapTopDown(PAGE_SIZE, Math.max(LOWEST, near - reach), near);
    if (page < 0) page = vmas.gapBottomUp(PAGE_SIZE, near, Math.min(TASK_SIZE, near + reach));
    if (page < 0) return 0;
    const refused = this.#mm.reserve(page, page + PAGE_SIZE, 'trampoline', '', PROT_READ | PROT_EXEC);
    return refused < 0 ? 0 : page;
  }

  textProt(start: number, end: number): number {
    const vma = this.#mm.vmas.at(start);
    if (vma === undefined || vma.end < end || vma.kind !== 'user' || vma.isShared) return -1;
    return (vma.prot & (PROT_EXEC | PROT_WRITE)) === PROT_EXEC ? vma.prot : -1;
  }
}

/** Lets the text of a new program be patched. */
export function startPatching(mm: AddressSpace, host: StubHost): void {
  attach(new Patcher(new MappedText(mm), host), mm, host);
}

/** The same for the copy that fork(2) has made of an address space. */
export function inheritPatches(from: StubHost, mm: AddressSpace, host: StubHost): void {
  if (from.patcher !== null) attach(from.patcher.clone(new MappedText(mm), host), mm, host);
}

function attach(patcher: Patcher, mm: AddressSpace, host: StubHost): void {
  host.patcher = patcher;
  mm.onTextChange = (start, end) => patcher.onTextChange(start, end);
}
