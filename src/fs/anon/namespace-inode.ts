/** What the links in /proc/PID/ns lead to (Linux: fs/nsfs.c; namespaces(7)): there is one namespace of each kind. */
import { EINVAL, ENOTTY, EPERM } from '../../abi/errno.ts';
import { O_ACCMODE } from '../../abi/fcntl.ts';
import type { Credentials } from '../../kernel/credentials.ts';
import { NAMESPACE_FLAGS, NAMESPACE_INODES, type NamespaceName } from '../../kernel/namespaces.ts';
import type { Task } from '../../kernel/task.ts';
import type { File } from '../../vfs/file.ts';
import type { Path } from '../../vfs/path.ts';
import { AnonymousFile } from '../event/anonymous-file.ts';
import { AnonInode, anonPathOf, namespaceFileSystem } from './anon-inode.ts';

const NS_GET_USERNS = 0xb701;
const NS_GET_PARENT = 0xb702;
const NS_GET_NSTYPE = 0xb703;
const NS_GET_OWNER_UID = 0xb704;
const S_IFREG = 0o100000;

/** An open namespace, for setns(2). */
export class NamespaceFile extends AnonymousFile {
  /** CLONE_NEW*. */
  readonly kind: number;

  constructor(path: Path, flags: number, kind: number) {
    super(path, flags);
    this.kind = kind;
  }

  override poll(): number {
    return 0;
  }

  override ioctl(task: Task, command: number, argument: number): number {
    switch (command) {
      case NS_GET_NSTYPE:
        return this.kind;
      case NS_GET_OWNER_UID:
        return this.kind === NAMESPACE_FLAGS.user ? task.mem.writeU32(argument, 0) : -EINVAL;
      // What is above the sandbox cannot be seen from inside.
      case NS_GET_USERNS:
      case NS_GET_PARENT:
        return -EPERM;
      default:
        return -ENOTTY;
    }
  }
}

class NamespaceInode extends AnonInode {
  readonly #kind: number;

  constructor(name: NamespaceName) {
    super(namespaceFileSystem, NAMESPACE_INODES[name], S_IFREG | 0o444);
    this.#kind = NAMESPACE_FLAGS[name];
  }

  override open(path: Path, flags: number, _creds?: Credentials): File | number {
    return (flags & O_ACCMODE) === 0 ? new NamespaceFile(path, flags, this.#kind) : -EPERM;
  }
}

const paths = new Map<NamespaceName, Path>();

/** The text of a link in /proc/PID/ns, and where it leads. */
export function namespaceText(name: NamespaceName): string {
  return `${name.replace('_for_children', '')}:[${NAMESPACE_INODES[name]}]`;
}

export function namespacePath(name: NamespaceName): Path {
  let path = paths.get(name);
  if (path === undefined) {
    path = anonPathOf(new NamespaceInode(name), namespaceText(name));
    paths.set(name, path);
  }
  return path;
}
