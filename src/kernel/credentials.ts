/**
 * Who a task is and what it may do (Linux: struct cred, kernel/cred.c, credentials(7)).
 *
 * Credentials are never changed once a task has them: a change makes a new one (Linux: prepare_creds, commit_creds), so
 * an open file may keep its opener's by reference.
 */
import { SECBIT_KEEP_CAPS, SECBIT_NO_SETUID_FIXUP } from '../abi/capability.ts';
import { ALL_CAPABILITIES, type CapabilitySet, capabilitySetHas, NO_CAPABILITIES } from './capability-set.ts';

export interface Capabilities {
  readonly effective: CapabilitySet;
  readonly permitted: CapabilitySet;
  readonly inheritable: CapabilitySet;
  readonly bounding: CapabilitySet;
  readonly ambient: CapabilitySet;
}

export interface CredentialFields {
  readonly uid: number;
  readonly euid: number;
  readonly suid: number;
  readonly fsuid: number;
  readonly gid: number;
  readonly egid: number;
  readonly sgid: number;
  readonly fsgid: number;
  /** Supplementary groups, ascending. */
  readonly groups: readonly number[];
  readonly caps: Capabilities;
  readonly securebits: number;
}

export class Credentials implements CredentialFields {
  readonly uid: number;
  readonly euid: number;
  readonly suid: number;
  readonly fsuid: number;
  readonly gid: number;
  readonly egid: number;
  readonly sgid: number;
  readonly fsgid: number;
  readonly groups: readonly number[];
  readonly caps: Capabilities;
  readonly securebits: number;

  constructor(fields: CredentialFields) {
    this.uid = fields.uid;
    this.euid = fields.euid;
    this.suid = fields.suid;
    this.fsuid = fields.fsuid;
    this.gid = fields.gid;
    this.egid = fields.egid;
    this.sgid = fields.sgid;
    this.fsgid = fields.fsgid;
    this.groups = fields.groups;
    this.caps = fields.caps;
    this.securebits = fields.securebits;
  }

  /** Whether `cap` is in the effective set. */
  hasCapability(cap: number): boolean {
    return capabilitySetHas(this.caps.effective, cap);
  }

  /** Whether `gid` is the file system group or a supplementary one: group permission of files goes by this. */
  isInGroup(gid: number): boolean {
    return gid === this.fsgid || this.groups.includes(gid);
  }

  /** Whether `gid` is the effective group or a supplementary one (Linux: in_egroup_p). */
  isInEffectiveGroup(gid: number): boolean {
    return gid === this.egid || this.groups.includes(gid);
  }

  /** Those by which access(2) judges: the real ids, and root's powers only for a real root (Linux: access_override_creds). */
  forAccess(): Credentials {
    const hasFixup = (this.securebits & SECBIT_NO_SETUID_FIXUP) === 0;
    const effective = !hasFixup ? this.caps.effective : this.uid === 0 ? this.caps.permitted : NO_CAPABILITIES;
    if (this.fsuid === this.uid && this.fsgid === this.gid && effective === this.caps.effective) return this;
    return this.with({ fsuid: this.uid, fsgid: this.gid, caps: { ...this.caps, effective } });
  }

  with(changes: Partial<CredentialFields>): Credentials {
    return new Credentials({ ...this, ...changes });
  }
}

/** A container's first process: all ids equal; capabilities as its configuration says. */
export function userCredentials(uid: number, gid: number, groups: readonly number[], caps: Capabilities): Credentials {
  return new Credentials({
    uid,
    euid: uid,
    suid: uid,
    fsuid: uid,
    gid,
    egid: gid,
    sgid: gid,
    fsgid: gid,
    groups: [...groups].sort((a, b) => a - b),
    caps,
    securebits: 0,
  });
}

/** Root with the given capabilities in force and none inheritable. */
export function rootCredentials(caps: CapabilitySet = ALL_CAPABILITIES): Credentials {
  return userCredentials(0, 0, [], {
    effective: caps,
    permitted: caps,
    inheritable: NO_CAPABILITIES,
    bounding: caps,
    ambient: NO_CAPABILITIES,
  });
}

/** Capabilities 0 to 7 that go with fsuid, and LINUX_IMMUTABLE, MKNOD, MAC_OVERRIDE (Linux: CAP_FS_MASK). */
const FS_CAPABILITIES: CapabilitySet = { lo: 0x0800021f, hi: 1 };

/**
 * The capabilities after a change of uids ("Effect of user ID changes on capabilities", capabilities(7);
 * Linux: cap_emulate_setxuid and cap_task_fix_setuid).
 */
export function capabilitiesAfterUidChange(old: Credentials, changed: Credentials): Credentials {
  if ((old.securebits & SECBIT_NO_SETUID_FIXUP) !== 0) return changed;
  let { effective, permitted, ambient } = changed.caps;
  const hadRoot = old.uid === 0 || old.euid === 0 || old.suid === 0;
  const hasRoot = changed.uid === 0 || changed.euid === 0 || changed.suid === 0;
  if (hadRoot && !hasRoot) {
    if ((old.securebits & SECBIT_KEEP_CAPS) === 0) {
      effective = NO_CAPABILITIES;
      permitted = NO_CAPABILITIES;
    }
    ambient = NO_CAPABILITIES;
  }
  if (old.euid === 0 && changed.euid !== 0) effective = NO_CAPABILITIES;
  if (old.euid !== 0 && changed.euid === 0) effective = permitted;
  return changed.with({ caps: { ...changed.caps, effective, permitted, ambient } });
}

/** The capabilities after a change of fsuid alone: only those about files come and go (capabilities(7), rule 4). */
export function capabilitiesAfterFsuidChange(old: Credentials, changed: Credentials): Credentials {
  if ((old.securebits & SECBIT_NO_SETUID_FIXUP) !== 0) return changed;
  const { effective, permitted } = changed.caps;
  let next = effective;
  if (old.fsuid === 0 && changed.fsuid !== 0) {
    next = {
      lo: (effective.lo & ~FS_CAPABILITIES.lo) >>> 0,
      hi: (effective.hi & ~FS_CAPABILITIES.hi) >>> 0,
    };
  } else if (old.fsuid !== 0 && changed.fsuid === 0) {
    next = {
      lo: (effective.lo | (permitted.lo & FS_CAPABILITIES.lo)) >>> 0,
      hi: (effective.hi | (permitted.hi & FS_CAPABILITIES.hi)) >>> 0,
    };
  }
  return changed.with({ caps: { ...changed.caps, effective: next } });
}
