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
