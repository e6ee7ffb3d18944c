import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { E2BIG, EACCES, ELIBBAD, ELOOP, ENOENT, ENOEXEC } from '../../abi/errno.ts';
import { MMAP_MIN_ADDR, PAGE_SIZE, PROT_EXEC, PROT_READ, PROT_WRITE, TASK_SIZE } from '../../abi/memory.ts';
import { anonInodePath } from '../../fs/anon/anon-inode.ts';
import { AddressSpace } from '../../mm/address-space.ts';
import { ModelHost, noLimits } from '../../mm/model-host.ts';
import { File, type HostMapping } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';
import { type LoadRequest, loadProgram } from './loader.ts';
import { applyPlan, LoadFailure, type LoadPlan, releasePlan } from './plan.ts';

const noPath = anonInodePath('program');

class MemoryFile extends File {
  readonly bytes: Uint8Array;
  readonly hostFd: number;

  constructor(bytes: Uint8Array, hostFd = 7) {
    super(noPath, 0);
    this.bytes = bytes;
    this.hostFd = hostFd;
  }
  override get inode(): Inode {
    throw new Error('a program needs no inode to be loaded');
  }
  override poll(): number {
    return 0;
  }
  override read(dst: Uint8Array, at: number, length: number, offset: number): number {
    const part = this.bytes.subarray(offset, offset + length);
    dst.set(part, at);
    return part.length;
  }
  override mapping(): HostMapping {
    return { hostFd: this.hostFd };
  }
}

const reserved = [
  { start: 0x7ff0_0000_0000, end: 0x7ff0_4000_0000 },
  { start: 0x7fff_0000_0000, end: 0x7fff_0000_4000 },
];

let seed = 1;
function random(dst: Uint8Array, at: number, length: number): void {
  for (let i = 0; i < length; i++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    dst[at + i] = seed >>> 16;
  }
}

function request(file: File, changes: Partial<LoadRequest> = {}): LoadRequest {
  return {
    file,
    filename: '/bin/prog',
    argv: ['prog', 'one'],
    envp: ['A=1', 'B=2'],
    openExecutable: () => -ENOENT,
    isPathInaccessible: false,
    ids: () => ({ uid: 1000, euid: 1001, gid: 100, egid: 101, isSecure: true }),
    random,
    isRandomized: true,
    stackLimit: 8 * 2 ** 20,
    reserved,
    vdsoAddress: 0x7fff_0000_2000,
    hwcap: 0xbfebfbff,
    hwcap2: 2,
    minSigStackSize: 3632,
    ...changes,
  };
}

function planned(changes: LoadRequest): LoadPlan {
  const plan = loadProgram(changes);
  if (plan instanceof LoadFailure) assert.fail(`errno ${plan.errno}: ${plan.reason}`);
  return plan;
}

function failure(changes: LoadRequest): LoadFailure {
  const plan = loadProgram(changes);
  assert.ok(plan instanceof LoadFailure, 'there should be no plan');
  assert.equal(changes.file.refs, 0);
  return plan;
}

const dir = mkdtempSync(join(tmpdir(), 'loader-'));
after(() => rmSync(dir, { recursive: true }));

const SOURCE =
  'int loader_bss[5000]; int loader_data[3] = {1, 2, 3}; int main(void) { return loader_bss[4999] + loader_data[0]; }';

function build(name: string, ...flags: string[]): Uint8Array {
  const source = join(dir, 'program.c');
  writeFileSync(source, SOURCE);
  execFileSync('gcc', [...flags, source, '-o', join(dir, name)]);
  return readFileSync(join(dir, name));
}

const staticProgram = build('static', '-static');
const staticPie = build('static-pie', '-static-pie');
const dynamicProgram = build('dynamic', '-pie');
const script = (text: string): MemoryFile => new MemoryFile(Buffer.from(text, 'latin1'));

/** No mapping may lie outside user space or on what is not the guest's. */
function checkPlan(plan: LoadPlan): void {
  for (const m of plan.mappings) {
    assert.ok(m.start >= MMAP_MIN_ADDR && m.end > m.start && m.end <= TASK_SIZE, `${m.start} to ${m.end}`);
    assert.equal(m.start % PAGE_SIZE, 0);
    assert.equal(m.end % PAGE_SIZE, 0);
    assert.ok(m.offset >= 0 && m.offset % PAGE_SIZE === 0 && Number.isSafeInteger(m.offset));
    for (const r of reserved) assert.ok(m.end <= r.start || m.start >= r.end, 'over a reserved range');
    if (m.name !== '[stack]') assert.ok(m.end <= plan.stackStart || m.start >= plan.stackEnd, 'over the stack');
  }
  for (const z of plan.zeroFills) assert.ok(z.length > 0 && z.length < PAGE_SIZE);
  assert.ok(plan.entry >= 0 && plan.entry < TASK_SIZE);
  assert.equal(plan.stackPointer % 16, 0);
  assert.equal(plan.stackPointer + plan.stackBytes.length, plan.stackEnd);
  assert.ok(plan.stackPointer > plan.stackStart);
  assert.ok(plan.brkStart <= TASK_SIZE && plan.brkStart % PAGE_SIZE === 0);
}

test('a static program is in memory as its segments say, bss zeroed', async () => {
  const file = new MemoryFile(staticProgram);
  const plan = planned(request(file));
  checkPlan(plan);
  const host = new ModelHost();
  host.files.set(7, staticProgram);
  const mm = new AddressSpace(host, noLimits);
  for (const r of reserved) mm.reserve(r.start, r.end, 'reserved');
  assert.equal(await applyPlan(plan, mm), 0);
  host.agreesWith(mm);
  releasePlan(plan);
  assert.ok(file.refs > 0, 'the mappings hold the file');
  const symbols = execFileSync('nm', [join(dir, 'static')], { encoding: 'latin1' });
  const address = (name: string): number => {
    const found = new RegExp(`^([0-9a-f]+) . ${name}$`, 'm').exec(symbols);
    assert.ok(found !== null);
    return Number.parseInt(found[1], 16);
  };
  assert.equal(mm.readU32Now(address('loader_data') + 8), 3);
  assert.deepEqual(mm.readBytesNow(address('loader_bss'), 20000), new Uint8Array(20000));
  assert.equal(mm.vmas.at(plan.entry)?.prot, PROT_READ | PROT_EXEC);
  assert.equal(mm.vmas.at(plan.stackPointer)?.prot, PROT_READ | PROT_WRITE);
  assert.equal(plan.entry, address('_start'));
  assert.ok(mm.setBrk(plan.brkStart + 10) === plan.brkStart + 10);
  mm.unref();
  assert.equal(file.refs, 0);
});

test('the stack has what Linux puts there', () => {
  const file = new MemoryFile(staticProgram);
  const plan = planned(request(file));
  const view = new DataView(plan.stackBytes.buffer);
  const word = (i: number): number => Number(view.getBigUint64(i * 8, true));
  const text = (address: number): string => {
    const from = address - plan.stackPointer;
    return Buffer.from(plan.stackBytes.subarray(from, plan.stackBytes.indexOf(0, from))).toString('latin1');
  };
  assert.equal(word(0), 2);
  assert.deepEqual([text(word(1)), text(word(2)), word(3)], ['prog', 'one', 0]);
  assert.deepEqual([text(word(4)), text(word(5)), word(6)], ['A=1', 'B=2', 0]);
  const aux = new Map<number, number>();
  let i = 7;
  for (; word(i) !== 0; i += 2) aux.set(word(i), word(i + 1));
  assert.equal(plan.auxv.length, (i + 2 - 7) * 8);
  assert.equal(aux.get(33), 0x7fff_0000_2000);
  assert.equal(aux.get(6), 4096);
  assert.equal(aux.get(4), 56);
  assert.equal(aux.get(9), plan.entry);
  assert.equal(aux.get(16), 0xbfebfbff);
  assert.deepEqual([aux.get(11), aux.get(12), aux.get(13), aux.get(14), aux.get(23)], [1000, 1001, 100, 101, 1]);
  assert.equal(text(aux.get(31) ?? 0), '/bin/prog');
  assert.equal(text(aux.get(15) ?? 0), 'x86_64');
  assert.ok((aux.get(25) ?? 0) > plan.stackPointer);
  assert.ok((aux.get(3) ?? 0) > plan.startCode);
  assert.equal(text(plan.argStart), 'prog');
  assert.equal(text(plan.envStart), 'A=1');
  assert.equal(plan.argEnd, plan.envStart);
  assert.equal(word(plan.stackBytes.length / 8 - 1), 0);
  releasePlan(plan);
  assert.equal(file.refs, 0);
});

test('a program starts with an empty argv[0] rather than none', () => {
  const plan = planned(request(new MemoryFile(staticProgram), { argv: [] }));
  assert.equal(new DataView(plan.stackBytes.buffer).getUint32(0, true), 1);
});

test('position-independent programs go to random places, fixed ones without randomization', () => {
  const entries = new Set<number>();
  for (let i = 0; i < 8; i++) {
    const plan = planned(request(new MemoryFile(staticPie)));
    checkPlan(plan);
    entries.add(plan.entry);
  }
  assert.equal(entries.size, 8);
  const first = planned(request(new MemoryFile(staticPie), { isRandomized: false }));
  const second = planned(request(new MemoryFile(staticPie), { isRandomized: false }));
  assert.equal(first.entry, second.entry);
  assert.equal(first.stackPointer, second.stackPointer);
});

test('a dynamic program starts in its linker, and its linker must be one', () => {
  const linker = new MemoryFile(readFileSync('/lib64/ld-linux-x86-64.so.2'), 8);
  const asked: string[] = [];
  const openExecutable = (path: string): File => {
    asked.push(path);
    return linker.ref();
  };
  const plan = planned(request(new MemoryFile(dynamicProgram), { openExecutable }));
  checkPlan(plan);
  assert.deepEqual(asked, ['/lib64/ld-linux-x86-64.so.2']);
  const start = plan.mappings.find((m) => m.file === linker)?.start ?? 0;
  assert.ok(plan.entry > start && plan.entry < start + linker.bytes.length);
  assert.ok(plan.startCode >= 0x5555_0000_0000);
  releasePlan(plan);
  assert.equal(linker.refs, 1);
  const fails = (open: (path: string) => File | number): LoadFailure =>
    failure(request(new MemoryFile(dynamicProgram), { openExecutable: open }));
  assert.equal(fails(() => -ENOENT).errno, ENOENT);
  assert.equal(fails(() => -EACCES).errno, EACCES);
  const junk = script('#!/bin/sh\n'.repeat(50));
  assert.equal(fails(() => junk).errno, ELIBBAD);
  assert.equal(junk.refs, 0);
});

test('scripts nest five deep, with the interpreter, its argument and the script before the arguments', () => {
  const program = new MemoryFile(staticProgram);
  const files = new Map<string, File>([['/i0', program]]);
  for (let i = 1; i <= 6; i++) files.set(`/i${i}`, script(`#!/i${i - 1} arg${i} x\n`));
  const openExecutable = (path: string): File | number => files.get(path)?.ref() ?? -ENOENT;
  const top = script('#!/i4\n');
  const plan = planned(request(top, { filename: '/top', openExecutable }));
  assert.equal(plan.executable, program);
  assert.equal(plan.name, 'top');
  assert.equal(top.refs, 0);
  const tail = Buffer.from(plan.stackBytes).toString('latin1');
  const argv = ['/i0', 'arg1 x', '/i1', 'arg2 x', '/i2', 'arg3 x', '/i3', 'arg4 x', '/i4', '/top', 'one'];
  assert.ok(tail.includes(`${argv.join('\0')}\0A=1\0B=2\0/top\0`));
  assert.equal(failure(request(script('#!/i5\n'), { openExecutable })).errno, ELOOP);
  assert.equal(failure(request(script('#!/missing\n'), { openExecutable })).errno, ENOENT);
  assert.equal(failure(request(script('#!/i0\n'), { openExecutable, isPathInaccessible: true })).errno, ENOENT);
  assert.equal(failure(request(script('echo hello\n'))).errno, ENOEXEC);
  assert.equal(failure(request(script(''))).errno, ENOEXEC);
});

test('arguments are held to a quarter of the stack limit and 128 KiB each', () => {
  const fails = (changes: Partial<LoadRequest>): number =>
    failure(request(new MemoryFile(staticProgram), changes)).errno;
  assert.equal(fails({ argv: ['x'.repeat(128 * 1024)] }), E2BIG);
  assert.equal(fails({ argv: new Array(20).fill('x'.repeat(120_000)) }), E2BIG);
  assert.equal(fails({ envp: new Array(20_000).fill(''), stackLimit: 4096 }), E2BIG);
  const argv = new Array(16).fill('x'.repeat(127 * 1024));
  checkPlan(planned(request(new MemoryFile(staticProgram), { argv })));
  checkPlan(planned(request(new MemoryFile(staticProgram), { argv: ['x'.repeat(120_000)], stackLimit: 0 })));
  checkPlan(planned(request(new MemoryFile(staticProgram), { argv, stackLimit: Infinity })));
});

test('whatever is in the headers, the loader gives a sound plan or an errno', () => {
  const linker = readFileSync('/lib64/ld-linux-x86-64.so.2');
  const subjects = [staticProgram, staticPie, dynamicProgram];
  const value = fc.oneof(
    fc.bigInt(0n, 2n ** 64n - 1n),
    fc.nat(0x2_0000).map(BigInt),
    fc.constantFrom(0n, 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 47n - 4096n, 0x7ff0_0000_0000n, 0x7ffe_ffff_f000n),
    fc.nat(64).map((bit) => 2n ** BigInt(Math.min(bit, 63))),
  );
  const mutation = fc.record({
    // Eight-byte and two-byte fields of both headers are hit.
    at: fc.integer({ min: 4, max: 64 + 56 * 14 }),
    width: fc.constantFrom(1, 2, 4, 8),
    value,
  });
  let plans = 0;
  fc.assert(
    fc.property(
      fc.nat(2),
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      (which, mutations, hitsLinker) => {
        const program = Uint8Array.from(subjects[which]);
        const linkerBytes = Uint8Array.from(linker);
        const victim = hitsLinker ? linkerBytes : program;
        const view = new DataView(victim.buffer);
        for (const m of mutations) {
          const at = m.at - (m.at % m.width);
          if (m.width === 8) view.setBigUint64(at, m.value, true);
          else if (m.width === 4) view.setUint32(at, Number(m.value & 0xffff_ffffn), true);
          else if (m.width === 2) view.setUint16(at, Number(m.value & 0xffffn), true);
          else view.setUint8(at, Number(m.value & 0xffn));
        }
        const file = new MemoryFile(program);
        const linkerFile = new MemoryFile(linkerBytes, 8);
        linkerFile.refs = 0;
        const result = loadProgram(request(file, { openExecutable: () => linkerFile.ref() }));
        if (result instanceof LoadFailure) {
          assert.ok(result.errno > 0 && result.errno < 134);
        } else {
          plans += 1;
          checkPlan(result);
          releasePlan(result);
        }
        assert.equal(file.refs, 0);
        assert.equal(linkerFile.refs, 0);
      },
    ),
    { numRuns: 600 },
  );
  assert.ok(plans > 10);
});

test('writable data that begins in the middle of a page is planned for zeroing only behind its end', () => {
  const plan = planned(request(new MemoryFile(staticProgram)));
  assert.equal(plan.zeroFills.length, 1);
  const [fill] = plan.zeroFills;
  const holder = plan.mappings.find((m) => m.start <= fill.start && fill.start < m.end);
  assert.ok(holder !== undefined && (holder.prot & PROT_WRITE) !== 0);
  assert.equal(fill.start + fill.length, holder.end);
});
