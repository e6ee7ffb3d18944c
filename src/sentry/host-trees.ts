/** What a container sees of the host: directories and files that were opened for it, each as a file system of its own. */
import { HostFs } from '../fs/host/host-fs.ts';
import { HostWatches } from '../fs/host/host-watches.ts';
import { NativeHostFiles } from '../host/host-files.ts';
import type { HostPlace, OpenHostPlace } from '../host/host-place.ts';
import { Inotify } from '../host/inotify.ts';
import { Dentry } from '../vfs/dentry.ts';
import { createMount, Mount } from '../vfs/mount.ts';

export type HostAccess = 'read-only' | 'writable';

export class HostTrees {
  readonly #open: OpenHostPlace;
  readonly #all: HostFs[] = [];
  readonly #watches = new HostWatches(new Inotify());

  constructor(open: OpenHostPlace) {
    this.#open = open;
  }

  /** The directory at `path`. Throws a message for people when there is none. */
  directory(path: string, access: HostAccess): HostFs {
    const place = this.#open(path);
    if (place.name !== null) throw new Error(`root ${path} is not a directory`);
    return this.#fileSystem(place, access);
  }

  /** What is at `path`, as a mount: it, or -errno. A file's directory is opened, but no walk of the guest can get there. */
  mount(path: string, access: HostAccess): Mount | number {
    const place = this.#open(path);
    const fs = this.#fileSystem(place, access);
    if (place.name === null) return createMount(fs, 0, place.path);
    const inode = fs.root.lookup(place.name);
    return typeof inode === 'number' ? inode : new Mount(fs, new Dentry('', null, inode), place.path, 0);
  }

  /** The container has ended. */
  close(): void {
    for (const fs of this.#all.splice(0)) fs.close();
    this.#watches.close();
  }

  #fileSystem({ fd }: HostPlace, access: HostAccess): HostFs {
    const options = { rootFd: fd, isWritable: access === 'writable', watches: this.#watches };
    const fs = new HostFs(new NativeHostFiles(), options);
    this.#all.push(fs);
    return fs;
  }
}
