/** Threads of another process of the host, by the numbers they know themselves by. */
import { listProc, readProcFile } from './proc-files.ts';

/**
 * The host's id of the thread that calls itself `claimed` in the innermost PID namespace; 0 when the process has none. The
 * claim is the guest's to forge, so only threads of that very process are looked at.
 */
export function hostThreadId(pid: number, claimed: number): number {
  // What has just ended is not there or says nothing; a process's end its control socket tells.
  for (const thread of listProc(`${pid}/task`)) {
    const ids = /^NSpid:\s+(.*)$/m.exec(readProcFile(`${pid}/task/${thread}/status`))?.[1]?.split('\t');
    if (Number(ids?.at(-1)) === claimed) return Number(thread);
  }
  return 0;
}
