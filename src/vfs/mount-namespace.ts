/** Mount namespaces (mount_namespaces(7)): a tree of mounts each. */
import { MountNamespace, newInode } from '../kernel/namespaces.ts';
import { copyMountTree, endTree, type Mount } from './mount.ts';

export class MountTree extends MountNamespace {
  override copy(): { readonly namespace: MountNamespace; readonly moved: ReadonlyMap<Mount, Mount> } | number {
    const moved = copyMountTree(this.root);
    if (typeof moved === 'number') return moved;
    const namespace = new MountTree(newInode(), moved.get(this.root) ?? this.root);
    namespace.onEnd(() => endTree(namespace.root));
    return { namespace, moved };
  }
}
