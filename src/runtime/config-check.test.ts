import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as silent from '#oci-schema';
import * as explaining from '#oci-schema-errors';
import { ConfigError } from '../wire/json-fields.ts';
import { checkedBundle } from './bundle.ts';
import { wholeConfig } from './config.fixture.ts';
import { changed, changesOf, DELETED, fieldOf, namesField, type Path } from './config-changes.fixture.ts';
import { checkConfig, checkProcess, checkResources, withoutNulls } from './config-check.ts';
import { exampleConfig } from './spec.ts';

const whole = wholeConfig();
const directory = import.meta.dirname;

test('the whole configuration and the example pass', async () => {
  await checkedBundle(directory, whole, 'config');
  await checkConfig(exampleConfig(['true'], null), 'config');
  await checkConfig({ ...whole, hooks: null, annotations: null }, 'config');
});

test('a field of the wrong type or range is named', async () => {
  const wrong: readonly (readonly [Path, unknown, string])[] = [
    [['process', 'user', 'uid'], -1, 'process.user.uid is below 0'],
    [['process', 'user', 'uid'], 2 ** 32, 'process.user.uid is above 4294967295'],
    [['process', 'user', 'uid'], '0', 'process.user.uid is not a whole number'],
    [['process', 'cwd'], DELETED, 'process.cwd is missing'],
    [['process', 'terminal'], 1, 'process.terminal is not true or false'],
    [['process', 'env', 1], 7, 'process.env[1] is not a string'],
    [
      ['process', 'ioPriority', 'class'],
      'x',
      'process.ioPriority.class is none of IOPRIO_CLASS_RT, IOPRIO_CLASS_BE, IOPRIO_CLASS_IDLE',
    ],
    [['linux', 'sysctl', 'net.core.somaxconn'], 1, 'linux.sysctl["net.core.somaxconn"] is not a string'],
    [['linux', 'seccomp', 'syscalls', 0, 'names'], [], 'linux.seccomp.syscalls[0].names is empty'],
    [['linux', 'resources'], [], 'linux.resources is not an object'],
    [
      ['linux', 'resources', 'hugepageLimits', 0, 'pageSize'],
      '2',
      'linux.resources.hugepageLimits[0].pageSize does not match ^[1-9][0-9]*[KMG]B$',
    ],
    [['mounts'], {}, 'mounts is not a list'],
    [['process'], DELETED, 'process is missing'],
  ];
  for (const [path, value, message] of wrong) {
    await assert.rejects(checkConfig(changed(whole, path, value), 'config'), new ConfigError(`config: ${message}`));
  }
  await assert.rejects(checkConfig([], 'config'), new ConfigError('config: it is not an object'));
  await assert.rejects(checkProcess({ cwd: 1 }, 'process'), new ConfigError('process: cwd is not a string'));
  await assert.rejects(checkResources({ pids: {} }, 'resources'), new ConfigError('resources: pids.limit is missing'));
});

test('the check that says nothing and the one that explains agree', () => {
  fc.assert(
    fc.property(changesOf(whole), ({ document }) => {
      assert.equal(silent.isConfig(withoutNulls(document)), explaining.isConfig(withoutNulls(document)));
    }),
    { numRuns: 1000 },
  );
});

test('whatever a field is changed to, it is taken, or refused with its name', async () => {
  await fc.assert(
    fc.asyncProperty(changesOf(whole), async ({ path, document }) => {
      try {
        await checkedBundle(directory, document, 'config');
      } catch (error) {
        assert.ok(error instanceof ConfigError, `${fieldOf(path)}: ${error instanceof Error ? error.stack : error}`);
        assert.ok(namesField(error.message, path), `${fieldOf(path)}: ${error.message}`);
      }
    }),
    { numRuns: 3000 },
  );
});
