/** The ioctls about terminal settings and queues that both sides of a pty answer (ioctl_tty(2)). */

import { EFAULT, EINVAL, ENOTTY } from '../../abi/errno.ts';
import {
  FIONREAD,
  TCFLSH,
  TCGETA,
  TCGETS,
  TCGETS2,
  TCSBRK,
  TCSBRKP,
  TCSETA,
  TCSETAF,
  TCSETS,
  TCSETS2,
  TCSETSF,
  TCSETSF2,
  TCXONC,
  TIOCCBRK,
  TIOCGLCKTRMIOS,
  TIOCOUTQ,
  TIOCSBRK,
} from '../../abi/ioctl.ts';
import type { Task } from '../../kernel/task.ts';
import { TERMIO_SIZE, TERMIOS_SIZE, TERMIOS2_SIZE, type Termios, VSTART, VSTOP } from '../../kernel/termios.ts';
import { PACKET_FLUSHREAD, PACKET_FLUSHWRITE, POLLIN, POLLOUT, type Pty } from './pty.ts';

const TCIFLUSH = 0;
const TCOFLUSH = 1;
const TCIOFLUSH = 2;

/** Bytes of the structure that a TCGET* or TCSET* command carries; 0 when it is another command. */
export function termiosSize(command: number): number {
  if (command === TCGETS || (command >= TCSETS && command <= TCSETSF)) return TERMIOS_SIZE;
  if (command === TCGETA || (command >= TCSETA && command <= TCSETAF)) return TERMIO_SIZE;
  if (command === TCGETS2 || (command >= TCSETS2 && command <= TCSETSF2)) return TERMIOS2_SIZE;
  return 0;
}

export function isTermiosSet(command: number): boolean {
  return command !== TCGETS && command !== TCGETA && command !== TCGETS2;
}

/** Whether the command throws away what was typed (TCSAFLUSH). */
export function isTermiosFlush(command: number): boolean {
  return command === TCSETSF || command === TCSETAF || command === TCSETSF2;
}

function changeTermios(task: Task, pty: Pty, command: number, argument: number, size: number): number {
  const refused = pty.checkAccess(task, 'control');
  if (refused < 0) return refused;
  const bytes = task.mem.readBytes(argument, size);
  if (typeof bytes === 'number') return -EFAULT;
  const next: Termios = pty.discipline.termios.clone();
  next.decode(bytes);
  if (isTermiosFlush(command)) pty.discipline.flushInput();
  pty.setTermios(next);
  return 0;
}

function flush(task: Task, pty: Pty, which: number): number {
  const refused = pty.checkAccess(task, 'control');
  if (refused < 0) return refused;
  if (which > TCIOFLUSH) return -EINVAL;
  if (which !== TCOFLUSH) {
    pty.discipline.flushInput();
    pty.notePacket(PACKET_FLUSHREAD);
    pty.masterQueue.wake(POLLOUT);
  }
  if (which !== TCIFLUSH) {
    pty.discipline.flushOutput();
    pty.notePacket(PACKET_FLUSHWRITE);
    pty.slaveQueue.wake(POLLOUT);
  }
  return 0;
}

function flow(task: Task, pty: Pty, action: number): number {
  const refused = pty.checkAccess(task, 'control');
  if (refused < 0) return refused;
  const { discipline } = pty;
  if (action === 0) discipline.stop();
  else if (action === 1) discipline.start();
  else if (action === 2 || action === 3) {
    const char = discipline.termios.cc[action === 2 ? VSTOP : VSTART];
    if (char !== 0 && discipline.output.push(char)) pty.masterQueue.wake(POLLIN);
  } else return -EINVAL;
  return 0;
}

/** Null when `command` is not about settings or queues. */
export function termiosIoctl(
  task: Task,
  pty: Pty,
  command: number,
  argument: number,
  isUserSide: boolean,
): number | null {
  const size = termiosSize(command);
  if (size > 0) {
    if (isTermiosSet(command)) return changeTermios(task, pty, command, argument, size);
    return task.mem.write(argument, pty.discipline.termios.encode(size), 0, size);
  }
  switch (command) {
    case FIONREAD:
      return task.mem.writeU32(argument, isUserSide ? pty.discipline.readableBytes : pty.discipline.output.length);
    case TIOCOUTQ:
      return task.mem.writeU32(argument, isUserSide ? pty.discipline.output.length : 0);
    case TCFLSH:
      return flush(task, pty, argument);
    case TCXONC:
      return flow(task, pty, argument);
    case TCSBRK:
    case TCSBRKP:
      return pty.checkAccess(task, 'control');
    case TIOCSBRK:
    case TIOCCBRK:
      return 0;
    case TIOCGLCKTRMIOS:
      return task.mem.write(argument, new Uint8Array(TERMIOS_SIZE), 0, TERMIOS_SIZE);
    default:
      return isUserSide ? -ENOTTY : null;
  }
}
