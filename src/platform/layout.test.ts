import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as layout from './layout.ts';

test('every constant has the value that native/stub-layout.h gives it', () => {
  const header = readFileSync(new URL('../../native/stub-layout.h', import.meta.url), 'latin1');
  const defined = new Map<string, number>();
  for (const match of header.matchAll(/^#define (\w+) (0x[0-9a-f]+|\d+)$/gm)) {
    defined.set(match[1] ?? '', Number(match[2]));
  }
  for (const [name, value] of Object.entries(layout)) assert.equal(value, defined.get(name), name);
});
