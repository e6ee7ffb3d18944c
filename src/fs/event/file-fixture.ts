/** For tests of files without a file system: a path nobody looks at. */
import type { Path } from '../../vfs/path.ts';

export function fixturePath(): Path {
  return JSON.parse('{ "mount": null, "dentry": null }');
}
