/** A stopped tracee's thread does what its tracer asks for (ptrace(2)): state that only the thread itself can reach. */
import { EIO, ESRCH } from '../abi/errno.ts';
import { PAGE_SIZE, PROT_READ, PROT_WRITE } from '../abi/memory.ts';
import type { Task } from '../kernel/task.ts';
import type { TraceeAccess } from '../kernel/tracee-access.ts';
import { hostProt } from '../mm/address-space.ts';
import * as L from '../platform/layout.ts';
import type { Guest } from './guest.ts';
import type { Processes } from './processes.ts';
import { dataAddress, fpuArea } from './thread-state.ts';

const MPROTECT = 10;
/** Bytes of the FXSAVE area that are for software, and where a signal frame's have the features. */
const SOFTWARE_BYTES = 464;
const FRAME_FEATURES = 472;
const SOFTWARE_END = 512;
/** What one OP_POKE takes. */
const POKE_BYTES = 6;

export class Tracees implements TraceeAccess {
  readonly #processes: Processes;

  constructor(processes: Processes) {
    this.#processes = processes;
  }

  callNumber(task: Task): number {
    return this.#processes.findGuest(task)?.nr ?? -1;
  }

  setCallNumber(task: Task, nr: number): void {
    const guest = this.#processes.findGuest(task);
    if (guest !== undefined) guest.nr = nr;
  }

  async readBases(task: Task): Promise<{ fs: number; gs: number } | number> {
    const guest = this.#stopped(task);
    if (guest === null) return -ESRCH;
    const { thread } = guest;
    const fs = thread.command(L.OP_GET_FS);
    const gs = thread.command(L.OP_GET_GS);
    const failed = await this.#processes.carryOut(guest);
    if (failed < 0) return failed;
    return { fs: thread.commandResult(fs), gs: thread.commandResult(gs) };
  }

  async writeBases(task: Task, fs: number, gs: number): Promise<number> {
    const guest = this.#stopped(task);
    if (guest === null) return -ESRCH;
    guest.thread.command(L.OP_SET_FS, fs);
    guest.thread.command(L.OP_SET_GS, gs);
    return this.#processes.carryOut(guest);
  }

  async readFpu(task: Task): Promise<Uint8Array | number> {
    const guest = this.#stopped(task);
    if (guest === null) return -ESRCH;
    guest.thread.command(L.OP_SAVE_FPU, dataAddress(guest));
    const failed = await this.#processes.carryOut(guest);
    if (failed < 0) return failed;
    const image = fpuArea(this.#processes, guest).slice(0, this.#processes.xstateSize);
    // A signal frame has a magic word, a size and the features here, a tracer gets the features alone (copy_xstate_to_uabi_buf).
    image.copyWithin(SOFTWARE_BYTES, FRAME_FEATURES, FRAME_FEATURES + 8);
    image.fill(0, SOFTWARE_BYTES + 8, SOFTWARE_END);
    return image;
  }

  async writeFpu(task: Task, image: Uint8Array): Promise<number> {
    const guest = this.#stopped(task);
    if (guest === null) return -ESRCH;
    fpuArea(this.#processes, guest).set(image.subarray(0, this.#processes.xstateSize));
    guest.thread.command(L.OP_LOAD_FPU, dataAddress(guest));
    return this.#processes.carryOut(guest);
  }

  async poke(task: Task, addr: number, bytes: Uint8Array): Promise<number> {
    const guest = this.#stopped(task);
    if (guest === null) return -ESRCH;
    const { mm } = task;
    if (mm.writeNow(addr, bytes) === 0) return 0;
    const vma = mm.vmas.at(addr);
    const isOurs = vma === undefined || vma.kind !== 'user' || vma.isShared || vma.end < addr + bytes.length;
    if (isOurs) return -EIO;
    const { host } = guest;
    const page = addr - (addr % PAGE_SIZE);
    const length = Math.ceil((addr + bytes.length - page) / PAGE_SIZE) * PAGE_SIZE;
    host.queue(MPROTECT, page, length, vma.prot | PROT_READ | PROT_WRITE);
    for (let at = 0; at < bytes.length; at += POKE_BYTES) {
      const part = bytes.subarray(at, at + POKE_BYTES);
      let word = 0;
      for (let i = part.length - 1; i >= 0; i--) word = word * 256 + part[i];
      host.queue(L.OP_POKE, addr + at, part.length, word);
    }
    host.queue(MPROTECT, page, length, hostProt(vma.prot));
    host.current = guest.thread;
    return host.flush();
  }

  /** The guest, if it is in a stop and so has a thread that can be given commands. */
  #stopped(task: Task): Guest | null {
    const guest = this.#processes.findGuest(task);
    return guest?.isInKernel === true && task.trace?.stop != null ? guest : null;
  }
}
