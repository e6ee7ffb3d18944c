/** The internet protocols of one sandbox: who is bound where. */
import type { Kernel } from '../../kernel/kernel.ts';
import type { Namespace } from '../../kernel/namespaces.ts';
import { LoopbackCounters } from '../loopback.ts';
import type { DatagramSocket } from './datagram-socket.ts';
import { PortTable } from './ports.ts';
import type { RawSocket } from './raw-socket.ts';
import type { StreamSocket } from './stream-socket.ts';

export class InetStack {
  readonly tcp: PortTable<StreamSocket>;
  readonly udp: PortTable<DatagramSocket>;
  /** The connected ones. */
  readonly streams = new Set<StreamSocket>();
  readonly counters = new LoopbackCounters();
  readonly raw = new Set<RawSocket>();

  constructor(random: () => number) {
    this.tcp = new PortTable(random);
    this.udp = new PortTable(random);
  }
}

const stacks = new WeakMap<Namespace, InetStack>();

export function inetStackOf(kernel: Kernel): InetStack {
  let stack = stacks.get(kernel.namespaces.net);
  if (stack === undefined) {
    const word = new DataView(new ArrayBuffer(4));
    stack = new InetStack(() => {
      kernel.random(new Uint8Array(word.buffer), 0, 4);
      return word.getUint32(0) / 2 ** 32;
    });
    stacks.set(kernel.namespaces.net, stack);
  }
  return stack;
}
