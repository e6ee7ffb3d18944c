/**
 * Signal dispositions of a process (Linux: struct sighand_struct, k_sigaction). Threads share one table; so do
 * processes made with CLONE_SIGHAND.
 */
import { NSIG, SIG_DFL, SIG_IGN } from '../abi/signal.ts';

export interface SignalAction {
  /** SIG_DFL, SIG_IGN or the guest address of the handler. */
  handler: number;
  /** SA_*, unsigned. */
  flags: number;
  /** Guest address of the trampoline that calls rt_sigreturn. */
  restorer: number;
  /** Signals blocked while the handler runs. */
  maskLo: number;
  maskHi: number;
}

export class SignalHandlers {
  readonly #actions: SignalAction[] = [];

  constructor() {
    for (let signo = 0; signo <= NSIG; signo++) {
      this.#actions.push({ handler: SIG_DFL, flags: 0, restorer: 0, maskLo: 0, maskHi: 0 });
    }
  }

  /** The action of signal 1..64; it is changed in place. */
  action(signo: number): SignalAction {
    return this.#actions[signo];
  }

  clone(): SignalHandlers {
    const copy = new SignalHandlers();
    for (let signo = 1; signo <= NSIG; signo++) Object.assign(copy.action(signo), this.action(signo));
    return copy;
  }

  /** execve(2), CLONE_CLEAR_SIGHAND: handlers become SIG_DFL; what was ignored stays so (Linux: flush_signal_handlers). */
  resetHandlers(): void {
    for (const action of this.#actions) {
      const handler = action.handler === SIG_IGN ? SIG_IGN : SIG_DFL;
      Object.assign(action, { handler, flags: 0, restorer: 0, maskLo: 0, maskHi: 0 });
    }
  }

  /** Whether the process itself asked to ignore it. */
  isIgnoredExplicitly(signo: number): boolean {
    return this.action(signo).handler === SIG_IGN;
  }
}
