/** Random bytes of the host's quality (getrandom(2)); small amounts come out of a pool. */
import { must } from './host-error.ts';
import { native } from './native.ts';

const GETRANDOM = 318;
const POOL_SIZE = 4096;
/** Above this the call costs less than the copying. */
const MAX_POOLED = 256;

const pool = new Uint8Array(POOL_SIZE);
let used = POOL_SIZE;

/** A signal may cut short what is longer than 256 bytes. */
function fill(dst: Uint8Array): void {
  for (let done = 0; done < dst.length; ) {
    const rest = dst.subarray(done);
    done += must('getrandom', native.syscall(GETRANDOM, rest, rest.length, 0));
  }
}

/** Fills `dst[at..]` with `length` bytes, none of which is given again. */
export function hostRandom(dst: Uint8Array, at: number, length: number): void {
  if (length > MAX_POOLED) {
    fill(dst.subarray(at, at + length));
    return;
  }
  for (let i = 0; i < length; i++) {
    if (used === POOL_SIZE) {
      fill(pool);
      used = 0;
    }
    dst[at + i] = pool[used];
    pool[used] = 0;
    used += 1;
  }
}
