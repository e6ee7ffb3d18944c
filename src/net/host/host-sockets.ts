/**
 * What `--network=host` needs of the host: internet sockets and what it tells of its network. Given at boot; a network namespace without
 * it has a loopback of our own.
 *
 * Results are the host's own: -errno for what failed. Nothing ever waits.
 */
import type { Kernel } from '../../kernel/kernel.ts';
import type { Namespace } from '../../kernel/namespaces.ts';

/** What a receive brings besides bytes. The arrays are new for each receive. */
export interface HostMessage {
  /** Bytes of the message, more than there was room for if it was cut. */
  length: number;
  source: Uint8Array | null;
  /** Control messages as they came. */
  control: Uint8Array | null;
  /** msg_flags. */
  flags: number;
}

export interface HostSockets {
  /** Bind to lower ports takes CAP_NET_BIND_SERVICE. */
  readonly firstUnprivilegedPort: number;
  /** A socket that does not block, AF_INET or AF_INET6: its descriptor. */
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array): number;
  connect(fd: number, address: Uint8Array): number;
  listen(fd: number, backlog: number): number;
  /** A connection that does not block, its peer's address in `peer`: descriptor and length of the address. */
  accept(fd: number, peer: Uint8Array): { fd: number; peerLength: number } | number;
  localName(fd: number): Uint8Array | number;
  peerName(fd: number): Uint8Array | number;
  shutdown(fd: number, how: number): number;
  send(fd: number, bytes: Uint8Array, address: Uint8Array | null, control: Uint8Array | null, flags: number): number;
  /** @param what 'bytes' leaves all else that comes with them */
  receive(fd: number, bytes: Uint8Array, flags: number, what: 'bytes' | 'message', out: HostMessage): number;
  /** The length of the value, which goes to `value`. */
  getOption(fd: number, level: number, name: number, value: Uint8Array): number;
  setOption(fd: number, level: number, name: number, value: Uint8Array): number;
  /** `argument` is read and written. */
  ioctl(fd: number, command: number, argument: Uint8Array): number;
  /** All interfaces with an IPv4 address, each a struct ifreq (SIOCGIFCONF). */
  interfaces(fd: number): Uint8Array | number;
  /** POLL* bits that hold now. */
  poll(fd: number): number;
  /** Calls back whenever anything of it changes, with all POLL* bits that hold then, until it is closed. */
  watch(fd: number, onChange: (events: number) => void): void;
  close(fd: number): void;
  /** The datagrams that answer one netlink request, which must be one that changes nothing. */
  ask(about: 'route' | 'sockets', request: Uint8Array): Uint8Array[] | number;
  /** A file of /proc/net, empty if there is none. */
  table(name: string): string;
}

/** The files of /proc/net that are about the internet protocols and interfaces. */
export const HOST_TABLES: readonly string[] = [
  ...['arp', 'dev', 'dev_mcast', 'if_inet6', 'igmp', 'igmp6', 'ipv6_route', 'route', 'rt_cache'],
  ...['tcp', 'tcp6', 'udp', 'udp6', 'udplite', 'udplite6', 'raw', 'raw6', 'icmp', 'icmp6'],
  ...['netstat', 'snmp', 'snmp6', 'sockstat', 'sockstat6'],
];

const networks = new WeakMap<Namespace, HostSockets>();

/** To be called at boot. */
export function provideHostNetwork({ namespaces }: Kernel, sockets: HostSockets): void {
  networks.set(namespaces.net, sockets);
}

export function hostNetworkOf({ namespaces }: Kernel): HostSockets | undefined {
  return networks.get(namespaces.net);
}
