/**
 * Shared subtrees (mount_namespaces(7), Documentation/filesystems/sharedsubtree.rst; Linux: fs/pnode.c): what is mounted in a mount is
 * mounted in its peers and its slaves as well.
 */
import { MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE } from '../abi/mount.ts';
import type { Dentry } from './dentry.ts';
import { isBelow } from './dentry.ts';
import type { Mount } from './mount.ts';

let nextGroup = 1;

/** Mounts that receive from each other. */
export class PeerGroup {
  readonly id = nextGroup++;
  readonly members = new Set<Mount>();
  /** Mounts that receive from these and give nothing back. */
  readonly slaves = new Set<Mount>();
}

function join(mount: Mount, group: PeerGroup): void {
  mount.peers = group;
  group.members.add(mount);
}

function follow(mount: Mount, master: PeerGroup | null): void {
  mount.master?.slaves.delete(mount);
  mount.master = master;
  master?.slaves.add(mount);
}

/** Leaves its peers, whom it follows from then on; if it was the last, its slaves follow whom it followed itself. */
function leavePeers(mount: Mount): void {
  const group = mount.peers;
  if (group === null) return;
  group.members.delete(mount);
  mount.peers = null;
  if (group.members.size > 0) {
    follow(mount, group);
    return;
  }
  for (const slave of [...group.slaves]) follow(slave, mount.master);
}

export function makeShared(mount: Mount): void {
  mount.isUnbindable = false;
  if (mount.peers === null) join(mount, new PeerGroup());
}

/** Neither gives nor receives. */
export function makePrivate(mount: Mount): void {
  leavePeers(mount);
  follow(mount, null);
  mount.isUnbindable = false;
}

/** @param type one of MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE */
export function setPropagation(mount: Mount, type: number): void {
  switch (type) {
    case MS_SHARED:
      makeShared(mount);
      break;
    case MS_SLAVE:
      mount.isUnbindable = false;
      leavePeers(mount);
      break;
    case MS_PRIVATE:
    case MS_UNBINDABLE:
      makePrivate(mount);
      mount.isUnbindable = type === MS_UNBINDABLE;
  }
}

/** A copy of a mount receives what the original does. */
export function shareWith(original: Mount, copy: Mount): void {
  if (original.peers !== null) join(copy, original.peers);
  if (original.master !== null) follow(copy, original.master);
}

export interface Receiver {
  readonly mount: Mount;
  /** The group of the slave that it, or who it has it from, is; null among the peers of the origin. */
  readonly slaveOf: PeerGroup | null;
}

/** Who receives what is mounted at `point` in `origin`: those that show the place. */
export function receiversOf(origin: Mount, point: Dentry): Receiver[] {
  if (origin.peers === null) return [];
  const found: Receiver[] = [];
  const seen = new Set<Mount>([origin]);
  const add = (mount: Mount, slaveOf: PeerGroup | null): void => {
    if (seen.has(mount)) return;
    seen.add(mount);
    if (isBelow(point, mount.root)) found.push({ mount, slaveOf });
  };
  const groups: { readonly group: PeerGroup; readonly slaveOf: PeerGroup | null }[] = [
    { group: origin.peers, slaveOf: null },
  ];
  // A group is looked at once: it is a tree of groups.
  for (const { group, slaveOf } of groups) {
    for (const member of group.members) add(member, slaveOf);
    for (const slave of group.slaves) {
      if (slave.peers === null) add(slave, group);
      else if (!groups.some((each) => each.group === slave.peers)) groups.push({ group: slave.peers, slaveOf: group });
    }
  }
  return found;
}

/** A copy that `receiver` gets of `original`; copies for one group of slaves are peers of each other, by `made`. */
export function receive(
  original: Mount,
  copy: Mount,
  { mount, slaveOf }: Receiver,
  made: Map<PeerGroup, PeerGroup>,
): void {
  if (original.peers === null) return;
  if (slaveOf === null) {
    join(copy, original.peers);
    return;
  }
  if (mount.peers === null) {
    follow(copy, slaveGroup(original.peers, slaveOf, made));
    return;
  }
  let group = made.get(mount.peers);
  if (group === undefined) {
    group = new PeerGroup();
    made.set(mount.peers, group);
  }
  join(copy, group);
  follow(copy, slaveGroup(original.peers, slaveOf, made));
}

/** The copies that followers of `slaveOf` follow: of a group further down its own, else the original's. */
function slaveGroup(original: PeerGroup, slaveOf: PeerGroup, made: ReadonlyMap<PeerGroup, PeerGroup>): PeerGroup {
  return made.get(slaveOf) ?? original;
}

/** The optional fields of mountinfo (proc_pid_mountinfo(5)), each with a blank behind. */
export function propagationText({ peers, master, isUnbindable }: Mount): string {
  const shared = peers === null ? '' : `shared:${peers.id} `;
  const slave = master === null ? '' : `master:${master.id} `;
  return `${shared}${slave}${isUnbindable ? 'unbindable ' : ''}`;
}
