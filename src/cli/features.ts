/** `runsc features`: what this runtime understands, as engines ask (OCI runtime specification, features.md). */
import * as capability from '../abi/capability.ts';
import { HOOK_NAMES } from '../runtime/hooks.ts';
import { MOUNT_OPTIONS } from '../runtime/mount-options.ts';
import { SECCOMP_ACTIONS, SECCOMP_FLAGS, SECCOMP_OPERATORS } from '../runtime/seccomp-profile.ts';
import type { Parsed } from './arguments.ts';
import { print } from './output.ts';
import { readInvocation } from './verb.ts';

export async function features(globals: Parsed, args: readonly string[]): Promise<number> {
  await readInvocation('features', globals, args, {});
  const capabilities = Object.keys(capability).filter((name) => name.startsWith('CAP_') && name !== 'CAP_LAST_CAP');
  const document = {
    ociVersionMin: '1.0.0',
    ociVersionMax: '1.2.0',
    hooks: HOOK_NAMES,
    mountOptions: MOUNT_OPTIONS,
    linux: {
      namespaces: ['cgroup', 'ipc', 'mount', 'network', 'pid', 'time', 'user', 'uts'],
      capabilities,
      cgroup: { v1: true, v2: true, systemd: true, systemdUser: false, rdma: false },
      seccomp: {
        enabled: true,
        actions: SECCOMP_ACTIONS,
        operators: SECCOMP_OPERATORS,
        archs: ['SCMP_ARCH_X86_64'],
        knownFlags: SECCOMP_FLAGS,
        supportedFlags: SECCOMP_FLAGS,
      },
      apparmor: { enabled: false },
      selinux: { enabled: false },
      intelRdt: { enabled: false },
      mountExtensions: { idmap: { enabled: false } },
    },
  };
  print(`${JSON.stringify(document, null, 2)}\n`);
  return 0;
}
