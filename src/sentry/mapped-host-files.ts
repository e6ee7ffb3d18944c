/** The host's files, of owners that are others inside the container (user_namespaces(7)). */
import { EINVAL } from '../abi/errno.ts';
import { NativeHostFiles } from '../host/host-files.ts';
import { type IdMaps, idInside, idOutside, UNMAPPED } from '../kernel/id-maps.ts';
import type { Stat } from '../vfs/inode.ts';

export class MappedHostFiles extends NativeHostFiles {
  readonly #maps: IdMaps;

  constructor(maps: IdMaps) {
    super();
    this.#maps = maps;
  }

  override statName(dirFd: number, name: string, out: Stat): number {
    return this.#inside(super.statName(dirFd, name, out), out);
  }

  override statFd(hostFd: number, out: Stat): number {
    return this.#inside(super.statFd(hostFd, out), out);
  }

  override chown(dirFd: number, name: string, uid: number, gid: number): number {
    const { uids, gids } = this.#maps;
    const owner = uid < 0 ? uid : idOutside(uids, uid);
    const group = gid < 0 ? gid : idOutside(gids, gid);
    return owner === UNMAPPED || group === UNMAPPED ? -EINVAL : super.chown(dirFd, name, owner, group);
  }

  #inside(result: number, out: Stat): number {
    out.uid = idInside(this.#maps.uids, out.uid);
    out.gid = idInside(this.#maps.gids, out.gid);
    return result;
  }
}
