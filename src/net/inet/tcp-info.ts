/** struct tcp_info (linux/tcp.h), for TCP_INFO and socket diagnosis. */

/** Up to tcpi_rcv_ooopack, as of Linux 5.4. */
const SIZE = 232;
const OPTIONS_TIMESTAMPS_SACK_WSCALE = 7;
const WINDOW_SCALES = 0x77;
const RTO_US = 204_000;
const ATO_US = 40_000;
const RTT_US = 20;
const RTT_VARIATION_US = 10;
const SEGMENT = 32768;
const PMTU = 65535;
const ADVERTISED_SEGMENT = 65483;
const WINDOW_SEGMENTS = 10;
const INFINITE_SSTHRESH = 0x7fffffff;
const REORDERING = 3;
/** Bytes a second: as fast as can be told. */
const PACING = 0xffffffff;

/** Bytes make segments of full size, which is what a bulk transfer over a loopback does. */
function segments(bytes: number): number {
  return Math.ceil(bytes / SEGMENT);
}

/** @param state TCP_* */
export function tcpInfo(state: number, sentBytes: number, receivedBytes: number): Uint8Array {
  const bytes = new Uint8Array(SIZE);
  const view = new DataView(bytes.buffer);
  const put = (at: number, value: number): void => view.setUint32(at, value >>> 0, true);
  const putWide = (at: number, value: number): void => view.setBigUint64(at, BigInt(value), true);
  bytes[0] = state;
  bytes[5] = OPTIONS_TIMESTAMPS_SACK_WSCALE;
  bytes[6] = WINDOW_SCALES;
  put(8, RTO_US);
  put(12, ATO_US);
  put(16, SEGMENT);
  put(20, SEGMENT);
  put(60, PMTU);
  put(64, ADVERTISED_SEGMENT);
  put(68, RTT_US);
  put(72, RTT_VARIATION_US);
  put(76, INFINITE_SSTHRESH);
  put(80, WINDOW_SEGMENTS);
  put(84, ADVERTISED_SEGMENT);
  put(88, REORDERING);
  put(96, ADVERTISED_SEGMENT);
  putWide(104, PACING);
  view.setBigUint64(112, 0xffffffffffffffffn, true);
  putWide(120, sentBytes);
  putWide(128, receivedBytes);
  put(136, segments(sentBytes) + segments(receivedBytes));
  put(140, segments(sentBytes) + segments(receivedBytes));
  put(148, RTT_US);
  put(152, segments(receivedBytes));
  put(156, segments(sentBytes));
  put(192, segments(sentBytes));
  putWide(200, sentBytes);
  return bytes;
}
