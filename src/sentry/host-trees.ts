/** What a container sees of the host: directories and files that were opened for it, each as a file system of its own. */
import { HostFs } from '../fs/host/host-fs.ts';
import { HostWatches } from '../fs/host/host-watches.ts';
import { NativeHostFiles } from '../host/host-files.ts';
import type { HostAccess, HostPlace, HostReach, OpenHostPlace } from '../host/host-place.ts';
import { Inotify } from '../host/inotify.ts';
import type { IdMaps } from '../kernel/id-maps.ts';
import { Dentry } from '../vfs/dentry.ts';
import { createMount, Mount, setRootPath } from '../vfs/mount.ts';
import { MappedHostFiles } from './mapped-host-files.ts';

export class HostTrees {
  readonly #open: OpenHostPlace;
  readonly #idMaps: IdMaps | null;
  readonly #all: HostFs[] = [];
  readonly #watches = new HostWatches(new Inotify());

  /** @param idMaps null where owners are inside who they are outside */
  constructor(open: OpenHostPlace, idMaps: IdMaps | null = null) {
    this.#open = open;
    this.#idMaps = idMaps;
  }

  /** The directory at `path`. Throws a message for people when there is none. */
  directory(path: string, access: HostAccess): HostFs {
    const place = this.#open(path, access, 'all mounts');
    if (place.name !== null) throw new Error(`root ${path} is not a directory`);
    return this.#fileSystem(place, access);
  }

  /** What is at `path`, as a mount: it, or -errno. A file's directory is opened, but no walk of the guest can get there. */
  mount(path: string, access: HostAccess, reach: HostReach): Mount | number {
    const place = this.#open(path, access, reach);
    const fs = this.#fileSystem(place, access);
    const inode = place.name === null ? fs.root : fs.root.lookup(place.name);
    if (typeof inode === 'number') return inode;
    const mount =
      place.name === null ? createMount(fs, 0, place.path) : new Mount(fs, new Dentry('', null, inode), place.path, 0);
    if (place.path !== '/') setRootPath(mount.root, place.path);
    return mount;
  }

  /** The container has ended. */
  close(): void {
    for (const fs of this.#all.splice(0)) fs.close();
    this.#watches.close();
  }

  #fileSystem({ fd }: HostPlace, access: HostAccess): HostFs {
    const options = { rootFd: fd, isWritable: access === 'writable', watches: this.#watches };
    const files = this.#idMaps === null ? new NativeHostFiles() : new MappedHostFiles(this.#idMaps);
    const fs = new HostFs(files, options);
    this.#all.push(fs);
    return fs;
  }
}
