/** A set of capabilities as two 32-bit words (Linux: kernel_cap_t). Values are never changed after they are made. */
import { CAP_LAST_CAP } from '../abi/capability.ts';

export interface CapabilitySet {
  /** Capabilities 0 to 31, unsigned. */
  readonly lo: number;
  /** Capabilities 32 to 63, unsigned. */
  readonly hi: number;
}

export const NO_CAPABILITIES: CapabilitySet = { lo: 0, hi: 0 };
export const ALL_CAPABILITIES: CapabilitySet = { lo: 0xffffffff, hi: 2 ** (CAP_LAST_CAP - 31) - 1 };

/** What Docker gives a container's root by default: the 14 capabilities of its default profile. */
export const DOCKER_CAPABILITIES: CapabilitySet = { lo: 0xa80425fb, hi: 0 };

export function capabilitySetHas(set: CapabilitySet, cap: number): boolean {
  return cap < 32 ? (set.lo & (1 << cap)) !== 0 : (set.hi & (1 << (cap - 32))) !== 0;
}

export function capabilitySetOf(...caps: number[]): CapabilitySet {
  let lo = 0;
  let hi = 0;
  for (const cap of caps) {
    if (cap < 32) lo |= 1 << cap;
    else hi |= 1 << (cap - 32);
  }
  return { lo: lo >>> 0, hi: hi >>> 0 };
}

export function capabilitiesBoth(a: CapabilitySet, b: CapabilitySet): CapabilitySet {
  return { lo: (a.lo & b.lo) >>> 0, hi: (a.hi & b.hi) >>> 0 };
}

export function capabilitiesEither(a: CapabilitySet, b: CapabilitySet): CapabilitySet {
  return { lo: (a.lo | b.lo) >>> 0, hi: (a.hi | b.hi) >>> 0 };
}

export function capabilitiesWithout(a: CapabilitySet, b: CapabilitySet): CapabilitySet {
  return { lo: (a.lo & ~b.lo) >>> 0, hi: (a.hi & ~b.hi) >>> 0 };
}

export function isCapabilitySubset(a: CapabilitySet, of: CapabilitySet): boolean {
  return (a.lo & ~of.lo) === 0 && (a.hi & ~of.hi) === 0;
}

export function isCapabilitySetEmpty(set: CapabilitySet): boolean {
  return set.lo === 0 && set.hi === 0;
}
