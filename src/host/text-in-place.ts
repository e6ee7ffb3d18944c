/** Texts that are read where they are, in pages of a file that all processes share, and not copied into V8's heap. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { must } from './host-error.ts';
import { native } from './native.ts';

const MMAP = 9;
const PROT_READ = 1;
const MAP_PRIVATE = 2;

/** @param bytes one-byte characters, which nobody changes or frees */
export function textOf(bytes: Uint8Array): string {
  return native.textAt(native.addressOf(bytes), bytes.length);
}

/** A file of one-byte characters that nobody writes to, only replaces. */
export function textOfFile(path: string): string {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    const { size } = fstatSync(fd);
    const address = must(`mmap of ${path}`, native.syscall(MMAP, 0, size, PROT_READ, MAP_PRIVATE, fd, 0));
    return native.textAt(address, size);
  } finally {
    closeSync(fd);
  }
}
