/** A stop of a tracee (ptrace(2)), on the sentry's side. */
import { waitWhileTraced } from '../kernel/ptrace.ts';
import { ACTION_RESUME } from '../platform/layout.ts';
import type { Guest } from './guest.ts';
import type { Scheduler } from './scheduler.ts';

/**
 * Waits until the tracer lets it go on. Before, what the call had for the guest is brought to its memory, and the text is put back as
 * the program has it: 0, or -EFAULT when the guest could not take it.
 */
export async function whileTraced(guest: Guest, scheduler: Scheduler): Promise<number> {
  const { thread, host, task } = guest;
  host.patcher?.suspend();
  if (host.hasQueued) {
    host.current = thread;
    await host.flush();
  }
  let fault = 0;
  if (thread.hasCopyOuts) {
    const release = guest.hold();
    const report = guest.nextReport();
    thread.reply(ACTION_RESUME, 0, 1);
    scheduler.watch(thread);
    await report;
    release();
    fault = thread.copyOutResult;
  }
  await waitWhileTraced(task);
  return fault;
}
