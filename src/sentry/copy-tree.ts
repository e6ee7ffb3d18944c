/** Copies what a directory holds into a new file system that will be mounted over it (the mount option tmpcopyup of runc and crun). */
import { O_RDONLY, O_WRONLY } from '../abi/fcntl.ts';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../abi/stat.ts';
import { rootCredentials } from '../kernel/credentials.ts';
import { Dentry } from '../vfs/dentry.ts';
import { type Inode, Stat } from '../vfs/inode.ts';
import type { Path } from '../vfs/path.ts';

const CHUNK = 1 << 16;
/** An image could nest directories without end. */
const MAX_DEPTH = 64;

const chunk = new Uint8Array(CHUNK);

/** 0 or the -errno of what could not be copied, -ENOSPC when it does not fit. */
export function copyTree(from: Path, to: Path, depth = 0): number {
  const names = namesOf(from);
  if (typeof names === 'number') return names;
  if (depth > MAX_DEPTH) return 0;
  for (const name of names) {
    const source = from.dentry.inode.lookup(name);
    if (typeof source === 'number') return source;
    const failed = copyOne(name, below(from, name, source), to, depth);
    if (failed < 0) return failed;
  }
  return 0;
}

function below({ mount, dentry }: Path, name: string, inode: Inode): Path {
  return { mount, dentry: new Dentry(name, dentry, inode) };
}

function namesOf(directory: Path): string[] | number {
  const file = directory.dentry.inode.open(directory, O_RDONLY, rootCredentials());
  if (typeof file === 'number') return file;
  const names: string[] = [];
  const failed = file.readdir(0, (name) => {
    if (name !== '.' && name !== '..') names.push(name);
    return true;
  });
  file.unref();
  return failed < 0 ? failed : names;
}

function copyOne(name: string, from: Path, directory: Path, depth: number): number {
  const { inode } = from.dentry;
  const stat = new Stat();
  const failed = inode.stat(stat);
  if (failed < 0) return failed;
  const { mode, uid, gid, rdev } = stat;
  const parent = directory.dentry.inode;
  const kind = mode & S_IFMT;
  if (kind === S_IFLNK) {
    const target = inode.readlink();
    return typeof target === 'number' ? target : errorOf(parent.symlink(name, target, uid, gid));
  }
  const made =
    kind === S_IFDIR ? parent.mkdir(name, mode & 0o7777, uid, gid) : parent.mknod(name, mode, rdev, uid, gid);
  if (typeof made === 'number') return made;
  const to = below(directory, name, made);
  if (kind === S_IFDIR) return copyTree(from, to, depth + 1);
  return kind === S_IFREG ? copyData(from, to) : 0;
}

function errorOf(result: Inode | number): number {
  return typeof result === 'number' ? result : 0;
}

function copyData(from: Path, to: Path): number {
  const source = from.dentry.inode.open(from, O_RDONLY, rootCredentials());
  if (typeof source === 'number') return source;
  const target = to.dentry.inode.open(to, O_WRONLY, rootCredentials());
  if (typeof target === 'number') {
    source.unref();
    return target;
  }
  let at = 0;
  let count = source.read(chunk, 0, CHUNK, 0);
  while (count > 0) {
    const written = target.write(chunk, 0, count, at);
    if (written < 0) {
      count = written;
      break;
    }
    at += written;
    count = source.read(chunk, 0, CHUNK, at);
  }
  source.unref();
  target.unref();
  return Math.min(count, 0);
}
