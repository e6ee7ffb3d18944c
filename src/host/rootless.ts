/** Whether we are the host's root, or somebody else who may be called root in a user namespace (user_namespaces(7)). */
import { readFileSync } from 'node:fs';

/** The map of the initial namespace: everybody is who he is. */
const WHOLE_MAP = /^\s*0\s+0\s+4294967295\s*$/;

export function isRootless(): boolean {
  return process.getuid?.() !== 0 || !WHOLE_MAP.test(readFileSync('/proc/self/uid_map', 'latin1'));
}
