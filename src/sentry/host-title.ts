/**
 * What the host's tools show of a guest's process: ps(1) its command line and its name. The command line is in the stub's own memory, where
 * its zygote's was (setproctitle(3) does the same); the stub sets its thread's name from there.
 */
import type { LoadPlan } from '../mm/exec/plan.ts';
import type { HostLayout } from './host-layout.ts';
import type { StubHost } from './stub-host.ts';

export const PRCTL = 157;
export const PR_SET_NAME = 15;
/** TASK_COMM_LEN. */
const NAME_LENGTH = 16;
const SPACE = 0x20;

/** To be called before the stub is answered; what it does not reach stays as it is. */
export function showTitle(host: StubHost, { start, end }: HostLayout['title'], plan: LoadPlan): void {
  const length = end - start;
  if (!(length > 2 * NAME_LENGTH && length < 65536)) return;
  const bytes = new Uint8Array(length);
  const nameAt = length - NAME_LENGTH - 1;
  const args = plan.stackBytes.subarray(plan.argStart - plan.stackPointer, plan.argEnd - plan.stackPointer - 1);
  for (let i = 0; i < Math.min(args.length, nameAt - 1); i++) bytes[i] = args[i] === 0 ? SPACE : args[i];
  for (let i = 0; i < Math.min(plan.name.length, NAME_LENGTH - 1); i++) bytes[nameAt + i] = plan.name.charCodeAt(i);
  // With a last byte that is none of a string's the kernel takes the whole for one string, as long as it is.
  bytes[length - 1] = 1;
  if (host.writeMemory(start, bytes, 0, length) === length) host.queue(PRCTL, PR_SET_NAME, start + nameAt);
}
