/** What packages say about themselves. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './bundles.ts';

export interface Manifest {
  readonly version: string;
  readonly license: string;
}

/** Of package.json. */
export function manifest(): Manifest {
  const { version, license }: Record<string, unknown> = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  if (typeof version !== 'string' || typeof license !== 'string')
    throw new Error('package.json has no version or license');
  return { version, license };
}

export const SUMMARY = 'application kernel for containers';

export const COPYRIGHT = `tsvisor: the tsvisor authors
License: Apache-2.0; on Debian systems the text is in /usr/share/common-licenses/Apache-2.0

The program contains Node.js (https://nodejs.org), which is under the MIT license, and what Node.js is made of, under the licenses that
its LICENSE file lists.
`;
