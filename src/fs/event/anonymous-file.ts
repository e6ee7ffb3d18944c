/** Files without a name in any directory: pipes, eventfds, timerfds, epolls (Linux: anon_inodefs, pipefs). */
import { File } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';

export abstract class AnonymousFile extends File {
  override get inode(): Inode {
    return this.path.dentry.inode;
  }
}
