/** Profiles of the kernel itself, by V8: files that the developer tools of browsers and editors show. */
import { writeSync } from 'node:fs';
import type { Session } from 'node:inspector';

/** How often V8 looks where the kernel is, in microseconds. */
const SAMPLING_US = 500;

function writeWhole(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

/** A session within the process. Node's inspector is loaded when one is wanted: it would take 3 ms of each start. */
function openSession(): Session {
  const session = new (process.getBuiltinModule('node:inspector').Session)();
  session.connect();
  return session;
}

/** Takes samples until the function that it gives is called, which writes the profile: a .cpuprofile. */
export function startCpuProfile(): (fd: number) => void {
  // Its answers come before `post` is back, and nothing listens for anybody.
  const session = openSession();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: SAMPLING_US });
  session.post('Profiler.start');
  return (fd) => {
    let failure: Error | null = null;
    session.post('Profiler.stop', (error, result) => {
      if (error === null) writeWhole(fd, JSON.stringify(result.profile));
      else failure = error;
    });
    session.disconnect();
    if (failure !== null) throw failure;
  };
}

/** Writes what is in the kernel's heap: a .heapsnapshot. V8 takes it in a turn of Node's loop, in which the sandbox stands still. */
export function writeHeapProfile(fd: number): Promise<void> {
  const session = openSession();
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ params }) => writeWhole(fd, params.chunk));
  return new Promise((resolve, reject) => {
    session.post('HeapProfiler.takeHeapSnapshot', undefined, (error) => {
      session.disconnect();
      if (error === null) resolve();
      else reject(error);
    });
  });
}
