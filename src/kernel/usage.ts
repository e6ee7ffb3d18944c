/** Resources used, as getrusage(2) and wait4(2) tell (Linux: struct rusage). */
export class Usage {
  userNs = 0;
  systemNs = 0;
  maxRssKb = 0;
  minorFaults = 0;
  majorFaults = 0;
  blocksIn = 0;
  blocksOut = 0;
  voluntarySwitches = 0;
  involuntarySwitches = 0;

  add(other: Usage): void {
    this.userNs += other.userNs;
    this.systemNs += other.systemNs;
    this.maxRssKb = Math.max(this.maxRssKb, other.maxRssKb);
    this.minorFaults += other.minorFaults;
    this.majorFaults += other.majorFaults;
    this.blocksIn += other.blocksIn;
    this.blocksOut += other.blocksOut;
    this.voluntarySwitches += other.voluntarySwitches;
    this.involuntarySwitches += other.involuntarySwitches;
  }
}

export const RUSAGE_SIZE = 144;

function setTimeval(view: DataView, at: number, ns: number): void {
  view.setUint32(at, Math.floor(ns / 1e9), true);
  view.setUint32(at + 8, Math.floor((ns % 1e9) / 1e3), true);
}

/** struct rusage in its 144 bytes. */
export function encodeUsage(usage: Usage): Uint8Array {
  const bytes = new Uint8Array(RUSAGE_SIZE);
  const view = new DataView(bytes.buffer);
  setTimeval(view, 0, usage.userNs);
  setTimeval(view, 16, usage.systemNs);
  const fields: readonly (readonly [number, number])[] = [
    [32, usage.maxRssKb],
    [64, usage.minorFaults],
    [72, usage.majorFaults],
    [88, usage.blocksIn],
    [96, usage.blocksOut],
    [128, usage.voluntarySwitches],
    [136, usage.involuntarySwitches],
  ];
  for (const [at, value] of fields) {
    view.setUint32(at, value >>> 0, true);
    view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
  }
  return bytes;
}
