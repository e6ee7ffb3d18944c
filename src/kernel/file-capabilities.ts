/** Capabilities of a program file: its attribute security.capability (Linux: struct vfs_ns_cap_data; capabilities(7)). */
import { type CapabilitySet, isCapabilitySetEmpty } from './capability-set.ts';

const REVISION_MASK = 0xff00_0000;
const REVISION_1 = 0x0100_0000;
const REVISION_2 = 0x0200_0000;
const REVISION_3 = 0x0300_0000;
const FLAG_EFFECTIVE = 1;
const SIZE_1 = 12;
const SIZE_2 = 20;
const SIZE_3 = 24;

export interface FileCapabilities {
  readonly permitted: CapabilitySet;
  readonly inheritable: CapabilitySet;
  readonly isEffective: boolean;
}

/** null for none, or for what is none (Linux: get_vfs_caps_from_disk). */
export function parseFileCapabilities(bytes: Uint8Array): FileCapabilities | null {
  if (bytes.length < SIZE_1) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const magic = view.getUint32(0, true);
  const revision = (magic & REVISION_MASK) >>> 0;
  const size = revision === REVISION_1 ? SIZE_1 : revision === REVISION_2 ? SIZE_2 : SIZE_3;
  if (revision !== REVISION_1 && revision !== REVISION_2 && revision !== REVISION_3) return null;
  if (bytes.length !== size) return null;
  // Those of a root of another user namespace mean nothing here.
  if (revision === REVISION_3 && view.getUint32(20, true) !== 0) return null;
  const hasHigh = revision !== REVISION_1;
  const set = (at: number): CapabilitySet => ({
    lo: view.getUint32(at, true),
    hi: hasHigh ? view.getUint32(at + 8, true) : 0,
  });
  const capabilities = { permitted: set(4), inheritable: set(8), isEffective: (magic & FLAG_EFFECTIVE) !== 0 };
  const isEmpty = isCapabilitySetEmpty(capabilities.permitted) && isCapabilitySetEmpty(capabilities.inheritable);
  return isEmpty && !capabilities.isEffective ? null : capabilities;
}
