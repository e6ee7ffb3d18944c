/** Device numbers for file systems without a device (Linux: get_anon_bdev): major 0. */
import { makeDev } from '../abi/stat.ts';

/** Below are left for those that a guest expects at fixed numbers. */
let nextMinor = 32;

export function allocateDev(): number {
  return makeDev(0, nextMinor++);
}
