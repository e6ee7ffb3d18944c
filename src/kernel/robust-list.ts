/**
 * The robust futex list of a thread that ends (Linux: exit_robust_list in kernel/futex/core.c; Documentation/locking/robust-futexes):
 * locks it still holds are marked FUTEX_OWNER_DIED, and one waiter of each is woken.
 *
 * The list is in guest memory: it may be anything, also a ring, so the walk is bounded.
 */
import { futexWakeOne } from './futex.ts';
import { FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS } from './futex-pi.ts';
import type { Task } from './task.ts';

const ROBUST_LIST_LIMIT = 2048;
/** struct robust_list_head: first entry, offset of the futex word from an entry, the entry of an operation under way. */
const HEAD_SIZE = 24;

const word = new Uint8Array(4);
const wordView = new DataView(word.buffer);

/** Low 48 bits: what is above would be no user address and faults at the read. */
function u64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}

/** To be called while the task's memory can still be written; does nothing without a list. */
export function exitRobustList(task: Task): void {
  const head = task.robustList;
  task.robustList = 0;
  if (head === 0) return;
  const bytes = task.mm.readBytesNow(head, HEAD_SIZE);
  if (typeof bytes === 'number') return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEAD_SIZE);
  // Signed, and most often negative: the word is before the entry.
  const offset = view.getInt32(12, true) * 0x1_0000_0000 + view.getUint32(8, true);
  const pending = u64(view, 16);
  let entry = u64(view, 0);
  for (let i = 0; i < ROBUST_LIST_LIMIT && stripPi(entry) !== head; i++) {
    const next = task.mm.readBytesNow(stripPi(entry), 8);
    if (entry !== pending && !handleDeath(task, stripPi(entry) + offset, isPi(entry), false)) return;
    if (typeof next === 'number') return;
    entry = u64(new DataView(next.buffer, next.byteOffset, 8), 0);
  }
  if (pending !== 0) handleDeath(task, stripPi(pending) + offset, isPi(pending), true);
}

/** The lowest bit of an entry says that its futex is a PI one. */
function stripPi(entry: number): number {
  return entry - (entry % 2);
}

function isPi(entry: number): boolean {
  return entry % 2 === 1;
}

/** handle_futex_death: false when the list is not to be believed any further. Waiters of a PI futex are told by `exitPiLocks`. */
function handleDeath(task: Task, addr: number, isPi: boolean, isPending: boolean): boolean {
  if (addr < 0 || addr % 4 !== 0) return false;
  const value = task.mm.readU32Now(addr);
  if (value === null) return false;
  // A lock being released at this moment may have been set to 0 already, with its waiters not yet told.
  if (isPending && value === 0) {
    if (!isPi) futexWakeOne(task, addr);
    return true;
  }
  if ((value & FUTEX_TID_MASK) !== task.tid) return true;
  wordView.setUint32(0, ((value & FUTEX_WAITERS) | FUTEX_OWNER_DIED) >>> 0, true);
  if (task.mm.writeNow(addr, word) < 0) return false;
  if (!isPi && (value & FUTEX_WAITERS) !== 0) futexWakeOne(task, addr);
  return true;
}
