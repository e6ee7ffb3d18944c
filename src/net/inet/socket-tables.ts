/** /proc/net/tcp, tcp6, udp and udp6 (Linux: net/ipv4/tcp_ipv4.c, udp.c): what netstat, ss and lsof read. */
import { AF_INET, TCP_CLOSE, TCP_ESTABLISHED } from '../../abi/socket.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { Endpoint } from './endpoint.ts';
import type { InetSocket } from './inet-socket.ts';
import { inetStackOf } from './stack.ts';

const TCP_HEADER = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const TCP6_HEADER =
  '  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when ' +
  'retrnsmt   uid  timeout inode';
const TCP_WIDTH = 149;
const UDP_WIDTH = 127;

/** Words of the address in the byte order of the machine, the port in that of people. */
function endpointText({ ip, port }: Endpoint, isV4: boolean): string {
  const digits = isV4 ? ip.slice(24) : ip;
  let text = '';
  for (let at = 0; at < digits.length; at += 8) {
    const [a = '', b = '', c = '', d = ''] = digits.slice(at, at + 8).match(/../g) ?? [];
    text += d + c + b + a;
  }
  return `${text.toUpperCase()}:${hex(port, 4)}`;
}

function hex(value: number, width: number): string {
  return value.toString(16).toUpperCase().padStart(width, '0');
}

function line(i: number, socket: InetSocket, state: number, received: number): string {
  const isV4 = socket.domain === AF_INET;
  const remote = socket.remote ?? new Endpoint(socket.anyAddress, 0);
  const queues = `00000000:${hex(Math.max(0, received), 8)}`;
  const owner = `${String(socket.ownerUid).padStart(5)} ${'0'.padStart(8)} ${socket.inode.ino}`;
  const addresses = `${endpointText(socket.local, isV4)} ${endpointText(remote, isV4)}`;
  return `${String(i).padStart(4)}: ${addresses} ${hex(state, 2)} ${queues} 00:00000000 00000000 ${owner}`;
}

/** By the name of the file. */
export function socketTables(kernel: Kernel): Record<string, () => string> {
  const { tcp, udp, streams } = inetStackOf(kernel);
  const isOf = (domain: number) => (socket: InetSocket) => (socket.domain === AF_INET) === (domain === AF_INET);
  const tcpText = (header: string, domain: number) => (): string => {
    const bound = new Set([...tcp.all(), ...streams]);
    const sockets = [...bound].filter((socket) => socket.stateNumber !== TCP_CLOSE).filter(isOf(domain));
    const lines = sockets.map((socket, i) => {
      const waiting = socket.isListening ? socket.waitingConnections : socket.availableBytes();
      return `${line(i, socket, socket.stateNumber, waiting)} 1 0000000000000000 100 0 0 10 0`;
    });
    return [header, ...lines].map((text) => `${text.padEnd(TCP_WIDTH)}\n`).join('');
  };
  const udpText = (header: string, domain: number) => (): string => {
    const lines = [...udp.all()].filter(isOf(domain)).map((socket, i) => {
      const state = socket.remote === null ? TCP_CLOSE : TCP_ESTABLISHED;
      return `${line(i, socket, state, socket.availableBytes())} 2 0000000000000000 0`;
    });
    return [`${header} ref pointer drops`, ...lines].map((text) => `${text.padEnd(UDP_WIDTH)}\n`).join('');
  };
  return {
    tcp: tcpText(TCP_HEADER, AF_INET),
    tcp6: tcpText(TCP6_HEADER, 0),
    udp: udpText(TCP_HEADER.replace('  sl', '   sl'), AF_INET),
    udp6: udpText(TCP6_HEADER, 0),
  };
}
