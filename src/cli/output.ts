/** What a verb prints. Node's own stream for it loads fifteen modules, 4 ms of each verb's start. */
import { writeSync } from 'node:fs';

const RETRY_MS = 2;
const never = new Int32Array(new SharedArrayBuffer(4));

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN';
}

/** Writes `text` to standard output, all of it: a pipe that does not block is tried until its reader has made room. */
export function print(text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(1, bytes, done);
    } catch (error) {
      if (!isFull(error)) {
        throw new Error(`cannot write to standard output: ${error instanceof Error ? error.message : String(error)}`);
      }
      Atomics.wait(never, 0, 0, RETRY_MS);
    }
  }
}
