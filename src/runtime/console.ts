/** The console socket (runc's docs/terminals.md): whoever asked for a terminal gets its master there, we keep the slave. */

import { HostError } from '../host/host-error.ts';
import { type ConsoleSize, closeFd, openPty } from '../host/pty.ts';
import { connectTo, send } from '../host/unix-stream.ts';

/** Makes a terminal and hands its master to the listener at `socketPath`: the slave. */
export function openConsole(socketPath: string, size: ConsoleSize | null): number {
  const socket = connectTo(socketPath);
  if (socket < 0) throw new HostError(`cannot connect to console socket ${socketPath}`, socket);
  const { master, slave, name } = openPty(size);
  const sent = send(socket, new TextEncoder().encode(name), [master]);
  closeFd(master);
  closeFd(socket);
  if (sent < 0) {
    closeFd(slave);
    throw new HostError(`cannot send the terminal to console socket ${socketPath}`, sent);
  }
  return slave;
}
