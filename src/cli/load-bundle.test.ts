import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { bundlesIn, loadCli, scripts } from './load-bundle.ts';

const folder = mkdtempSync(join(tmpdir(), 'tsvisor-bundle-'));
after(() => rmSync(folder, { recursive: true }));
let ran: unknown[] = [];

function write(name: string): string {
  const body = 'exports.main = async (args) => { globalThis.ran.push(...args, require("node:path").sep, __dirname); };';
  writeFileSync(join(folder, name), `(function (exports, require, __dirname) { ${body} })`);
  return join(folder, name);
}

test('a bundle gets arguments, built-in modules and its directory, with a cache, without one and with a spoilt one', async () => {
  Object.assign(globalThis, { ran });
  const path = write('a.cjs');
  const expected = ['x', '/', folder];
  await loadCli(await bundlesIn(folder), 'a.cjs').main(['x']);
  assert.deepEqual(ran, expected);
  const cache = scripts.get('a.cjs')?.createCachedData();
  assert.ok(cache !== undefined);
  for (const bytes of [cache, Buffer.from('no cache of V8'), cache.subarray(0, 40)]) {
    writeFileSync(`${path}.cache`, bytes);
    ran.length = 0;
    await loadCli(await bundlesIn(folder), 'a.cjs').main(['x']);
    assert.deepEqual(ran, expected);
  }
  ran = [];
});
