/** linux.devices and linux.sysctl of a configuration, once its file systems are mounted. */
import { errnoName } from '../abi/errno.ts';
import { S_IFDIR, S_IFMT } from '../abi/stat.ts';
import { rootCredentials } from '../kernel/credentials.ts';
import type { FileSystem } from '../vfs/inode.ts';
import { Stat } from '../vfs/inode.ts';
import { createMount, dropMount, type Mount } from '../vfs/mount.ts';
import { instantiate } from '../vfs/walk.ts';
import { findPath, makePlace } from './places.ts';
import type { DeviceSpec, SysctlSpec } from './sandbox-options.ts';

const O_RDONLY = 0;
const O_WRONLY = 1;
/** The longest value of a kernel parameter that is looked at. */
const MAX_VALUE = 4096;

/** Makes a node. What is there already must be the same one (config-linux.md, "Devices"). Throws a message that names the field. */
export function makeDevice(root: Mount, { field, path, mode, rdev, uid, gid }: DeviceSpec): void {
  const present = findPath(root, path);
  if (present !== null) {
    const { inode } = present.dentry;
    const stat = new Stat();
    const isSame = inode.stat(stat) === 0 && (stat.mode & S_IFMT) === (mode & S_IFMT) && stat.rdev === rdev;
    if (!isSame) throw new Error(`${field}.path ${path} is there already, and is something else`);
    const failed = inode.setattr({ mode: mode & 0o7777, uid, gid });
    if (failed < 0) throw new Error(`${field}: cannot change ${path}: ${errnoName(-failed)}`);
    return;
  }
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  const folder = path.slice(0, slash) || '/';
  makePlace(root, folder, 'directory');
  const parent = findPath(root, folder)?.dentry;
  if (parent === undefined || (parent.inode.mode & S_IFMT) !== S_IFDIR || name === '') {
    throw new Error(`${field}.path ${path} has no place in the container`);
  }
  const made = parent.inode.mknod(name, mode, rdev, uid, gid);
  if (typeof made === 'number') throw new Error(`${field}: cannot make ${path}: ${errnoName(-made)}`);
  instantiate(parent, name, made);
}

/** Sets kernel parameters in the /proc of the container, mounted or not. Throws a message that names the field. */
export function setSysctls(proc: FileSystem, sysctls: readonly SysctlSpec[]): void {
  if (sysctls.length === 0) return;
  const mount = createMount(proc);
  for (const sysctl of sysctls) setSysctl(mount, sysctl);
  dropMount(mount);
}

function setSysctl(proc: Mount, { field, path, value }: SysctlSpec): void {
  const place = findPath(proc, `/sys/${path}`);
  if (place === null || (place.dentry.inode.mode & S_IFMT) === S_IFDIR) {
    throw new Error(`${field} is not there in this kernel`);
  }
  const creds = rootCredentials();
  const { inode } = place.dentry;
  const read = (): string => {
    const file = inode.open(place, O_RDONLY, creds);
    if (typeof file === 'number') return '';
    const bytes = new Uint8Array(MAX_VALUE);
    const length = file.read(bytes, 0, bytes.length, 0);
    file.unref();
    return typeof length === 'number' && length > 0 ? Buffer.from(bytes.subarray(0, length)).toString('latin1') : '';
  };
  const words = (text: string): string => text.trim().replace(/\s+/g, ' ');
  if (words(read()) === words(value)) return;
  const file = (inode.mode & 0o222) === 0 ? -1 : inode.open(place, O_WRONLY, creds);
  if (typeof file === 'number') throw new Error(`${field} is always ${words(read())} here`);
  const bytes = new TextEncoder().encode(value);
  const written = file.write(bytes, 0, bytes.length, 0);
  file.unref();
  if (written !== bytes.length) throw new Error(`${field} cannot be "${value}"`);
}
