/**
 * Loaded into a sentry under test (`node --expose-gc --import`): on SIGIO it collects garbage and appends a line with what its heap
 * holds to the file PROBE_FILE. When the file PROBE_FILE.stack comes to be, a thread beside it writes where the sentry is, into it.
 */
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { memoryUsage } from 'node:process';
import { isMainThread, Worker } from 'node:worker_threads';

const file = process.env.PROBE_FILE ?? '';

function report(): void {
  // The second collection frees what the first only found to be without users.
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external, arrayBuffers } = memoryUsage();
  appendFileSync(file, `${JSON.stringify({ heapUsed, external, arrayBuffers })}\n`);
}

interface Paused {
  readonly params: { readonly callFrames: readonly { readonly functionName: string; readonly url: string }[] };
}

/** Where the main thread is, although it may not come back from there. */
function writeStack(): void {
  const session = new Session();
  session.connectToMainThread();
  session.on('Debugger.paused', ({ params }: Paused) => {
    writeFileSync(`${file}.stack`, params.callFrames.map((frame) => `${frame.functionName}\n`).join(''));
    session.disconnect();
  });
  session.post('Debugger.enable');
  session.post('Debugger.pause');
}

if (isMainThread && file !== '') {
  process.on('SIGIO', report);
  new Worker(new URL(import.meta.url)).unref();
} else if (!isMainThread) {
  const watch = setInterval(() => {
    if (!existsSync(`${file}.stack`)) return;
    clearInterval(watch);
    writeStack();
  }, 200);
}
