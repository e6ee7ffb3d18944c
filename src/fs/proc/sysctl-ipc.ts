/** Limits of System V IPC and of POSIX message queues (proc_sys_kernel(5), mq_overview(7)). */
import { EINVAL } from '../../abi/errno.ts';
import { type IpcSettings, NO_SHARED_LIMIT } from '../../kernel/ipc/ipc-settings.ts';
import { dir } from '../pseudo/pseudo-directory.ts';
import type { Node } from '../pseudo/pseudo-file-system.ts';
import { control, parseDecimal } from '../pseudo/text-file.ts';
import { field } from './sysctl-nodes.ts';

const SEMAPHORE_MAXIMA = [32000, 0x7fffffff, 4096, 32768] as const;

/** kernel.sem: semaphores of a set, of all; operations of a call; sets. */
export function semaphoreLimits(ipc: IpcSettings): Node {
  return control(
    () => `${ipc.semmsl}\t${ipc.semmns}\t${ipc.semopm}\t${ipc.semmni}\n`,
    (written) => {
      const wanted = written
        .trim()
        .split(/\s+/)
        .map((each) => parseDecimal(each) ?? -1);
      if (wanted.length !== SEMAPHORE_MAXIMA.length) return -EINVAL;
      if (wanted.some((each, i) => each < 0 || each > SEMAPHORE_MAXIMA[i])) return -EINVAL;
      [ipc.semmsl, ipc.semmns, ipc.semopm, ipc.semmni] = wanted;
      return 0;
    },
  );
}

/** Bytes or pages; beyond what a number keeps exactly there is no limit. */
export function sharedLimit(ipc: IpcSettings, name: 'shmmax' | 'shmall'): Node {
  return control(
    () => `${ipc[name] >= NO_SHARED_LIMIT ? '18446744073692774399' : ipc[name]}\n`,
    (written) => {
      const text = written.trim();
      if (!/^\d{1,20}$/.test(text)) return -EINVAL;
      const wanted = Number(text);
      ipc[name] = Number.isSafeInteger(wanted) ? wanted : NO_SHARED_LIMIT;
      return 0;
    },
  );
}

/** fs.mqueue (mq_overview(7)). */
export function messageQueueLimits(ipc: IpcSettings): Node {
  return dir({
    msg_default: field(ipc, 'messagesDefault', 1, 65536),
    msg_max: field(ipc, 'messagesMax', 1, 65536),
    msgsize_default: field(ipc, 'messageSizeDefault', 128, 16 * 2 ** 20),
    msgsize_max: field(ipc, 'messageSizeMax', 128, 16 * 2 ** 20),
    queues_max: field(ipc, 'queuesMax', 0, 65536),
  });
}
