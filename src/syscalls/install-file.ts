/** Gives a process descriptors of files that a call has made; what cannot be installed is let go. */
import { EFAULT } from '../abi/errno.ts';
import type { Task } from '../kernel/task.ts';
import type { File } from '../vfs/file.ts';

const pair = new Uint8Array(8);
const pairView = new DataView(pair.buffer);

/** Takes over the reference: the descriptor or -errno. */
export function installNew(task: Task, file: File, isCloexec: boolean): number {
  const fd = task.files.install(file, isCloexec);
  if (fd < 0) file.unref();
  return fd;
}

/** For pipe2(2) and socketpair(2). Takes over the references of both files and writes their descriptors to the int[2] at `addr`: 0 or -errno. */
export function installPair(task: Task, addr: number, first: File, second: File, isCloexec: boolean): number {
  const firstFd = task.files.install(first, isCloexec);
  if (firstFd < 0) {
    first.unref();
    second.unref();
    return firstFd;
  }
  const secondFd = task.files.install(second, isCloexec);
  if (secondFd < 0) {
    task.files.close(firstFd);
    second.unref();
    return secondFd;
  }
  pairView.setInt32(0, firstFd, true);
  pairView.setInt32(4, secondFd, true);
  // At once: a fault that came later could not take them back.
  if (task.mm.writeNow(addr, pair) < 0) {
    task.files.close(firstFd);
    task.files.close(secondFd);
    return -EFAULT;
  }
  return 0;
}
