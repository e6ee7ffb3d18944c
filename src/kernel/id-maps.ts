/** Who a container's users are outside (user_namespaces(7), "User and group ID mappings"). */

export interface IdRange {
  readonly inside: number;
  readonly outside: number;
  readonly size: number;
}

export type IdMap = readonly IdRange[];

export interface IdMaps {
  readonly uids: IdMap;
  readonly gids: IdMap;
}

const EVERYBODY: IdMap = [{ inside: 0, outside: 0, size: 2 ** 32 - 1 }];

/** Everybody is who he is. */
export const SAME_IDS: IdMaps = { uids: EVERYBODY, gids: EVERYBODY };

/** As /proc/PID/uid_map shows it. */
export function idMapText(map: IdMap): string {
  const column = (value: number): string => String(value).padStart(10);
  return map.map(({ inside, outside, size }) => `${column(inside)} ${column(outside)} ${column(size)}\n`).join('');
}

/** What an id without a mapping is among ids that have one (Linux: INVALID_UID). */
export const UNMAPPED = 0xffffffff;

/** Who `outside` is inside; UNMAPPED for nobody. */
export function idInside(map: IdMap, outside: number): number {
  for (const range of map) {
    const offset = outside - range.outside;
    if (offset >= 0 && offset < range.size) return range.inside + offset;
  }
  return UNMAPPED;
}

/** Who `inside` is outside; UNMAPPED for nobody. */
export function idOutside(map: IdMap, inside: number): number {
  for (const range of map) {
    const offset = inside - range.inside;
    if (offset >= 0 && offset < range.size) return range.outside + offset;
  }
  return UNMAPPED;
}

/** Whether credentials name only ids that are there. */
export function areMapped({ uids, gids }: IdMaps, users: readonly number[], groups: readonly number[]): boolean {
  return (
    users.every((uid) => idOutside(uids, uid) !== UNMAPPED) && groups.every((gid) => idOutside(gids, gid) !== UNMAPPED)
  );
}
