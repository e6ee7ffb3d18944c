import assert from 'node:assert/strict';
import { test } from 'node:test';
import { O_RDWR } from '../abi/fcntl.ts';
import { READABLE, WRITABLE } from '../abi/poll.ts';
import { anonInodePath } from '../fs/anon/anon-inode.ts';
import { EventfdFile } from '../fs/event/eventfd-file.ts';
import { bootTestKernel } from '../kernel/test-machine.fixture.ts';
import { pollFiles } from './poll-files.ts';

test('a file that is always writable does not wake whoever waits for something to read', async () => {
  const task = bootTestKernel();
  const make = (): EventfdFile => new EventfdFile(anonInodePath('eventfd'), O_RDWR, 0, false);
  const [input, output] = [make(), make()];
  let scans = 0;
  const watched = [
    { file: input, events: READABLE },
    { file: output, events: WRITABLE },
  ];
  const result = pollFiles(task, watched, Infinity, () => {
    scans += 1;
    return scans === 2 ? 1 : 0;
  });
  input.queue.wake(WRITABLE);
  output.queue.wake(READABLE);
  await Promise.resolve();
  assert.equal(scans, 0);
  output.queue.wake(WRITABLE);
  await new Promise(setImmediate);
  assert.equal(scans, 1);
  input.queue.wake(READABLE);
  assert.equal(await result, 1);
});
