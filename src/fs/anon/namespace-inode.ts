/** What the links in /proc/PID/ns lead to (Linux: fs/nsfs.c; namespaces(7)). */
import { EINVAL, ENOTTY, EPERM } from '../../abi/errno.ts';
import { O_ACCMODE } from '../../abi/fcntl.ts';
import type { Credentials } from '../../kernel/credentials.ts';
import { NAMESPACE_FLAGS, type Namespace, type Namespaces } from '../../kernel/namespaces.ts';
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
  readonly namespace: Namespace;

  constructor(path: Path, flags: number, namespace: Namespace) {
    super(path, flags);
    this.namespace = namespace;
    namespace.hold();
  }

  /** The one it is of. */
  get asNamespaces(): Partial<Namespaces> {
    return { [this.namespace.name]: this.namespace };
  }

  override release(): void {
    this.namespace.release();
  }

  /** CLONE_NEW*. */
  get kind(): number {
    return NAMESPACE_FLAGS[this.namespace.name];
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
  readonly #namespace: Namespace;

  constructor(namespace: Namespace) {
    super(namespaceFileSystem, namespace.inode, S_IFREG | 0o444);
    this.#namespace = namespace;
  }

  override open(path: Path, flags: number, _creds?: Credentials): File | number {
    return (flags & O_ACCMODE) === 0 ? new NamespaceFile(path, flags, this.#namespace) : -EPERM;
  }
}

const paths = new WeakMap<Namespace, Path>();

/** The text of a link in /proc/PID/ns, and where it leads. */
export function namespaceText({ name, inode }: Namespace): string {
  return `${name}:[${inode}]`;
}

export function namespacePath(namespace: Namespace): Path {
  let path = paths.get(namespace);
  if (path === undefined) {
    path = anonPathOf(new NamespaceInode(namespace), namespaceText(namespace));
    paths.set(namespace, path);
  }
  return path;
}
