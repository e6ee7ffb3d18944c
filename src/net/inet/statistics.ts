/** /proc/net/snmp, netstat, sockstat, sockstat6 and dev (proc_pid_net(5)): the counters of the protocols, from the loopback's. */
import { AF_INET, TCP_CLOSE, TCP_ESTABLISHED } from '../../abi/socket.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { unixSocketsOf } from '../unix/unix-socket.ts';
import type { InetSocket } from './inet-socket.ts';
import { inetStackOf } from './stack.ts';

/** Two lines, of names and of numbers, as net/ipv4/proc.c writes them. */
function block(title: string, fields: Readonly<Record<string, number>>): string {
  return `${title}: ${Object.keys(fields).join(' ')}\n${title}: ${Object.values(fields).join(' ')}\n`;
}

const zeros = (names: string): Record<string, number> => Object.fromEntries(names.split(' ').map((name) => [name, 0]));

const DEV_HEADER =
  'Inter-|   Receive                                                |  Transmit\n' +
  ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n';

/** net.ipv4.ip_default_ttl, and forwarding as a number of RFC 1213: no. */
const DEFAULT_TTL = 64;
const NOT_FORWARDING = 2;
const RTO_MIN_MS = 200;
const RTO_MAX_MS = 120_000;

export function statisticsTables(kernel: Kernel): Record<string, () => string> {
  const stack = inetStackOf(kernel);
  const { counters } = stack;
  const streams = (): InetSocket[] =>
    [...new Set([...stack.tcp.all(), ...stack.streams])].filter((socket) => socket.stateNumber !== TCP_CLOSE);
  const count = (sockets: readonly InetSocket[], isV4: boolean): number =>
    sockets.filter((socket) => (socket.domain === AF_INET) === isV4).length;

  const snmp = (): string => {
    const { packets, segments, datagrams, datagramsToNobody, datagramsWithoutRoom } = counters;
    const established = [...stack.streams].filter((socket) => socket.stateNumber === TCP_ESTABLISHED).length;
    const udp = {
      InDatagrams: datagrams - datagramsToNobody - datagramsWithoutRoom,
      NoPorts: datagramsToNobody,
      InErrors: datagramsWithoutRoom,
      OutDatagrams: datagrams,
      RcvbufErrors: datagramsWithoutRoom,
      ...zeros('SndbufErrors InCsumErrors IgnoredMulti MemErrors'),
    };
    return (
      block('Ip', {
        Forwarding: NOT_FORWARDING,
        DefaultTTL: DEFAULT_TTL,
        InReceives: packets,
        ...zeros('InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards'),
        InDelivers: packets,
        OutRequests: packets,
        ...zeros('OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates'),
        OutTransmits: packets,
      }) +
      block(
        'Icmp',
        zeros(
          'InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InSrcQuenchs InRedirects InEchos InEchoReps ' +
            'InTimestamps InTimestampReps InAddrMasks InAddrMaskReps OutMsgs OutErrors OutRateLimitGlobal OutRateLimitHost ' +
            'OutDestUnreachs OutTimeExcds OutParmProbs OutSrcQuenchs OutRedirects OutEchos OutEchoReps OutTimestamps ' +
            'OutTimestampReps OutAddrMasks OutAddrMaskReps',
        ),
      ) +
      block('Tcp', {
        RtoAlgorithm: 1,
        RtoMin: RTO_MIN_MS,
        RtoMax: RTO_MAX_MS,
        MaxConn: -1,
        ActiveOpens: counters.activeOpens,
        PassiveOpens: counters.activeOpens - counters.failedOpens,
        AttemptFails: counters.failedOpens,
        EstabResets: counters.resets,
        CurrEstab: established,
        InSegs: segments,
        OutSegs: segments,
        RetransSegs: 0,
        InErrs: 0,
        OutRsts: counters.resets,
        InCsumErrors: 0,
      }) +
      block('Udp', udp) +
      block(
        'UdpLite',
        zeros(
          'InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors',
        ),
      )
    );
  };
  const netstat = (): string =>
    block(
      'TcpExt',
      zeros(
        'SyncookiesSent SyncookiesRecv SyncookiesFailed TW ListenOverflows ListenDrops TCPLostRetransmit TCPTimeouts',
      ),
    ) +
    block('IpExt', {
      ...zeros('InNoRoutes InTruncatedPkts InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts'),
      InOctets: counters.bytes,
      OutOctets: counters.bytes,
      ...zeros('InMcastOctets OutMcastOctets InBcastOctets OutBcastOctets InCsumErrors'),
      InNoECTPkts: counters.packets,
      ...zeros('InECT1Pkts InECT0Pkts InCEPkts ReasmOverlaps'),
    });
  const sockstat = (): string => {
    const tcp = streams();
    const udp = [...stack.udp.all()];
    const used = tcp.length + udp.length + unixSocketsOf(kernel).size;
    return (
      `sockets: used ${used}\nTCP: inuse ${count(tcp, true)} orphan 0 tw 0 alloc ${tcp.length} mem 0\n` +
      `UDP: inuse ${count(udp, true)} mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n`
    );
  };
  const sockstat6 = (): string =>
    `TCP6: inuse ${count(streams(), false)}\nUDP6: inuse ${count([...stack.udp.all()], false)}\n` +
    'UDPLITE6: inuse 0\nRAW6: inuse 0\nFRAG6: inuse 0 memory 0\n';
  const dev = (): string => {
    const { bytes, packets } = counters;
    const received = `${String(bytes).padStart(8)} ${String(packets).padStart(7)}    0    0    0     0          0         0`;
    const sent = `${String(bytes).padStart(8)} ${String(packets).padStart(7)}    0    0    0     0       0          0`;
    return `${DEV_HEADER}    lo:${received} ${sent}\n`;
  };
  return { snmp, netstat, sockstat, sockstat6, dev };
}
