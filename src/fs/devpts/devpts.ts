/**
 * The file system of pseudo terminals (Linux: fs/devpts): a node per terminal and `ptmx`, which makes new ones. One instance is one
 * set of terminals, mounted with newinstance,ptmxmode=0666,mode=620,gid=5 as containers have it.
 */
import { ENOENT, ENOSPC, ENXIO } from '../../abi/errno.ts';
import type { Credentials } from '../../kernel/credentials.ts';
import { currentTask } from '../../kernel/current.ts';
import type { Task } from '../../kernel/task.ts';
import type { Terminal } from '../../kernel/tty.ts';
import type { File } from '../../vfs/file.ts';
import { Inode, type SetAttributes, type Stat } from '../../vfs/inode.ts';
import type { Path } from '../../vfs/path.ts';
import { changingDir } from '../pseudo/pseudo-directory.ts';
import { DT_CHR, type Node, type Place, PseudoFileSystem, ROOT_OWNER, S_IFCHR } from '../pseudo/pseudo-file-system.ts';
import { Pty, type PtyHost } from './pty.ts';
import { PtyMasterFile } from './pty-master-file.ts';

const DEVPTS_MAGIC = 0x1cd1;
const PTS_MAJOR = 136;
/** (5, 2), ptmx. */
const PTMX_RDEV = 0x502;
/** Group tty, which wall(1) and write(1) run as. */
const TTY_GID = 5;
const MAX_PTYS = 1024;

/** Which terminal a device number of this file system is. */
export function terminalIndex(rdev: number): number {
  return (((rdev >> 8) - PTS_MAJOR) << 8) | (rdev & 0xff);
}

/** (136 + n / 256, n % 256) as stat(2) shows it. */
function slaveRdev(index: number): number {
  return ((PTS_MAJOR + (index >> 8)) << 8) | (index & 0xff);
}

/** A device node whose owner and mode can change, as grantpt(3) does. */
abstract class DeviceInode extends Inode {
  readonly fs: PseudoFileSystem;
  readonly ino: number;
  readonly rdev: number;
  #permissions: number;
  #uid: number;
  #gid: number;

  constructor(place: Place, rdev: number, permissions: number, uid: number, gid: number) {
    super();
    this.fs = place.fs;
    this.ino = place.ino;
    this.rdev = rdev;
    this.#permissions = permissions;
    this.#uid = uid;
    this.#gid = gid;
  }

  override get mode(): number {
    return S_IFCHR | this.#permissions;
  }

  override stat(out: Stat): number {
    out.dev = this.fs.dev;
    out.ino = this.ino;
    out.mode = this.mode;
    out.nlink = 1;
    out.uid = this.#uid;
    out.gid = this.#gid;
    out.rdev = this.rdev;
    out.size = 0;
    out.blksize = 1024;
    out.blocks = 0;
    out.atimeSec = out.mtimeSec = out.ctimeSec = this.fs.bootTimeSec;
    out.atimeNsec = out.mtimeNsec = out.ctimeNsec = 0;
    out.btimeSec = out.btimeNsec = 0;
    return 0;
  }

  override setattr(attributes: SetAttributes): number {
    if (attributes.mode !== undefined) this.#permissions = attributes.mode & 0o7777;
    if (attributes.uid !== undefined) this.#uid = attributes.uid;
    if (attributes.gid !== undefined) this.#gid = attributes.gid;
    return 0;
  }
}

class TerminalInode extends DeviceInode {
  readonly terminal: Terminal;

  constructor(place: Place, index: number, terminal: Terminal, uid: number) {
    super(place, slaveRdev(index), 0o620, uid, TTY_GID);
    this.terminal = terminal;
    terminal.deviceNumber = this.rdev;
  }

  override open(path: Path, flags: number, creds: Credentials): File | number {
    return this.terminal.open(this, path, flags, currentTask(), creds);
  }
}

class PtmxInode extends DeviceInode {
  readonly #devpts: DevPts;

  constructor(place: Place, devpts: DevPts) {
    super(place, PTMX_RDEV, 0o666, 0, 0);
    this.#devpts = devpts;
  }

  override open(path: Path, flags: number, creds: Credentials): File | number {
    return this.#devpts.openMaster(this, path, flags, creds);
  }
}

interface Entry {
  readonly inode: TerminalInode;
  readonly terminal: Terminal;
}

export class DevPts {
  readonly fs: PseudoFileSystem;
  readonly #host: PtyHost;
  readonly #entries = new Map<number, Entry>();
  /** Numbers of hung-up terminals that some program still has open; they are not given out again before. */
  readonly #leaving = new Set<number>();
  /** Where a terminal of it is found, for TIOCGPTPEER; null when it is not mounted. */
  readonly #pathOf: (name: string) => Path | null;

  constructor(dev: number, bootTimeSec: number, host: PtyHost, pathOf: (name: string) => Path | null) {
    this.#host = host;
    this.#pathOf = pathOf;
    const ptmx: Node = { dtype: DT_CHR, build: (place) => new PtmxInode({ ...place, ino: 2 }, this) };
    const root = changingDir(
      {
        find: (name) => (name === 'ptmx' ? ptmx : this.#find(name)),
        names: () => ['ptmx', ...[...this.#entries.keys()].map(String)],
        dtypeOf: () => DT_CHR,
      },
      0o755,
    );
    this.fs = new PseudoFileSystem({ typeName: 'devpts', magic: DEVPTS_MAGIC, dev, bootTimeSec, root });
  }

  /** Shows a terminal that is not a pty of ours (the host's) as the next free number: its inode, or -ENOSPC. */
  addTerminal(terminal: Terminal, uid: number): Inode | number {
    const index = this.#freeIndex();
    return index < 0 ? -ENOSPC : this.#add(index, terminal, uid);
  }

  removeTerminal(terminal: Terminal): void {
    for (const [index, entry] of this.#entries) if (entry.terminal === terminal) this.#entries.delete(index);
  }

  /** open(2) of ptmx: a new pair, its user side locked. */
  openMaster(inode: Inode, path: Path, flags: number, creds: Credentials): File | number {
    const index = this.#freeIndex();
    if (index < 0) return -ENOSPC;
    const pty = new Pty(index, this.#host, {
      masterClosed: (closed) => {
        this.#entries.delete(closed.index);
        this.#leaving.add(closed.index);
      },
      allClosed: (closed) => this.#leaving.delete(closed.index),
    });
    this.#add(index, pty, creds.fsuid);
    return new PtyMasterFile(pty, inode, path, flags, (of, peerFlags, task) => this.#openPeer(of, peerFlags, task));
  }

  #add(index: number, terminal: Terminal, uid: number): TerminalInode {
    const place = { fs: this.fs, ino: index + 3, parentIno: 1, owner: ROOT_OWNER };
    const inode = new TerminalInode(place, index, terminal, uid);
    this.#entries.set(index, { inode, terminal });
    return inode;
  }

  #freeIndex(): number {
    for (let i = 0; i < MAX_PTYS; i++) if (!this.#entries.has(i) && !this.#leaving.has(i)) return i;
    return -1;
  }

  #find(name: string): Node | null {
    if (!/^(0|[1-9][0-9]{0,5})$/.test(name)) return null;
    const entry = this.#entries.get(Number(name));
    return entry === undefined ? null : { dtype: DT_CHR, build: () => entry.inode };
  }

  #openPeer(pty: Pty, flags: number, task: Task): File | number {
    const entry = this.#entries.get(pty.index);
    if (entry === undefined || entry.terminal !== pty) return -ENXIO;
    const path = this.#pathOf(String(pty.index));
    return path === null ? -ENOENT : pty.open(entry.inode, path, flags, task, task.creds);
  }
}
