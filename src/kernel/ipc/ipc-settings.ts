/**
 * What /proc/sys/kernel and /proc/sys/fs/mqueue set of an IPC namespace (proc_sys_kernel(5), mq_overview(7)). Upper bounds are ours: what
 * queues hold is memory of the kernel.
 */
import type { Namespace } from '../namespaces.ts';

/** Linux' SHMMAX and SHMALL are ULONG_MAX - 2^24; a double comes close enough. */
export const NO_SHARED_LIMIT = 2 ** 64 - 2 ** 25;
/** What one queue may be allowed to hold. */
export const QUEUE_BYTES_LIMIT = 2 ** 20;

export class IpcSettings {
  /** Bytes of a message, bytes of a queue, queues. */
  msgmax = 8192;
  msgmnb = 16384;
  msgmni = 32000;
  /** Semaphores of a set, of all sets; operations of a call; sets. */
  semmsl = 32000;
  semmns = 1_024_000_000;
  semopm = 500;
  semmni = 32000;
  /** Bytes of a segment, pages of all, segments. */
  shmmax = NO_SHARED_LIMIT;
  shmall = NO_SHARED_LIMIT;
  shmmni = 4096;
  /** POSIX queues, their messages and the bytes of one; what they have if nobody says. */
  queuesMax = 256;
  messagesMax = 10;
  messageSizeMax = 8192;
  messagesDefault = 10;
  messageSizeDefault = 8192;
}

const settings = new WeakMap<Namespace, IpcSettings>();

export function ipcSettingsOf(ipc: Namespace): IpcSettings {
  let found = settings.get(ipc);
  if (found === undefined) {
    found = new IpcSettings();
    settings.set(ipc, found);
  }
  return found;
}
