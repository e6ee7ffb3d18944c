/**
 * Descriptors 0, 1 and 2 of the sandbox's first process, over those of whoever started it. A terminal becomes the
 * sandbox's first node in /dev/pts, so that ttyname(3) finds it; all else is a stream without a name.
 */
import type { HostStream } from '../../host/host-stream.ts';
import type { File } from '../../vfs/file.ts';
import type { Path } from '../../vfs/path.ts';
import { anonPathOf } from '../anon/anon-inode.ts';
import { type DevPts, terminalIndex } from '../devpts/devpts.ts';
import { HostTerminal } from '../host-tty/host-terminal.ts';
import { HostStreamFile, HostStreamInode } from './host-stream-file.ts';

const O_APPEND = 0o2000;

export interface StandardStreams {
  /** One per stream, each with a reference for the descriptor table. */
  readonly files: readonly File[];
  /** The terminal among them: it is to `control` the first process' session, and to be restored at the end. */
  readonly terminal: HostTerminal | null;
}

/**
 * @param pathOf where a terminal of devpts is found by its name, or null when it is not mounted
 * @param uid whom the terminal's node belongs to
 */
export function openStandardStreams(
  streams: readonly HostStream[],
  devpts: DevPts,
  pathOf: (name: string) => Path | null,
  uid: number,
): StandardStreams {
  const first = streams.find((stream) => stream.kind === 'terminal');
  const terminal = first === undefined ? null : new HostTerminal(first);
  const node = terminal === null ? -1 : devpts.addTerminal(terminal, uid);
  const files = streams.map((stream): File => {
    if (stream.kind === 'terminal' && terminal !== null && typeof node !== 'number') {
      const name = String(terminalIndex(terminal.deviceNumber));
      const path = pathOf(name) ?? anonPathOf(node, `/dev/pts/${name}`);
      const file = terminal.openUserSide(node, path, stream.flags & ~O_APPEND);
      if (typeof file !== 'number') return file;
    }
    return streamFile(stream);
  });
  return { files, terminal };
}

function streamFile(stream: HostStream): File {
  const inode = new HostStreamInode(stream);
  const kind = stream.kind === 'pipe' || stream.kind === 'socket' ? stream.kind : 'host';
  return new HostStreamFile(anonPathOf(inode, `${kind}:[${inode.ino}]`), stream.flags, inode);
}
