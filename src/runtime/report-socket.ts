/** Descriptor 3 of a process that we start and leave behind: a socket on which it says, in one line, whether it came up. */
import type { ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { Fields } from '../wire/json-fields.ts';
import { ContainerError } from './state-directory.ts';

export function socketOf(child: ChildProcess): Duplex {
  const socket = child.stdio[3];
  if (!(socket instanceof process.getBuiltinModule('node:stream').Duplex))
    throw new Error('a child without its socket');
  return socket;
}

/** The line that comes next, or null when the socket ends. One who reports waits for our word before he says more. */
function nextLine(socket: Duplex): Promise<string | null> {
  return new Promise((resolve) => {
    let text = '';
    const settle = (line: string | null): void => {
      socket.off('data', hear).off('close', end).off('end', end).pause();
      resolve(line);
    };
    const end = (): void => settle(null);
    const hear = (bytes: Buffer): void => {
      text += bytes.toString('latin1');
      if (text.endsWith('\n')) settle(Buffer.from(text, 'latin1').toString());
    };
    if (socket.destroyed) resolve(null);
    else socket.on('data', hear).on('close', end).on('end', end).resume();
  });
}

/** Its next line. Throws a ContainerError with the sandbox's own words when it cannot be. */
export async function readReport(child: ChildProcess): Promise<Fields> {
  const socket = socketOf(child);
  // Its end without a word shows below.
  if (socket.listenerCount('error') === 0) socket.on('error', () => {});
  const line = await nextLine(socket);
  if (line === null) throw new ContainerError('the sandbox ended before it was ready');
  const message = new Fields(JSON.parse(line), '', 'sandbox');
  const error = message.string('error');
  if (error !== undefined) throw new ContainerError(error);
  return message;
}
