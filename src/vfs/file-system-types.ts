/** The file systems that mount(2) can make. What they are is the sandbox's business, given at boot. */
import { ENODEV } from '../abi/errno.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { FileSystem } from './inode.ts';

/** @param data the options of mount(2): comma-separated text */
export type MakeFileSystem = (type: string, data: string) => FileSystem | number;

const makers = new WeakMap<Kernel, MakeFileSystem>();

export function provideFileSystems(kernel: Kernel, make: MakeFileSystem): void {
  makers.set(kernel, make);
}

/** A new file system, or -ENODEV for an unknown type, -EINVAL for options it does not understand. */
export function makeFileSystem(kernel: Kernel, type: string, data: string): FileSystem | number {
  const make = makers.get(kernel);
  return make === undefined ? -ENODEV : make(type, data);
}
