/** The one network interface, as netlink, ioctl(2) and /proc/net tell of it. */

export const LOOPBACK_INDEX = 1;
export const LOOPBACK_NAME = 'lo';
export const LOOPBACK_MTU = 65536;
export const LOOPBACK_QUEUE_LENGTH = 1000;
/** ARPHRD_LOOPBACK. */
export const LOOPBACK_HARDWARE = 772;
export const IFF_UP = 1;
export const IFF_LOOPBACK = 8;
export const IFF_RUNNING = 0x40;
export const IFF_LOWER_UP = 0x10000;

/** TCP payload of one packet, and what the headers of IP with those of TCP (with timestamps), of UDP take. */
const SEGMENT = 65483;
const TCP_HEADERS = 52;
const UDP_HEADERS = 28;
/** SYN, SYN with ACK, ACK. */
const HANDSHAKE_PACKETS = 3;
const HANDSHAKE_BYTES = 172;
const REFUSAL_BYTES = 100;

/** What Linux would have counted for the same traffic: everything sent is received. */
export class LoopbackCounters {
  packets = 0;
  bytes = 0;
  segments = 0;
  activeOpens = 0;
  failedOpens = 0;
  resets = 0;
  datagrams = 0;
  datagramsToNobody = 0;
  datagramsWithoutRoom = 0;

  countConnection(): void {
    this.activeOpens += 1;
    this.segments += HANDSHAKE_PACKETS;
    this.packets += HANDSHAKE_PACKETS;
    this.bytes += HANDSHAKE_BYTES;
  }

  /** A SYN, answered by a reset. */
  countRefusal(): void {
    this.activeOpens += 1;
    this.failedOpens += 1;
    this.segments += 2;
    this.packets += 2;
    this.bytes += REFUSAL_BYTES;
  }

  /** Each segment is acknowledged. */
  countStream(length: number): void {
    const packets = 2 * Math.ceil(length / SEGMENT);
    this.segments += packets;
    this.packets += packets;
    this.bytes += length + packets * TCP_HEADERS;
  }

  countDatagram(length: number): void {
    this.datagrams += 1;
    this.packets += 1;
    this.bytes += length + UDP_HEADERS;
  }
}
