/** Threads of another process of the host, by the numbers they know themselves by. */
import { readdirSync, readFileSync } from 'node:fs';

/**
 * The host's id of the thread that calls itself `claimed` in the innermost PID namespace; 0 when the process has none. The
 * claim is the guest's to forge, so only threads of that very process are looked at.
 */
export function hostThreadId(pid: number, claimed: number): number {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return 0; // it has just ended, which its control socket tells
  }
  for (const thread of threads) {
    let status = '';
    try {
      status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'latin1');
    } catch {
      continue; // this thread has just ended
    }
    const ids = /^NSpid:\s+(.*)$/m.exec(status)?.[1]?.split('\t');
    if (Number(ids?.at(-1)) === claimed) return Number(thread);
  }
  return 0;
}
