/**
 * The part of execve(2) that changes the task, not its memory (Linux: begin_new_exec and de_thread in fs/exec.c,
 * cap_bprm_creds_from_file in security/commoncap.c).
 */
import { SECBIT_KEEP_CAPS, SECBIT_NOROOT } from '../abi/capability.ts';
import { SIGCHLD, SIGKILL, SS_DISABLE } from '../abi/signal.ts';
import {
  capabilitiesBoth,
  capabilitiesEither,
  isCapabilitySetEmpty,
  isCapabilitySubset,
  NO_CAPABILITIES,
} from './capability-set.ts';
import type { Credentials } from './credentials.ts';
import { exitTask, releaseMemory } from './exit.ts';
import type { FileCapabilities } from './file-capabilities.ts';
import type { Task } from './task.ts';

const S_ISUID = 0o4000;
const S_ISGID = 0o2000;
const S_IXGRP = 0o0010;

export interface ExecCredentials {
  readonly creds: Credentials;
  /** AT_SECURE: the program runs with more than its caller has. */
  readonly isSecure: boolean;
  /** The program is not to run: EPERM. */
  readonly isRefused: boolean;
}

/**
 * The credentials a program starts with ("Transformation of capabilities during execve()", capabilities(7)). On a nosuid mount the caller
 * gives `fileMode` without its set-id bits, and no capabilities.
 */
export function credentialsForExec(
  creds: Credentials,
  fileMode: number,
  fileUid: number,
  fileGid: number,
  noNewPrivs: boolean,
  fileCaps: FileCapabilities | null = null,
): ExecCredentials {
  let { euid, egid } = creds;
  if (!noNewPrivs) {
    if ((fileMode & S_ISUID) !== 0) euid = fileUid;
    // Without group execute the set-group-id bit once meant mandatory locking (inode(7)).
    if ((fileMode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP)) egid = fileGid;
  }
  const { inheritable, bounding } = creds.caps;
  let permitted = NO_CAPABILITIES;
  let isEffective = false;
  let isRefused = false;
  if (fileCaps !== null) {
    const inherited = capabilitiesBoth(inheritable, fileCaps.inheritable);
    permitted = capabilitiesEither(capabilitiesBoth(bounding, fileCaps.permitted), inherited);
    isEffective = fileCaps.isEffective;
    // A program that knows nothing of capabilities must have all of them or not run (capabilities(7), "Safety checking").
    isRefused = isEffective && !isCapabilitySubset(fileCaps.permitted, permitted);
  }
  // A file with capabilities of its own does not get root's by its set-user-ID bit as well (Linux: handle_privileged_root).
  const isRoot = euid === 0 && (creds.uid === 0 || fileCaps === null);
  if ((creds.securebits & SECBIT_NOROOT) === 0 && (isRoot || creds.uid === 0)) {
    permitted = capabilitiesEither(bounding, inheritable);
    if (euid === 0) isEffective = true;
  }
  const isSetId = euid !== creds.uid || egid !== creds.gid;
  if (noNewPrivs && (isSetId || !isCapabilitySubset(permitted, creds.caps.permitted))) {
    euid = creds.uid;
    egid = creds.gid;
    permitted = capabilitiesBoth(permitted, creds.caps.permitted);
  }
  const ambient = isSetId || fileCaps !== null ? NO_CAPABILITIES : creds.caps.ambient;
  permitted = capabilitiesEither(permitted, ambient);
  const effective = isEffective ? permitted : ambient;
  const hasGained = creds.uid !== 0 && (isEffective || !isCapabilitySubset(permitted, ambient));
  return {
    creds: creds.with({
      euid,
      suid: euid,
      fsuid: euid,
      egid,
      sgid: egid,
      fsgid: egid,
      caps: { effective, permitted, inheritable, bounding, ambient },
      securebits: creds.securebits & ~SECBIT_KEEP_CAPS,
    }),
    isSecure: isSetId || (hasGained && !isCapabilitySetEmpty(permitted)),
    isRefused,
  };
}

/**
 * The point of no return: the other threads end, the caller becomes the leader and takes over the process id as its tid, its
 * signal handlers go. Its old memory must still be there. The caller then replaces memory, closes descriptors
 * (`files.closeOnExec`), sets the name, and applies `applyExecCredentials`.
 */
export function beginExec(task: Task): void {
  const { group, kernel, signals } = task;
  const { pids } = kernel;
  for (const sibling of [...group.tasks]) if (sibling !== task) exitTask(sibling, SIGKILL);
  if (group.leader !== task) {
    pids.removeTask(group.leader);
    pids.renumberTask(task, group.pid);
    group.leader = task;
  }
  group.exitSignal = SIGCHLD;
  group.execCount += 1;
  group.hasExeced = true;
  group.dumpable = 1;
  releaseMemory(task);
  for (const hook of pids.hooks.groupExec) hook(task);
  if (!pids.shares.release(task.files)) task.files = task.files.clone();
  // The table may be shared with another process (CLONE_SIGHAND without CLONE_THREAD).
  group.handlers = group.handlers.clone();
  group.handlers.resetHandlers();
  signals.altStack.address = 0;
  signals.altStack.size = 0;
  signals.altStack.flags = SS_DISABLE;
  task.restart = null;
  task.checks.userDispatch = null;
  task.checks.refresh();
}

/** @param isReadable the caller may read the program; who may not must not get at it by the process's memory either (would_dump) */
export function applyExecCredentials(task: Task, exec: ExecCredentials, isReadable: boolean): void {
  task.setCredentials(exec.creds);
  if (exec.isSecure) task.parentDeathSignal = 0;
  if (exec.isSecure || !isReadable) task.group.dumpable = 0;
}
