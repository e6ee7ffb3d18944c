/** What /proc/sys/net sets of a network namespace (Documentation/networking/ip-sysctl). */
import { SOMAXCONN } from '../abi/socket.ts';
import type { Kernel } from './kernel.ts';
import type { Namespace } from './namespaces.ts';

export class NetSettings {
  /** The first port that needs no CAP_NET_BIND_SERVICE. */
  unprivilegedPortStart = 1024;
  /** The greatest backlog of listen(2). */
  somaxconn = SOMAXCONN;
}

const settings = new WeakMap<Namespace, NetSettings>();

export function netSettingsOf({ namespaces }: Kernel): NetSettings {
  let found = settings.get(namespaces.net);
  if (found === undefined) {
    found = new NetSettings();
    settings.set(namespaces.net, found);
  }
  return found;
}
