import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findPadding, instructionLength } from './instruction-length.ts';
import { packBytes, planPatch, siteShape } from './site-shape.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

test('instruction lengths agree with what an assembler says', () => {
  const known: readonly (readonly [string, number])[] = [
    ['48 3d 00 f0 ff ff', 6], // cmp $-4096,%rax
    ['77 5b', 2], // ja
    ['c3', 1],
    ['66 2e 0f 1f 84 00 00 00 00 00', 10],
    ['0f 1f 44 00 00', 5],
    ['48 83 ec 28', 4], // sub $40,%rsp
    ['48 89 54 24 18', 5], // mov %rdx,24(%rsp)
    ['89 7c 24 08', 4],
    ['e8 49 d5 f8 ff', 5],
    ['41 89 c0', 3],
    ['48 8b 15 c9 aa 0d 00', 7], // mov rip-relative,%rdx
    ['64 89 02', 3], // mov %eax,%fs:(%rdx)
    ['48 c7 c0 ff ff ff ff', 7],
    ['80 3d 31 33 0e 00 00', 7], // cmpb $0,rip-relative
    ['0f 84 10 00 00 00', 6],
    ['83 f8 ff', 3],
    ['64 48 2b 14 25 28 00 00 00', 9], // sub %fs:40,%rdx
    ['f7 d8', 2], // neg %eax
    ['c5 f8 77', 0], // vzeroupper is not known
    ['48 b8 01 02 03 04 05 06 07 08', 0], // nor is movabs
  ];
  for (const [hex, length] of known) {
    const code = new Uint8Array(32);
    code.set(bytes(hex));
    assert.equal(instructionLength(code, 0), length, hex);
  }
});

test('padding is only taken where nothing falls into it', () => {
  const nop = '0f 1f 44 00 00';
  assert.equal(findPadding(bytes(`c3 ${nop} 90 90`), 0, 5, 8), 1);
  assert.equal(findPadding(bytes(`c3 66 90 ${nop} 90`), 0, 5, 8), -1, 'xchg %ax,%ax is a no-op not known here');
  assert.equal(findPadding(bytes(`48 89 c3 ${nop} 90`), 0, 5, 9), -1, 'mov %rax,%rbx ends in the byte of ret');
  assert.equal(findPadding(bytes(`c3 0f 1f 40 00 ${nop}`), 0, 5, 10), 1);
  assert.equal(findPadding(bytes('c3 cc cc cc cc cc'), 0, 5, 6), 1);
  assert.equal(findPadding(bytes('c3 cc cc cc 55 cc cc cc cc cc'), 0, 5, 10), -1, 'push falls into the second');
  assert.equal(findPadding(bytes('90 cc cc cc cc cc'), 0, 5, 6), -1, 'nop falls into it');
});

/** glibc's read(): xor; syscall; cmp; ja; ret; padding. */
const READ = '31 c0 0f 05 48 3d 00 f0 ff ff 77 5b c3 66 2e 0f 1f 84 00 00 00 00 00';

test('a mov becomes a jump to its trampoline', () => {
  const code = bytes(`00 00 00 00 00 00 00 00 00 b8 27 00 00 00 0f 05 ${'90'.repeat(40)}`);
  assert.equal(siteShape(code, 16, 39), 39);
  const plan = planPatch(code, 16, 0x401010, 0x400020, 3, 39);
  assert.deepEqual(plan?.pokes, [
    { addr: 0x401009, before: [0xb8, 0x27, 0, 0, 0], after: [0xe9, 0x12, 0xf0, 0xff, 0xff] },
  ]);
  // movabs $3 << 32 | 39,%rax; jmp *0xfc8(%rip), from 0x400030 to 0x400ff8
  assert.deepEqual(plan?.trampoline, [0x48, 0xb8, 39, 0, 0, 0, 3, 0, 0, 0, 0xff, 0x25, 0xc8, 0x0f, 0, 0]);
});

test('an xor becomes a short jump to padding, which jumps on', () => {
  const code = bytes(`${'00'.repeat(12)} ${READ} ${'90'.repeat(120)}`);
  assert.equal(siteShape(code, 16, 0), 0);
  const plan = planPatch(code, 16, 0x401010, 0x400000, 1, 0);
  assert.deepEqual(
    plan?.pokes.map(({ addr, after }) => [addr, after]),
    [
      [0x401019, [0xe9, 0xe2, 0xef, 0xff, 0xff]],
      [0x40100c, [0xeb, 0x0b]],
    ],
  );
  assert.deepEqual(plan?.trampoline.slice(0, 4), [0x31, 0xc0, 0x48, 0xb8]);
});

/** glibc's syscall(): ...; mov 8(%rsp),%r9; syscall; cmp; jae; ret; mov; neg; mov; or; ret; padding. */
const SYSCALL =
  '4c 8b 4c 24 08 0f 05 48 3d 01 f0 ff ff 73 01 c3 48 8b 0d 43 ee 0c 00 f7 d8 64 89 01 48 83 c8 ff c3 0f 1f 44 00 00';

test('a syscall whose number comes from elsewhere becomes a short jump itself', () => {
  const code = bytes(`${'00'.repeat(9)} ${SYSCALL} ${'90'.repeat(120)}`);
  assert.equal(siteShape(code, 16, 39), -1);
  const plan = planPatch(code, 16, 0x401010, 0x400000, 1, 39);
  assert.deepEqual(
    plan?.pokes.map(({ addr, before, after }) => [addr, before, after]),
    [
      [0x40102a, [0x0f, 0x1f, 0x44, 0, 0], [0xe9, 0xd1, 0xef, 0xff, 0xff]],
      [0x40100e, [0x0f, 0x05], [0xeb, 0x1a]],
    ],
  );
  // mov %eax,%ecx; movabs $1 << 32,%rax; lea (%rax,%rcx),%rax
  const load = [0x89, 0xc1, 0x48, 0xb8, 0, 0, 0, 0, 1, 0, 0, 0, 0x48, 0x8d, 0x04, 0x08];
  assert.deepEqual(plan?.trampoline.slice(0, load.length), load);
});

test('what looks like a load of another number is none', () => {
  const code = bytes(`00 00 00 00 00 00 00 00 00 b8 27 00 00 00 0f 05 c3 ${'cc'.repeat(40)}`);
  assert.equal(siteShape(code, 16, 40), -1);
  assert.deepEqual(
    planPatch(code, 16, 0x401010, 0x400000, 1, 40)?.pokes.map(({ addr }) => addr),
    [0x401011, 0x40100e],
  );
});

test('what must stay is left alone', () => {
  assert.equal(siteShape(bytes('00 00 00 00 00 00 00 00 00 b8 0f 00 00 00 0f 05'), 16, 15), null, 'rt_sigreturn');
  assert.equal(siteShape(bytes('00 00 00 00 00 00 00 00 00 b8 27 00 00 00 cd 80'), 16, 39), null, 'int 0x80');
  const bare = bytes(`${'00'.repeat(12)} 31 c0 0f 05 ${'c5'.repeat(140)}`);
  assert.equal(planPatch(bare, 16, 0x401010, 0x400000, 1, 0), null, 'no padding');
});

test('any bytes are walked without end or throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 160, maxLength: 160 }), (code) => {
      const at = findPadding(code, 16, 5, 136);
      return at === -1 || (at >= 16 && at < 136);
    }),
  );
});

test('packed bytes come back', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 6, maxLength: 6 }), (six) => {
      const word = packBytes(six, 0);
      return six.every((byte, i) => Math.floor(word / 256 ** i) % 256 === byte);
    }),
  );
});
