/**
 * Files that are on their way in SCM_RIGHTS messages (Linux: unix_inflight, net/unix/garbage.c).
 *
 * A socket may be in flight within itself, or in a circle with others, where no reference count frees it: `collect` finds those.
 * Releasing a socket may release those in its inbox, and so on: that is done in a loop, for a chain can be longer than the stack.
 */
import type { File } from '../../vfs/file.ts';
import type { Ancillary } from '../socket.ts';

/** A file that others can be on their way to: a socket. */
interface Carrier extends File {
  carried(): Iterable<File>;
  /** Lets go of all that is on its way to it. */
  dropCarried(): void;
}

/** From so many files in flight on they are looked through only when there are twice as many as the last time. */
const FEW = 64;

/** How many of a file's references are in flight. */
const flying = new Map<File, number>();
/** Files in flight by the user who sent them. */
const byUser = new Map<number, number>();
const doomed: File[] = [];
let count = 0;
let collectAt = FEW;
let isDraining = false;
let isCollecting = false;

export function filesInFlight(): number {
  return count;
}

export function filesInFlightOf(uid: number): number {
  return byUser.get(uid) ?? 0;
}

function change<K>(counts: Map<K, number>, key: K, by: number): void {
  const now = (counts.get(key) ?? 0) + by;
  if (now === 0) counts.delete(key);
  else counts.set(key, now);
}

function add({ rights, sender }: Ancillary, sign: 1 | -1): void {
  if (rights.length === 0) return;
  for (const file of rights) change(flying, file, sign);
  change(byUser, sender, sign * rights.length);
  count += sign * rights.length;
}

/** Files have been sent. */
export function takeOff(ancillary: Ancillary): void {
  add(ancillary, 1);
  if (count < collectAt) return;
  collect();
  collectAt = Math.max(FEW, 2 * count);
}

/** Files have been received. */
export function land(ancillary: Ancillary): void {
  add(ancillary, -1);
}

/** Lets go of files that were in flight and that nobody will receive. */
export function dropInFlight(ancillary: Ancillary): void {
  add(ancillary, -1);
  for (const file of ancillary.rights) doomed.push(file);
  if (isDraining) return;
  isDraining = true;
  for (let file = doomed.pop(); file !== undefined; file = doomed.pop()) file.unref();
  isDraining = false;
}

/** A socket is gone: it may have been what kept a circle alive. */
export function collectIfFew(): void {
  if (count > 0 && count <= FEW) collect();
}

function isCarrier(file: File): file is Carrier {
  return 'carried' in file;
}

/** Lets go of sockets that only sockets like them hold, in flight within one another (unix_gc). */
export function collect(): void {
  if (isCollecting) return;
  isCollecting = true;
  /** Sockets that nothing but messages refers to, with how many of those are not in a suspect's own inbox. */
  const suspects = new Map<Carrier, number>();
  for (const [file, n] of flying) if (isCarrier(file) && file.refs === n) suspects.set(file, n);
  for (const socket of suspects.keys()) {
    for (const file of socket.carried()) {
      const outside = isCarrier(file) ? suspects.get(file) : undefined;
      if (outside !== undefined && isCarrier(file)) suspects.set(file, outside - 1);
    }
  }
  const reachable = [...suspects].filter(([, outside]) => outside > 0).map(([socket]) => socket);
  for (const socket of reachable) suspects.delete(socket);
  for (const socket of reachable) {
    for (const file of socket.carried()) if (isCarrier(file) && suspects.delete(file)) reachable.push(file);
  }
  for (const socket of suspects.keys()) socket.ref();
  for (const socket of suspects.keys()) socket.dropCarried();
  for (const socket of suspects.keys()) socket.unref();
  isCollecting = false;
}
