/** The zygote as a descriptor that can be executed (see native-parts.ts). */
import { openSync } from 'node:fs';
import { EINVAL } from '../abi/errno.ts';
import { must } from './host-error.ts';
import { native } from './native.ts';
import { nativeFolder, partInside } from './native-parts.ts';

const WRITE = 1;
const FCNTL = 72;
const MEMFD_CREATE = 319;
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
/** Linux 6.3: a host that makes memfds not executable unless asked (sysctl vm.memfd_noexec) is asked. */
const MFD_EXEC = 0x10;
const F_ADD_SEALS = 1033;
/** SEAL, SHRINK, GROW, WRITE. */
const ALL_SEALS = 15;

export function openZygote(): number {
  const bytes = partInside('zygote');
  if (bytes === undefined) return openSync(`${nativeFolder()}/zygote`, 'r');
  const label = new TextEncoder().encode('tsvisor-zygote\0');
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const executable = native.syscall(MEMFD_CREATE, label, flags | MFD_EXEC);
  const fd = must('memfd_create', executable === -EINVAL ? native.syscall(MEMFD_CREATE, label, flags) : executable);
  for (let at = 0; at < bytes.length; ) {
    at += must('write of the zygote', native.syscall(WRITE, fd, bytes.subarray(at), bytes.length - at));
  }
  must('fcntl F_ADD_SEALS', native.syscall(FCNTL, fd, F_ADD_SEALS, ALL_SEALS));
  return fd;
}
