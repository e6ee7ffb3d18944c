/**
 * /proc/PID/net (proc_pid_net(5)): the tables of the network. Where the network has nothing to say they are there and
 * empty, so that programs that read them find nothing instead of an error.
 */
import { dir } from '../pseudo/pseudo-directory.ts';
import type { Node } from '../pseudo/pseudo-file-system.ts';
import { text } from '../pseudo/text-file.ts';
import type { ProcOptions } from './proc-view.ts';

const SOCKET_HEADER =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';

const SOCKET_HEADER6 =
  '  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when ' +
  'retrnsmt   uid  timeout inode';

const EMPTY_TABLES: Readonly<Record<string, string>> = {
  arp: 'IP address       HW type     Flags       HW address            Mask     Device\n',
  if_inet6: '00000000000000000000000000000001 01 80 10 80       lo\n',
  igmp: 'Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n',
  ipv6_route: '',
  netlink: 'sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n',
  packet: 'sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n',
  protocols:
    'protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re sp bi br ha uh gp em\n',
  raw: `${SOCKET_HEADER} ref pointer drops\n`,
  raw6: `${SOCKET_HEADER6} ref pointer drops\n`,
  route: `${'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT'.padEnd(127)}\n`,
};

const directories = new WeakMap<ProcOptions, Node>();

/** The same for all tasks of one proc. */
export function netDirectory(options: ProcOptions): Node {
  const node = directories.get(options) ?? makeNetDirectory(options);
  directories.set(options, node);
  return node;
}

function makeNetDirectory(options: ProcOptions): Node {
  const entries: Record<string, Node> = {};
  for (const [name, table] of Object.entries(EMPTY_TABLES)) entries[name] = text(() => table);
  for (const [name, produce] of Object.entries(options.net)) entries[name] = text(produce);
  return dir(entries);
}
