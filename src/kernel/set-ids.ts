/**
 * The rules of setuid(2), setreuid(2), setresuid(2), setfsuid(2) and their group twins (Linux: kernel/sys.c).
 *
 * Pure: credentials in, new credentials or -errno out. Ids are unsigned 32 bits; `UNCHANGED` (-1 of the caller) leaves one as it is.
 */
import { CAP_SETGID, CAP_SETUID } from '../abi/capability.ts';
import { EINVAL, EPERM } from '../abi/errno.ts';
import { type Credentials, capabilitiesAfterFsuidChange, capabilitiesAfterUidChange } from './credentials.ts';

export const UNCHANGED = 0xffffffff;

export function setuid(creds: Credentials, uid: number): Credentials | number {
  if (uid === UNCHANGED) return -EINVAL;
  if (creds.hasCapability(CAP_SETUID)) {
    return capabilitiesAfterUidChange(creds, creds.with({ uid, suid: uid, euid: uid, fsuid: uid }));
  }
  if (uid !== creds.uid && uid !== creds.suid) return -EPERM;
  return capabilitiesAfterUidChange(creds, creds.with({ euid: uid, fsuid: uid }));
}

export function setreuid(creds: Credentials, ruid: number, euid: number): Credentials | number {
  const isPrivileged = creds.hasCapability(CAP_SETUID);
  if (ruid !== UNCHANGED && !isPrivileged && ruid !== creds.uid && ruid !== creds.euid) return -EPERM;
  if (euid !== UNCHANGED && !isPrivileged && euid !== creds.uid && euid !== creds.euid && euid !== creds.suid) {
    return -EPERM;
  }
  const newUid = ruid === UNCHANGED ? creds.uid : ruid;
  const newEuid = euid === UNCHANGED ? creds.euid : euid;
  // setreuid(2): the saved id follows when the real id is set or the effective one becomes another than the old real id.
  const changesSaved = ruid !== UNCHANGED || (euid !== UNCHANGED && euid !== creds.uid);
  const suid = changesSaved ? newEuid : creds.suid;
  return capabilitiesAfterUidChange(creds, creds.with({ uid: newUid, euid: newEuid, suid, fsuid: newEuid }));
}

export function setresuid(creds: Credentials, ruid: number, euid: number, suid: number): Credentials | number {
  if (!creds.hasCapability(CAP_SETUID)) {
    for (const id of [ruid, euid, suid]) {
      if (id !== UNCHANGED && id !== creds.uid && id !== creds.euid && id !== creds.suid) return -EPERM;
    }
  }
  const newEuid = euid === UNCHANGED ? creds.euid : euid;
  const changed = creds.with({
    uid: ruid === UNCHANGED ? creds.uid : ruid,
    euid: newEuid,
    suid: suid === UNCHANGED ? creds.suid : suid,
    fsuid: newEuid,
  });
  return capabilitiesAfterUidChange(creds, changed);
}

/** setfsuid(2) never fails: what is not allowed leaves it as it is. */
export function setfsuid(creds: Credentials, fsuid: number): Credentials {
  const isOwn = fsuid === creds.uid || fsuid === creds.euid || fsuid === creds.suid || fsuid === creds.fsuid;
  if (fsuid === UNCHANGED || fsuid === creds.fsuid) return creds;
  if (!isOwn && !creds.hasCapability(CAP_SETUID)) return creds;
  return capabilitiesAfterFsuidChange(creds, creds.with({ fsuid }));
}

export function setgid(creds: Credentials, gid: number): Credentials | number {
  if (gid === UNCHANGED) return -EINVAL;
  if (creds.hasCapability(CAP_SETGID)) return creds.with({ gid, sgid: gid, egid: gid, fsgid: gid });
  if (gid !== creds.gid && gid !== creds.sgid) return -EPERM;
  return creds.with({ egid: gid, fsgid: gid });
}

export function setregid(creds: Credentials, rgid: number, egid: number): Credentials | number {
  const isPrivileged = creds.hasCapability(CAP_SETGID);
  if (rgid !== UNCHANGED && !isPrivileged && rgid !== creds.gid && rgid !== creds.egid) return -EPERM;
  if (egid !== UNCHANGED && !isPrivileged && egid !== creds.gid && egid !== creds.egid && egid !== creds.sgid) {
    return -EPERM;
  }
  const newGid = rgid === UNCHANGED ? creds.gid : rgid;
  const newEgid = egid === UNCHANGED ? creds.egid : egid;
  const changesSaved = rgid !== UNCHANGED || (egid !== UNCHANGED && egid !== creds.gid);
  return creds.with({ gid: newGid, egid: newEgid, sgid: changesSaved ? newEgid : creds.sgid, fsgid: newEgid });
}

export function setresgid(creds: Credentials, rgid: number, egid: number, sgid: number): Credentials | number {
  if (!creds.hasCapability(CAP_SETGID)) {
    for (const id of [rgid, egid, sgid]) {
      if (id !== UNCHANGED && id !== creds.gid && id !== creds.egid && id !== creds.sgid) return -EPERM;
    }
  }
  const newEgid = egid === UNCHANGED ? creds.egid : egid;
  return creds.with({
    gid: rgid === UNCHANGED ? creds.gid : rgid,
    egid: newEgid,
    sgid: sgid === UNCHANGED ? creds.sgid : sgid,
    fsgid: newEgid,
  });
}

export function setfsgid(creds: Credentials, fsgid: number): Credentials {
  const isOwn = fsgid === creds.gid || fsgid === creds.egid || fsgid === creds.sgid || fsgid === creds.fsgid;
  if (fsgid === UNCHANGED || fsgid === creds.fsgid) return creds;
  if (!isOwn && !creds.hasCapability(CAP_SETGID)) return creds;
  return creds.with({ fsgid });
}
