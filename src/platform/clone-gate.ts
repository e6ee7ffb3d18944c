/**
 * The only way a stub can make a process or thread: its clone(2) arrives here as a seccomp notification
 * (seccomp_unotify(2)) and goes on only if the sentry has asked for that very clone, which a secret cookie proves.
 *
 * The cookie is a register, not memory, so nothing can change it after the check (no TOCTOU with FLAG_CONTINUE).
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
const ARGS = 32;

export class CloneGate {
  readonly listener: number;
  readonly #expected = new Map<number, number>();
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

  /** The clone will not come (the stub died, or did not do as told); nothing happens if it has come. */
  forget(cookie: number): void {
    this.#expected.delete(cookie);
  }

  /** Answers one notification; call when the listener is readable. */
  answer(): void {
    const asked = this.#notification;
    for (let i = 0; i < 80; i += 4) asked.setUint32(i, 0, true);
    if (native.syscall(IOCTL, this.listener, NOTIF_RECV, asked) < 0) return;
    const flags = asked.getUint32(ARGS, true) + asked.getUint32(ARGS + 4, true) * 2 ** 32;
    const cookie = asked.getUint32(ARGS + 40, true) + asked.getUint32(ARGS + 44, true) * 2 ** 32;
    const isExpected = this.#expected.get(cookie) === flags;
    if (isExpected) this.#expected.delete(cookie);
    const response = this.#response;
    response.setUint32(0, asked.getUint32(0, true), true);
    response.setUint32(4, asked.getUint32(4, true), true);
    response.setInt32(16, isExpected ? 0 : -EPERM, true);
    response.setUint32(20, isExpected ? FLAG_CONTINUE : 0, true);
    // ENOENT: the caller was killed meanwhile, which its control socket will tell.
    native.syscall(IOCTL, this.listener, NOTIF_SEND, response);
  }
}
