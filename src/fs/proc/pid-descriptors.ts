/** fd and fdinfo of a process (Linux: fs/proc/fd.c). */
import { EACCES, ENOENT } from '../../abi/errno.ts';
import type { Task } from '../../kernel/task.ts';
import { changingDir } from '../pseudo/pseudo-directory.ts';
import { DT_LNK, DT_REG, type Node } from '../pseudo/pseudo-file-system.ts';
import { magicLink } from '../pseudo/pseudo-inode.ts';
import { text } from '../pseudo/text-file.ts';
import { checkInspect } from './access.ts';
import type { Descriptor, ProcVfs } from './proc-view.ts';

const O_ACCMODE = 3;
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const O_LARGEFILE = 0o100000;

function descriptorOf(task: Task, vfs: ProcVfs, name: string): Descriptor | null {
  if (task.isExited || !/^(0|[1-9][0-9]{0,8})$/.test(name)) return null;
  return vfs.descriptor(task, Number(name));
}

function names(task: Task, vfs: ProcVfs): string[] {
  if (task.isExited) return [];
  return [...vfs.descriptors(task)].map((entry) => String(entry.fd));
}

/** The link's permissions tell how the file is open. */
function linkPermissions(flags: number): number {
  if ((flags & O_PATH) !== 0) return 0o100;
  const access = flags & O_ACCMODE;
  return (access !== 1 ? 0o500 : 0) | (access !== 0 ? 0o300 : 0);
}

export function fdDirectory(task: Task, vfs: ProcVfs): Node {
  return changingDir(
    {
      find: (name) => {
        const found = descriptorOf(task, vfs, name);
        if (found === null) return null;
        // The file is looked up again each time: the number may refer to another one by then.
        return magicLink(
          () => {
            const now = descriptorOf(task, vfs, name);
            return now === null ? -ENOENT : vfs.pathText(now.file.path, task.fs.root);
          },
          (creds) => {
            if (checkInspect(task, creds) < 0) return -EACCES;
            return descriptorOf(task, vfs, name)?.file.path ?? -ENOENT;
          },
          linkPermissions(found.file.flags),
        );
      },
      names: () => names(task, vfs),
      dtypeOf: () => DT_LNK,
      check: (creds) => (checkInspect(task, creds) < 0 ? -EACCES : 0),
    },
    0o500,
  );
}

export function fdinfoDirectory(task: Task, vfs: ProcVfs): Node {
  return changingDir(
    {
      find: (name) => {
        if (descriptorOf(task, vfs, name) === null) return null;
        return text(() => {
          const entry = descriptorOf(task, vfs, name);
          if (entry === null) return -ENOENT;
          const { file } = entry;
          const flags = file.flags | O_LARGEFILE | (entry.isCloexec ? O_CLOEXEC : 0);
          const position = file.isSeekable ? file.position : 0;
          return (
            `pos:\t${position}\nflags:\t0${(flags >>> 0).toString(8)}\n` +
            `mnt_id:\t${vfs.mountId(file.path)}\nino:\t${file.inode.ino}\n`
          );
        }, 0o444);
      },
      names: () => names(task, vfs),
      dtypeOf: () => DT_REG,
      check: (creds) => (checkInspect(task, creds) < 0 ? -EACCES : 0),
    },
    0o555,
  );
}
