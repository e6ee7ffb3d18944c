/** Profiles of the kernel itself, by V8: files that the developer tools of browsers and editors show. */
import { writeSync } from 'node:fs';
import { Session } from 'node:inspector';

/** How often V8 looks where the kernel is, in microseconds. */
const SAMPLING_US = 500;

function writeWhole(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

/** Takes samples until the function that it gives is called, which writes the profile: a .cpuprofile. */
export function startCpuProfile(): (fd: number) => void {
  // A session within the process: its answers come before `post` is back, and nothing listens for anybody.
  const session = new Session();
  session.connect();
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
  const session = new Session();
  session.connect();
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ params }) => writeWhole(fd, params.chunk));
  return new Promise((resolve, reject) => {
    session.post('HeapProfiler.takeHeapSnapshot', undefined, (error) => {
      session.disconnect();
      if (error === null) resolve();
      else reject(error);
    });
  });
}
