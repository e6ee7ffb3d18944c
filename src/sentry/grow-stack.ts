/** When a guest's mapping that grows down has to grow (mm/stack-growth.ts), and having the host do it. */
import { RED_ZONE } from '../abi/sigframe.ts';
import { growDown } from '../mm/stack-growth.ts';
import { REG } from '../platform/guest-thread.ts';
import type { Guest } from './guest.ts';
import { readRegister } from './signal-frame.ts';

/** What a signal frame takes besides the FPU image, rounded up. */
const FRAME_ROOM = 2048;

/** Whether the mapping above `addr` grows down to it; that is queued on the host then. */
export function growsTo(guest: Guest, addr: number): boolean {
  guest.host.current = guest.thread;
  return growDown(guest.task.mm, addr);
}

/** Whether the main stack must grow so that what is `below` bytes below the stack pointer is there. */
function growsBelow(guest: Guest, below: number): boolean {
  const { mm } = guest.task;
  const addr = readRegister(guest.thread, REG.rsp) - below;
  // Other threads' stacks are below the mmap base.
  return addr < mm.stackStart && addr > mm.mmapBase && growsTo(guest, addr);
}

/** Before a call: a leaf function may hand over its frame without having touched it. */
export function growsForCall(guest: Guest): boolean {
  return growsBelow(guest, RED_ZONE);
}

/** Before a signal is taken: its frame must find room. */
export function growsForFrame(guest: Guest, xstateSize: number): boolean {
  return growsBelow(guest, FRAME_ROOM + xstateSize);
}

/** Has the host carry out what is queued, after what another thread has queued before. */
export async function grown(guest: Guest): Promise<void> {
  guest.host.current = guest.thread;
  await guest.host.flush();
}
