/** For tests of seccomp filters: runs one as the kernel would (a small interpreter of the instructions ours use). */
import assert from 'node:assert/strict';

export const ALLOW = 0x7fff0000;
export const TRAP = 0x00030000;
export const NOTIFY = 0x7fc00000;
export const KILL_PROCESS = 0x80000000;
export const X86_64 = 0xc000003e;

/** @returns the action */
export function runFilter(program: Uint8Array, arch: number, ip: number, nr: number, args: readonly number[]): number {
  const code = new DataView(program.buffer);
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, nr, true);
  data.setUint32(4, arch, true);
  data.setBigUint64(8, BigInt(ip), true);
  for (const [i, arg] of args.entries()) data.setBigUint64(16 + i * 8, BigInt.asUintN(64, BigInt(arg)), true);
  let a = 0;
  for (let pc = 0; pc * 8 < program.length; pc++) {
    const op = code.getUint16(pc * 8, true);
    const k = code.getUint32(pc * 8 + 4, true);
    const branch = (is: boolean): number => code.getUint8(pc * 8 + (is ? 2 : 3));
    if (op === 0x20) a = data.getUint32(k, true);
    else if (op === 0x05) pc += k;
    else if (op === 0x15) pc += branch(a === k);
    else if (op === 0x25) pc += branch(a > k);
    else if (op === 0x35) pc += branch(a >= k);
    else if (op === 0x06) return k;
    else assert.fail(`instruction ${op} is not interpreted`);
  }
  return assert.fail('the filter ends without an action');
}
