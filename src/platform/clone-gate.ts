/**
 * The only way a stub can make a process or thread: its clone(2) arrives here as a seccomp notification
 * (seccomp_unotify(2)) and goes on only if the sentry has asked for that very clone, which a secret cookie proves.
 *
 * The cookie is a register, not memory, so nothing can change it after the check (no TOCTOU with FLAG_CONTINUE).
 *
 * A clone that has been let through can come again: where a signal is pending, if only the freezer's or that of a stop, the host's kernel
 * restarts the call from its beginning (copy_process: ERESTARTNOINTR). So it is let through a few times more, for the same thread,
 * until it is known to have been made.
 */
import { EPERM } from '../abi/errno.ts';
import { native } from '../host/native.ts';
import { hostRandom } from '../host/random.ts';

const IOCTL = 16;
const NOTIF_RECV = 0xc0502100;
const NOTIF_SEND = 0xc0182101;
const NOTIF_SET_FLAGS = 0x40082104;
const FD_SYNC_WAKE_UP = 1;
const FLAG_CONTINUE = 1;
const PID = 8;
const ARGS = 32;
/** How often a clone is let through again: each time somebody has stopped its thread in the few microseconds that it takes. */
const RESTARTS = 3;
/** Clones that may be restarted, of threads that never say how it went. */
const GRANTED_MAX = 1024;

/** A clone that was let through and may not have been made yet. */
interface Granted {
  readonly flags: number;
  readonly pid: number;
  left: number;
}

export class CloneGate {
  readonly listener: number;
  readonly #expected = new Map<number, number>();
  readonly #granted = new Map<number, Granted>();
  readonly #notification = new DataView(new ArrayBuffer(80));
  readonly #response = new DataView(new ArrayBuffer(24));
  readonly #random = new DataView(new ArrayBuffer(8));
  readonly #randomBytes = new Uint8Array(this.#random.buffer);

  constructor(listener: number) {
    this.listener = listener;
    // Without it a notification costs a sleeping peer's wake-up; kernels before 6.6 refuse and are only slower.
    native.syscall(IOCTL, listener, NOTIF_SET_FLAGS, FD_SYNC_WAKE_UP);
  }

  /** Whether a clone is awaited, so that the listener must be looked at. */
  get isExpecting(): boolean {
    return this.#expected.size > 0;
  }

  /** Allows one clone with exactly these flags: the cookie to give to the stub. */
  expect(flags: number): number {
    hostRandom(this.#randomBytes, 0, 8);
    const cookie = (this.#random.getUint32(0) >>> 12) * 2 ** 32 + this.#random.getUint32(4);
    this.#expected.set(cookie, flags);
    return cookie;
  }

  /** The clone has been made, or will not come: the stub has died, or has not done as told. */
  forget(cookie: number): void {
    this.#expected.delete(cookie);
    this.#granted.delete(cookie);
  }

  #isAllowed(cookie: number, flags: number, pid: number): boolean {
    if (this.#expected.get(cookie) === flags) {
      this.#expected.delete(cookie);
      this.#granted.set(cookie, { flags, pid, left: RESTARTS });
      if (this.#granted.size > GRANTED_MAX) this.#granted.delete(this.#granted.keys().next().value ?? cookie);
      return true;
    }
    const before = this.#granted.get(cookie);
    if (before === undefined || before.flags !== flags || before.pid !== pid || before.left === 0) return false;
    before.left -= 1;
    return true;
  }

  /** Answers one notification; call when the listener is readable. */
  answer(): void {
    const asked = this.#notification;
    for (let i = 0; i < 80; i += 4) asked.setUint32(i, 0, true);
    if (native.syscall(IOCTL, this.listener, NOTIF_RECV, asked) < 0) return;
    const flags = asked.getUint32(ARGS, true) + asked.getUint32(ARGS + 4, true) * 2 ** 32;
    const cookie = asked.getUint32(ARGS + 40, true) + asked.getUint32(ARGS + 44, true) * 2 ** 32;
    const isAllowed = this.#isAllowed(cookie, flags, asked.getUint32(PID, true));
    const response = this.#response;
    response.setUint32(0, asked.getUint32(0, true), true);
    response.setUint32(4, asked.getUint32(4, true), true);
    response.setInt32(16, isAllowed ? 0 : -EPERM, true);
    response.setUint32(20, isAllowed ? FLAG_CONTINUE : 0, true);
    // ENOENT: the caller was killed meanwhile, which its control socket will tell.
    native.syscall(IOCTL, this.listener, NOTIF_SEND, response);
  }
}
