/** Which network a container gets: by --network, and by the network namespace of its configuration. */
import { statSync } from 'node:fs';
import type { NetworkKind } from '../sentry/sandbox-options.ts';
import type { NetworkPlace } from './bundle.ts';

/** As --network has it; undefined when it was not given. */
export type NetworkFlag = NetworkKind | 'sandbox' | undefined;

/**
 * With --network=host the sockets are the host's, in the network namespace that the configuration says. Without a flag they are where
 * it says that the container is to be in the host's network (`docker run --network host`). To be asked before the container's namespace is
 * entered.
 */
export function networkOf(flag: NetworkFlag, place: NetworkPlace): NetworkKind {
  if (flag === 'none' || flag === 'host') return flag;
  return isWhereWeAre(place) ? 'host' : 'none';
}

/** Also by a path: Docker names the host's network namespace by one of its own. */
export function isWhereWeAre(place: NetworkPlace): boolean {
  return place.kind === 'ours' || (place.kind === 'path' && isOurs(place.path));
}

function isOurs(path: string): boolean {
  const there = statSync(path, { throwIfNoEntry: false });
  const here = statSync('/proc/thread-self/ns/net');
  return there?.ino === here.ino && there.dev === here.dev;
}
