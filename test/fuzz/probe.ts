/**
 * Loaded into a sentry under test (`node --expose-gc --import`): on SIGIO it collects garbage and appends a line with what its heap
 * holds to the file PROBE_FILE. The file is opened before the sentry locks itself in, and from then on only written to.
 */
import { openSync, writeSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
import { isMainThread } from 'node:worker_threads';

const file = process.env.PROBE_FILE ?? '';

if (isMainThread && file !== '') {
  const fd = openSync(file, 'a');
  process.on('SIGIO', () => {
    // The second collection frees what the first only found to be without users.
    globalThis.gc?.();
    globalThis.gc?.();
    const { used_heap_size: heapUsed, external_memory: external } = getHeapStatistics();
    writeSync(fd, `${JSON.stringify({ heapUsed, external })}\n`);
  });
}
