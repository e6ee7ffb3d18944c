/** Options of a mount in a configuration (config.md, "Mounts"). */
import * as mount from '../abi/mount.ts';

/** Options of a mount that are flags, each with what it sets and what it clears. */
export const MOUNT_FLAGS: Readonly<Record<string, readonly [number, number]>> = {
  ro: [mount.MS_RDONLY, 0],
  rw: [0, mount.MS_RDONLY],
  nosuid: [mount.MS_NOSUID, 0],
  suid: [0, mount.MS_NOSUID],
  nodev: [mount.MS_NODEV, 0],
  dev: [0, mount.MS_NODEV],
  noexec: [mount.MS_NOEXEC, 0],
  exec: [0, mount.MS_NOEXEC],
  noatime: [mount.MS_NOATIME, mount.MS_RELATIME],
  atime: [0, mount.MS_NOATIME],
  nodiratime: [mount.MS_NODIRATIME, 0],
  diratime: [0, mount.MS_NODIRATIME],
  relatime: [mount.MS_RELATIME, mount.MS_NOATIME],
  norelatime: [0, mount.MS_RELATIME],
  strictatime: [mount.MS_STRICTATIME, mount.MS_RELATIME | mount.MS_NOATIME],
  nostrictatime: [0, mount.MS_STRICTATIME],
  nosymfollow: [mount.MS_NOSYMFOLLOW, 0],
  symfollow: [0, mount.MS_NOSYMFOLLOW],
  rro: [mount.MS_RDONLY, 0],
  rrw: [0, mount.MS_RDONLY],
  rnosuid: [mount.MS_NOSUID, 0],
  rnodev: [mount.MS_NODEV, 0],
  rnoexec: [mount.MS_NOEXEC, 0],
  rnoatime: [mount.MS_NOATIME, mount.MS_RELATIME],
  defaults: [0, 0],
};

/** How a mount propagates (mount_namespaces(7)). */
export const PROPAGATION_TYPES: Readonly<Record<string, number>> = {
  private: mount.MS_PRIVATE,
  rprivate: mount.MS_PRIVATE | mount.MS_REC,
  shared: mount.MS_SHARED,
  rshared: mount.MS_SHARED | mount.MS_REC,
  slave: mount.MS_SLAVE,
  rslave: mount.MS_SLAVE | mount.MS_REC,
  unbindable: mount.MS_UNBINDABLE,
  runbindable: mount.MS_UNBINDABLE | mount.MS_REC,
};

/** Options that change nothing here: binding is said by the type as well, and how the host writes is the host's. */
export const IGNORED_OPTIONS: ReadonlySet<string> = new Set([
  ...['bind', 'rbind'],
  ...[
    'sync',
    'async',
    'dirsync',
    'mand',
    'nomand',
    'lazytime',
    'nolazytime',
    'iversion',
    'noiversion',
    'silent',
    'loud',
  ],
]);

/** All that have a meaning of their own; others are the file system's. */
export const MOUNT_OPTIONS: readonly string[] = [
  ...Object.keys(MOUNT_FLAGS),
  ...Object.keys(PROPAGATION_TYPES),
  ...IGNORED_OPTIONS,
].sort();
