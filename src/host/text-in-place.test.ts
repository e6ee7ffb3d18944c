import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { textOf, textOfFile } from './text-in-place.ts';

const folder = mkdtempSync(join(tmpdir(), 'tsvisor-text-'));
after(() => rmSync(folder, { recursive: true }));

test('a text in place is the same as one that was copied, whatever becomes of the name of its file', () => {
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 256));
  const path = join(folder, 'text');
  writeFileSync(path, bytes);
  const text = textOfFile(path);
  rmSync(path);
  assert.equal(text, bytes.toString('latin1'));
  assert.equal(text.slice(4090, 4100), bytes.toString('latin1', 4090, 4100));
  assert.equal(textOf(bytes), text);
});

test('a file that is not there is an error with its name', () => {
  assert.throws(() => textOfFile(join(folder, 'none')), /ENOENT.*none/);
});
