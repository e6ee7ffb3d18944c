/**
 * Signal rules that need no task: default actions, sets as two words, what becomes of an interrupted call (Linux:
 * kernel/signal.c, linux/signal.h; signal(7)).
 */
import { ERESTART_RESTARTBLOCK, ERESTARTNOHAND, ERESTARTNOINTR, ERESTARTSYS } from '../abi/errno.ts';
import {
  SIG_DFL,
  SIG_IGN,
  SIGABRT,
  SIGBUS,
  SIGCHLD,
  SIGCONT,
  SIGFPE,
  SIGILL,
  SIGKILL,
  SIGQUIT,
  SIGSEGV,
  SIGSTOP,
  SIGSYS,
  SIGTRAP,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
  SIGURG,
  SIGWINCH,
  SIGXCPU,
  SIGXFSZ,
} from '../abi/signal.ts';

/** The bit of a signal in its word: the low word holds 1 to 32, the high one 33 to 64. */
export function signalBit(signo: number): number {
  return 1 << ((signo - 1) & 31);
}

export function isInSignalSet(lo: number, hi: number, signo: number): boolean {
  return ((signo <= 32 ? lo : hi) & signalBit(signo)) !== 0;
}

export const STOP_SIGNALS = signalBit(SIGSTOP) | signalBit(SIGTSTP) | signalBit(SIGTTIN) | signalBit(SIGTTOU);
/** Cannot be blocked, caught or ignored. */
export const UNBLOCKABLE_SIGNALS = signalBit(SIGKILL) | signalBit(SIGSTOP);
/** Linux dumps core for them. */
export const CORE_SIGNALS = [
  SIGQUIT,
  SIGILL,
  SIGTRAP,
  SIGABRT,
  SIGFPE,
  SIGSEGV,
  SIGBUS,
  SIGSYS,
  SIGXCPU,
  SIGXFSZ,
].reduce((set, signo) => set | signalBit(signo), 0);
const IGNORED_BY_DEFAULT = signalBit(SIGCONT) | signalBit(SIGCHLD) | signalBit(SIGWINCH) | signalBit(SIGURG);

export const ACTION_IGNORE = 0;
export const ACTION_TERMINATE = 1;
export const ACTION_STOP = 2;

/** What SIG_DFL means (signal(7)). Core dumps are never written, so "core" is terminate; SIGCONT has done its work when it was sent. */
export function defaultAction(signo: number): number {
  if (isInSignalSet(IGNORED_BY_DEFAULT, 0, signo)) return ACTION_IGNORE;
  if (isInSignalSet(STOP_SIGNALS, 0, signo)) return ACTION_STOP;
  return ACTION_TERMINATE;
}

/** Whether a handler value means that the signal is dropped (Linux: sig_handler_ignored). */
export function isIgnoredBy(handler: number, signo: number): boolean {
  return handler === SIG_IGN || (handler === SIG_DFL && defaultAction(signo) === ACTION_IGNORE);
}

/** The call's result stands. */
export const RESTART_NO = 0;
/** The call is made again with the same registers. */
export const RESTART_SAME = 1;
/** The call gives EINTR. */
export const RESTART_EINTR = 2;
/** restart_syscall(2) is made instead: the remaining time of a sleep, not the whole. */
export const RESTART_BLOCK = 3;

/**
 * What becomes of a call that was interrupted (Linux: handle_signal and arch_do_signal_or_restart in arch/x86/kernel/signal.c).
 *
 * @param result what the handler of the syscall gave
 * @param hasHandler whether a signal handler runs now
 * @param isSaRestart whether that handler has SA_RESTART
 */
export function restartAction(result: number, hasHandler: boolean, isSaRestart: boolean): number {
  switch (-result) {
    case ERESTARTSYS:
      return !hasHandler || isSaRestart ? RESTART_SAME : RESTART_EINTR;
    case ERESTARTNOINTR:
      return RESTART_SAME;
    case ERESTARTNOHAND:
      return hasHandler ? RESTART_EINTR : RESTART_SAME;
    case ERESTART_RESTARTBLOCK:
      return hasHandler ? RESTART_EINTR : RESTART_BLOCK;
    default:
      return RESTART_NO;
  }
}
