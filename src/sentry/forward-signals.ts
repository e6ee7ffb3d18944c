/** Hands the host's signals on: those of the keyboard to the terminal's foreground group, others to the first process. */
import { constants } from 'node:os';
import { SigInfo } from '../abi/siginfo.ts';
import { SI_USER } from '../abi/signal.ts';
import type { HostTerminal } from '../fs/host-tty/host-terminal.ts';
import { sendSignalToGroup } from '../kernel/signal.ts';
import type { Task } from '../kernel/task.ts';
import type { ThreadGroup } from '../kernel/thread-group.ts';

const FORWARDED = [
  'SIGINT',
  'SIGTERM',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGTSTP',
  'SIGWINCH',
  'SIGCONT',
] as const;

/** A signal from someone outside. @param isForced whether the first process gets it too if it has no handler for it */
export function hostSignal(group: ThreadGroup, signo: number, isForced: boolean): void {
  const info = new SigInfo(signo, SI_USER);
  info.isFromOutside = isForced;
  sendSignalToGroup(group, info);
}

/** @returns what ends it */
export function forwardSignals(task: Task, terminal: HostTerminal | null): () => void {
  const handlers = FORWARDED.map((name) => {
    const signo = constants.signals[name];
    const handler = (): void => {
      if (terminal !== null && name !== 'SIGTERM' && name !== 'SIGUSR1' && name !== 'SIGUSR2' && name !== 'SIGCONT') {
        terminal.signalFromHost(signo);
      } else if (name !== 'SIGWINCH' && name !== 'SIGCONT') {
        hostSignal(task.group, signo, true);
      }
    };
    process.on(name, handler);
    return { name, handler };
  });
  return () => {
    for (const { name, handler } of handlers) process.off(name, handler);
  };
}
