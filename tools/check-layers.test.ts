import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkFile, importsOf } from './check-layers.ts';

const errors = (file: string, source: string): string[] =>
  checkFile(file, source)
    .filter((finding) => finding.isError)
    .map((finding) => finding.message);

test('an import of an earlier layer is fine, of a later one is not', () => {
  assert.deepEqual(errors('kernel/a.ts', "import { EPERM } from '../abi/errno.ts';\n"), []);
  assert.equal(errors('abi/a.ts', "import { Task } from '../kernel/task.ts';\n").length, 1);
  assert.equal(errors('cli/a.ts', "const x = await import('../sdk/a.ts');\n").length, 1);
});

test('kernel, mm, vfs and fs may name each other by type only', () => {
  assert.deepEqual(errors('kernel/a.ts', "import type { Path } from '../vfs/path.ts';\n"), []);
  assert.equal(errors('kernel/a.ts', "import { walk } from '../vfs/walk.ts';\n").length, 1);
  assert.equal(errors('kernel/a.ts', "import type { Sandbox } from '../sentry/run.ts';\n").length, 1);
});

test('the kernel never imports the host at run time', () => {
  assert.deepEqual(errors('fs/a.ts', "import type { Native } from '../host/native.ts';\n"), []);
  assert.equal(errors('fs/deep/a.ts', "import { native } from '../../host/native.ts';\n").length, 1);
});

test('imports over several lines and for their effect are seen', () => {
  const source = "import {\n  a,\n  type B,\n} from './b.ts';\nimport './c.ts';\nexport { d } from './d.ts';\n";
  assert.deepEqual(
    importsOf(source).map((found) => found.from),
    ['./b.ts', './c.ts', './d.ts'],
  );
});

test('vague names are refused, words that contain them are not', () => {
  assert.equal(errors('vfs/path-utils.ts', '').length, 1);
  assert.deepEqual(errors('vfs/database.ts', ''), []);
});

test('a fixture may import across layers, and only tests may import a fixture', () => {
  const crossing = "import { AddressSpace } from '../mm/address-space.ts';";
  assert.deepEqual(checkFile('kernel/machine.fixture.ts', crossing), []);
  assert.deepEqual(checkFile('kernel/fork.test.ts', "import { m } from './machine.fixture.ts';"), []);
  assert.equal(checkFile('kernel/fork.ts', "import { m } from './machine.fixture.ts';").length, 1);
});
