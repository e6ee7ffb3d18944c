/** Device numbers (Documentation/admin-guide/devices.txt). No logic but the encoding. */

/** Device number as stat(2) and mknod(2) have it (new_encode_dev). */
export function makeRdev(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

export const MAX_MAJOR = 0xfff;
export const MAX_MINOR = 0xfffff;

export const DEVICE_NULL = makeRdev(1, 3);
export const DEVICE_ZERO = makeRdev(1, 5);
export const DEVICE_FULL = makeRdev(1, 7);
export const DEVICE_RANDOM = makeRdev(1, 8);
export const DEVICE_URANDOM = makeRdev(1, 9);
export const DEVICE_KMSG = makeRdev(1, 11);
export const DEVICE_TTY = makeRdev(5, 0);
export const DEVICE_CONSOLE = makeRdev(5, 1);
export const DEVICE_PTMX = makeRdev(5, 2);

/** The character devices that this kernel has drivers for, but for terminals. There are no block devices. */
export const SERVED_DEVICES: ReadonlySet<number> = new Set([
  ...[DEVICE_NULL, DEVICE_ZERO, DEVICE_FULL, DEVICE_RANDOM, DEVICE_URANDOM, DEVICE_KMSG],
  ...[DEVICE_TTY, DEVICE_CONSOLE, DEVICE_PTMX],
]);
