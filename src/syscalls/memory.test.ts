/**
 * The memory calls beside the kernel the tests run on: the same calls on the same addresses must give the same results and
 * leave the same mappings. Needs gcc and Linux on x86-64.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { PAGE_SIZE, PROT_EXEC, PROT_READ, PROT_WRITE } from '../abi/memory.ts';
import { anonInodePath } from '../fs/anon/anon-inode.ts';
import type { Task } from '../kernel/task.ts';
import { bootTestKernel } from '../kernel/test-machine.fixture.ts';
import { File, type HostMapping } from '../vfs/file.ts';
import type { Inode } from '../vfs/inode.ts';
import { memorySyscalls } from './memory.ts';

const BASE = 0x1000_0000_0000;
const PAGES = 64;
const END = BASE + PAGES * PAGE_SIZE;

/** A syscall number and its arguments; addresses as they are. */
type Call = readonly number[];

const REFERENCE = `
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#define BASE ${BASE}UL
#define END ${END}UL
int main(void) {
  static char line[512];
  setvbuf(stdout, NULL, _IOFBF, 1 << 20);
  while (fgets(line, sizeof line, stdin)) {
    if (line[0] == 'r') { munmap((void *)BASE, END - BASE); puts("reset"); continue; }
    long a[7]; char *p = line;
    for (int i = 0; i < 7; i++) a[i] = (long)strtoull(p, &p, 10);
    long r = syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
    if (r == -1) printf("-%d", errno);
    else if ((unsigned long)r >= BASE && (unsigned long)r < END) printf("%ld", (r - (long)BASE) / 4096);
    else printf("%s", r == 0 ? "0" : "elsewhere");
    FILE *maps = fopen("/proc/self/maps", "r");
    char *m = NULL; size_t n = 0;
    while (getline(&m, &n, maps) > 0) {
      unsigned long s, e; char perms[8];
      if (sscanf(m, "%lx-%lx %7s", &s, &e, perms) == 3 && s < END && e > BASE)
        printf(" %lu-%lu%s", (s - BASE) / 4096, (e - BASE) / 4096, perms);
    }
    free(m); fclose(maps); puts("");
  }
  return 0;
}
`;

class PlainFile extends File {
  override get inode(): Inode {
    return Object.create(null);
  }
  override poll(): number {
    return 0;
  }
  override fsync(): number {
    return 0;
  }
  override mapping(): HostMapping {
    return { hostFd: 9 };
  }
}

const handlers = new Map(memorySyscalls.map((def) => [def.nr, def.handler]));

function guest(): Task {
  const task = bootTestKernel();
  const path = anonInodePath('file');
  const files = new Map([3, 4, 5].map((fd, mode) => [fd, new PlainFile(path, [0, 2, 1][mode])]));
  task.files = Object.assign(Object.create(null), { get: (fd: number) => files.get(fd) });
  task.mm.mmapBase = 0x7000_0000_0000;
  return task;
}

function perms(prot: number, isShared: boolean): string {
  const bit = (mask: number, letter: string): string => ((prot & mask) !== 0 ? letter : '-');
  return bit(PROT_READ, 'r') + bit(PROT_WRITE, 'w') + bit(PROT_EXEC, 'x') + (isShared ? 's' : 'p');
}

async function onUs(task: Task, call: Call): Promise<string> {
  const handler = handlers.get(call[0]);
  assert.ok(handler !== undefined, `call ${call[0]}`);
  const result = await handler(task, call[1], call[2], call[3], call[4], call[5], call[6]);
  let text =
    result >= BASE && result < END ? String((result - BASE) / PAGE_SIZE) : result > 0 ? 'elsewhere' : `${result}`;
  for (const vma of task.mm.vmas.overlapping(BASE, END)) {
    const from = (vma.start - BASE) / PAGE_SIZE;
    text += ` ${from}-${(vma.end - BASE) / PAGE_SIZE}${perms(vma.prot, vma.isShared)}`;
  }
  return text;
}

/** Joins neighbours that look alike: Linux keeps some apart for reasons of accounting that are not ours. */
function joined(line: string): string {
  const [result, ...parts] = line.split(' ');
  const out: string[] = [];
  let last: { from: string; to: string; rest: string } | null = null;
  for (const part of parts) {
    const match = /^(\d+)-(\d+)(.*)$/.exec(part);
    assert.ok(match !== null, part);
    const [, from, to, rest] = match;
    if (last !== null && last.to === from && last.rest === rest) last.to = to;
    else {
      if (last !== null) out.push(`${last.from}-${last.to}${last.rest}`);
      last = { from, to, rest };
    }
  }
  if (last !== null) out.push(`${last.from}-${last.to}${last.rest}`);
  return [result, ...out].join(' ');
}

const dir = mkdtempSync(join(tmpdir(), 'memory-calls-'));
after(() => rmSync(dir, { recursive: true }));
const reference = join(dir, 'reference');
writeFileSync(`${reference}.c`, REFERENCE);
execFileSync('gcc', ['-O1', `${reference}.c`, '-o', reference]);
writeFileSync(join(dir, 'file'), new Uint8Array(80 * PAGE_SIZE));

async function compare(sequences: readonly (readonly Call[])[]): Promise<void> {
  const input = sequences.map(
    (calls) => `reset\n${calls.map((c) => `${c.map((n) => BigInt(n)).join(' ')}\n`).join('')}`,
  );
  const command = `exec ${reference} 3<${dir}/file 4<>${dir}/file 5>>${dir}/file`;
  const output = execFileSync('sh', ['-c', command], { input: input.join(''), maxBuffer: 2 ** 28 });
  const lines = output.toString('latin1').split('\n');
  let at = 0;
  for (const calls of sequences) {
    const task = guest();
    assert.equal(lines[at], 'reset');
    at += 1;
    for (const [i, call] of calls.entries()) {
      const ours = joined(await onUs(task, call));
      assert.equal(ours, joined(lines[at]), `call ${i} of ${JSON.stringify(calls.slice(0, i + 1))}`);
      at += 1;
    }
  }
}

const B = BASE;
const P = PAGE_SIZE;
const ANON = 0x22;
const FIXED_ANON = 0x32;
const TOP = 2 ** 47 - P;

function call(nr: number, ...args: number[]): Call {
  return [nr, ...args, 0, 0, 0, 0, 0, 0].slice(0, 7);
}
const mmap = (...args: number[]): Call => call(9, ...args);
const mprotect = (...args: number[]): Call => call(10, ...args);
const munmap = (...args: number[]): Call => call(11, ...args);
const mremap = (...args: number[]): Call => call(25, ...args);
const msync = (...args: number[]): Call => call(26, ...args);
const madvise = (...args: number[]): Call => call(28, ...args);

test('errors come as Linux gives them, in its order', async () => {
  const region = mmap(B, 8 * P, 3, FIXED_ANON, -1, 0);
  await compare([
    [mmap(B, 0, 3, FIXED_ANON, -1, 0), mmap(B, P, 3, FIXED_ANON, -1, 1), mmap(B + 1, P, 3, FIXED_ANON, -1, 0)],
    [mmap(B, P, 3, 0x30, -1, 0), mmap(B, P, 3, 0x33, -1, 0), mmap(TOP, P, 3, 0x32, -1, 0)],
    [mmap(TOP - P, 2 * P, 3, 0x32, -1, 0), mmap(0, 2 ** 48, 3, ANON, -1, 0), mmap(0, 2 ** 62, 3, ANON, -1, 0)],
    [mmap(0, P, 1, 2, 99, 0), mmap(0, 0, 1, 2, 99, 0), mmap(0, P, 1, 2, 99, 5), mmap(0, P, 1, 0, 3, 0)],
    [mmap(B, P, 3, 0x11, 3, 0), mmap(B, P, 1, 0x11, 3, 0), mprotect(B, P, 3), mprotect(B, P, 5), mprotect(B, P, 0)],
    [mmap(B, P, 3, 0x12, 3, 0), mprotect(B, P, 7), mmap(B, P, 1, 0x12, 5, 0), mmap(B, P, 2, 0x11, 5, 0)],
    [mmap(B, P, 1, 0x13, 4, 0), mmap(B, P, 3, 0x13 | 0x10_0000, 4, 0), mmap(B, P, 3, 0x13 | 0x80_0000, 4, 0)],
    [mmap(B, P, 1, 0x11, 4, 2 ** 62), mmap(B, P, 1, 0x11, 4, 2 ** 63 - P), mmap(B, P, 1, 0x12, 4, 3 * P)],
    [region, mmap(B + P, P, 3, 0x10_0022, -1, 0), mmap(B + 8 * P, P, 3, 0x10_0022, -1, 0), mmap(B, P, 1, ANON, -1, 0)],
    [
      region,
      munmap(B + 1, P),
      munmap(B, 0),
      munmap(B + P, 1),
      munmap(TOP, 2 * P),
      munmap(B, 2 ** 62),
      munmap(B, 64 * P),
    ],
    [region, mprotect(B + 1, P, 1), mprotect(B, 0, 1), mprotect(B, P, 0x10), mprotect(B, 9 * P, 1), mprotect(B, P, 8)],
    [
      region,
      mprotect(B + 20 * P, P, 1),
      mprotect(B, 2 ** 63, 1),
      mprotect(B, P, 0x300_0000),
      mprotect(B, P, 0x100_0001),
    ],
    [region, mremap(B, P, 2 * P, 0, 0), mremap(B, P, 0, 1, 0), mremap(B + 1, P, P, 1, 0), mremap(B, P, P, 8, 0)],
    [region, mremap(B, P, P, 2, B), mremap(B, P, P, 3, B), mremap(B, P, P, 3, B + 10 * P + 1), mremap(B, 0, P, 1, 0)],
    [region, mremap(B + 20 * P, P, 2 * P, 1, 0), mremap(B, 9 * P, 10 * P, 1, 0), mremap(B + 7 * P, P, 3 * P, 0, 0)],
    [
      region,
      mremap(B, 2 * P, P, 0, 0),
      mremap(B + 2 * P, 2 * P, 2 * P, 3, B + 20 * P),
      mremap(B, P, 3 * P, 3, B + 3 * P),
    ],
    [region, mremap(B, 4 * P, 2 * P, 3, B + 20 * P), mremap(B + 4 * P, P, P, 5, 0), mremap(B, P, 2 * P, 5, 0)],
    [region, madvise(B, P, 99), madvise(B + 1, P, 4), madvise(B, 0, 4), madvise(B, 9 * P, 4), madvise(B, P, 9)],
    [region, madvise(B + P, P, 10), madvise(B + P, P, 11), madvise(B, P, 18), madvise(B, P, 19), madvise(B, P, 8)],
    [mmap(B, 2 * P, 3, 0x11, 4, 0), madvise(B, P, 8), madvise(B, P, 18), madvise(B, P, 4), madvise(B, P, 3)],
    [region, madvise(B, 2 ** 62, 10), madvise(B + 40 * P, P, 4), madvise(B, 2 ** 64 - P, 16), madvise(B, 2 ** 63, 16)],
    [region, msync(B, P, 4), msync(B, P, 5), msync(B, P, 8), msync(B + 1, P, 4), msync(B, 9 * P, 4), msync(B, P, 0)],
    [
      call(216, B, P, 0, 0, 0),
      call(330, 1, 0),
      call(330, 0, 4),
      call(325, B, P, 2),
      call(151, 0),
      call(151, 8),
      call(151, 4),
    ],
    [
      call(149, B, P),
      call(150, B, P),
      region,
      call(27, B + 1, P, B),
      call(27, B + 8 * P, P, B),
      call(329, B, P, 1, -1),
    ],
    [mmap(B, P, 3, 0x4_0022, 3, 0), mmap(B, P, 1, 0x4_0002, 3, 0), mmap(B, 4 * P, 3, 0x4032, -1, 0)],
  ]);
});

test('random calls leave the mappings Linux leaves', async () => {
  const page = fc.nat(23);
  const size = fc.integer({ min: 1, max: 8 });
  const prot = fc.constantFrom(0, 1, 3, 5, 7);
  const at = page.map((n) => B + n * P);
  const bytes = size.map((n) => n * P);
  const flags = fc.constantFrom(0x32, 0x31, 0x4032);
  const fileFlags = fc.constantFrom(0x11, 0x12);
  const operation = fc.oneof(
    fc.tuple(at, bytes, prot, flags).map(([a, n, p, f]) => mmap(a, n, p, f, -1, 0)),
    fc
      .tuple(at, bytes, prot, fileFlags, fc.constantFrom(3, 4), page)
      .map(([a, n, p, f, fd, o]) => mmap(a, n, p, f, fd, o * P)),
    fc.tuple(at, bytes, prot).map(([a, n, p]) => mprotect(a, n, p)),
    fc.tuple(at, bytes, prot).map(([a, n, p]) => mprotect(a, n, p)),
    fc.tuple(at, bytes).map(([a, n]) => munmap(a, n)),
    fc.tuple(at, bytes, fc.constantFrom(0, 1)).map(([a, n, f]) => mremap(a, P, n, f, 0)),
    fc.tuple(at, at).map(([a, to]) => mremap(a, P, P, 3, to)),
    fc
      .tuple(at, bytes, fc.constantFrom(0, 1, 2, 3, 4, 10, 11, 14, 15, 16, 17, 18, 19))
      .map(([a, n, v]) => madvise(a, n, v)),
    fc.tuple(at, bytes).map(([a, n]) => msync(a, n, 1)),
  );
  await compare(fc.sample(fc.array(operation, { minLength: 10, maxLength: 40, size: 'max' }), 150));
});
