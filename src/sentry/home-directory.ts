/** Where a user of the guest is at home, by the guest's own /etc/passwd (passwd(5)): what HOME is when nobody has set it. */

import { rootCredentials } from '../kernel/credentials.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { findPath } from './places.ts';

/** Enough for any real one; a guest may have made it longer. */
const MAX_PASSWD = 1 << 20;

export function homeDirectory(kernel: Kernel, uid: number): string {
  const path = findPath(kernel.namespaces.mnt.root, '/etc/passwd');
  const file = path?.dentry.inode.open(path, 0, rootCredentials());
  if (file === undefined || typeof file === 'number') return '/';
  const bytes = new Uint8Array(MAX_PASSWD);
  const length = file.read(bytes, 0, MAX_PASSWD, 0);
  file.unref();
  const lines = Buffer.from(bytes.buffer, 0, Math.max(0, length)).toString('latin1').split('\n');
  const fields = lines.map((line) => line.split(':')).find((each) => each[2] === String(uid));
  return fields?.[5] || '/';
}
