/** A directory as a mount of its own (open_tree(2)), by a process that has the powers itself. */
import type { HostAccess, HostReach } from './host-place.ts';
import { native } from './native.ts';

const CLOSE = 3;
const OPEN_TREE = 428;
const MOUNT_SETATTR = 442;
const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const AT_RECURSIVE = 0x8000;
const OPEN_TREE_CLONE = 1;
const OPEN_TREE_CLOEXEC = 0o2000000;
const MOUNT_ATTR_RDONLY = 1;
const MOUNT_ATTR_NOSUID = 2;
const MOUNT_ATTR_NODEV = 4;

const cString = (text: string): Uint8Array => new TextEncoder().encode(`${text}\0`);

/** See host-place.ts. */
export function openTree(path: string, access: HostAccess, reach: HostReach): number {
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (reach === 'all mounts' ? AT_RECURSIVE : 0);
  const fd = native.syscall(OPEN_TREE, AT_FDCWD, cString(path), flags);
  if (fd < 0) return fd;
  const readOnly = access === 'read-only' ? MOUNT_ATTR_RDONLY : 0;
  const attributes = new BigUint64Array([BigInt(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | readOnly), 0n, 0n, 0n]);
  const size = attributes.byteLength;
  const failed = native.syscall(MOUNT_SETATTR, fd, cString(''), AT_EMPTY_PATH | AT_RECURSIVE, attributes, size);
  if (failed < 0) native.syscall(CLOSE, fd);
  return failed < 0 ? failed : fd;
}
