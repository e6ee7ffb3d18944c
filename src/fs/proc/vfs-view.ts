/** What proc shows of the VFS: paths as text, mounts and descriptors. */
import type { Task } from '../../kernel/task.ts';
import { listMounts, type Mount, mountOptions, mountRootText, topMount } from '../../vfs/mount.ts';
import { absolutePath, isReachable, type Path, placeText } from '../../vfs/path.ts';
import { propagationText } from '../../vfs/propagation.ts';
import type { Descriptor, MountLine, ProcVfs } from './proc-view.ts';

function descriptor(task: Task, fd: number): Descriptor | null {
  const file = task.files.get(fd);
  return file === undefined ? null : { fd, file, isCloexec: task.files.isCloexec(fd) };
}

function lineOf(mount: Mount, root: Path): MountLine {
  const top = { mount, dentry: mount.root };
  return {
    id: mount.id,
    parentId: mount.parent === null ? mount.id : mount.parent.id,
    dev: mount.fs.dev,
    root: mountRootText(mount),
    target: placeText(top, root),
    options: mountOptions(mount),
    propagation: propagationText(mount),
    typeName: mount.fs.typeName,
    source: mount.source,
    superOptions: `rw${mount.fs.options ?? ''}`,
  };
}

export const vfsView: ProcVfs = {
  pathText: absolutePath,
  *mounts(root) {
    for (const mount of listMounts(topMount(root.mount))) {
      // The mount that holds a chroot's root is shown although its own top is out of reach.
      const isRoot = mount === root.mount;
      if (isRoot || isReachable({ mount, dentry: mount.root }, root)) {
        yield isRoot ? { ...lineOf(mount, root), target: '/' } : lineOf(mount, root);
      }
    }
  },
  mountId: (path) => path.mount.id,
  *descriptors(task) {
    for (const fd of task.files.descriptors()) {
      const entry = descriptor(task, fd);
      if (entry !== null) yield entry;
    }
  },
  descriptor,
};
