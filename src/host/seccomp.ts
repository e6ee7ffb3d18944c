/** seccomp(2) for this process. */
import { must } from './host-error.ts';
import { native } from './native.ts';

const PRCTL = 157;
const SECCOMP = 317;
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
const FILTER_FLAG_TSYNC = 1;
const INSTRUCTION_SIZE = 8;

/** Puts a filter over all threads of this process. It cannot be taken off. Throws a HostError. */
export function installFilter(program: Uint8Array): void {
  must('giving up new privileges', native.syscall(PRCTL, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  // struct sock_fprog
  const fprog = new DataView(new ArrayBuffer(16));
  fprog.setUint16(0, program.length / INSTRUCTION_SIZE, true);
  fprog.setBigUint64(8, BigInt(native.addressOf(program)), true);
  const refused = native.syscall(SECCOMP, SECCOMP_SET_MODE_FILTER, FILTER_FLAG_TSYNC, fprog);
  must('putting a filter over the sentry', refused);
  // With TSYNC a positive result is a thread that has a filter the others have not.
  if (refused > 0) throw new Error(`thread ${refused} has a seccomp filter of its own`);
}
