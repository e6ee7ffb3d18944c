/** What a configuration may ask for that has no meaning for a sandbox: it is told once, not refused. */
import { SERVED_DEVICES } from '../abi/device.ts';
import { S_IFCHR, S_IFIFO, S_IFMT } from '../abi/stat.ts';
import type { DeviceSpec } from '../sentry/sandbox-options.ts';
import type { Fields } from '../wire/json-fields.ts';

/** Platforms whose sections mean nothing on Linux. */
const OTHER_PLATFORMS = ['solaris', 'windows', 'vm', 'zos', 'freebsd'];
/** Namespaces of the sandbox's own, which cannot be one of the host's. The network's is looked at elsewhere. */
const OWN_NAMESPACES = new Set(['pid', 'mount', 'ipc', 'uts', 'user', 'cgroup', 'time']);
/** How pods are told from their members (containerd and CRI-O): members name the namespaces of their pod, and share them. */
const POD_ANNOTATION = 'io.kubernetes.cri';

function namespacePaths(linux: Fields | undefined): string[] {
  return (linux?.objects('namespaces') ?? []).flatMap((namespace, i) => {
    const isOwn = OWN_NAMESPACES.has(namespace.string('type') ?? '');
    return isOwn && (namespace.string('path') ?? '') !== '' ? [`linux.namespaces[${i}].path`] : [];
  });
}

/** Nodes that can be opened by nobody: this kernel has no driver for them. */
function withoutDriver(devices: readonly DeviceSpec[]): string[] {
  const isServed = ({ mode, rdev }: DeviceSpec): boolean =>
    (mode & S_IFMT) === S_IFIFO || ((mode & S_IFMT) === S_IFCHR && SERVED_DEVICES.has(rdev));
  return devices.filter((device) => !isServed(device)).map(({ path }) => path);
}

function isSet(fields: Fields | undefined, name: string): boolean {
  return (fields?.string(name) ?? '') !== '';
}

/** One line each, for people; the fields in them are those of the configuration. */
export function withoutEffect(config: Fields, devices: readonly DeviceSpec[]): string[] {
  const process = config.object('process');
  const linux = config.object('linux');
  const annotations = Object.keys(config.stringMap('annotations'));
  const isInPod = annotations.some((name) => name.startsWith(POD_ANNOTATION));
  const fields = [
    ...OTHER_PLATFORMS.filter((name) => config.has(name)),
    ...(isSet(process, 'apparmorProfile') && process?.string('apparmorProfile') !== 'unconfined'
      ? ['process.apparmorProfile']
      : []),
    ...(isSet(process, 'selinuxLabel') ? ['process.selinuxLabel'] : []),
    ...(isSet(linux, 'mountLabel') ? ['linux.mountLabel'] : []),
    ...(linux?.has('intelRdt') === true ? ['linux.intelRdt'] : []),
    ...((linux?.object('netDevices')?.names ?? []).length > 0 ? ['linux.netDevices'] : []),
    ...(isSet(linux?.object('seccomp'), 'listenerPath') ? ['linux.seccomp.listenerPath'] : []),
    ...(isInPod ? [] : namespacePaths(linux)),
  ];
  const undriven = withoutDriver(devices);
  return [
    ...(fields.length === 0 ? [] : [`without effect in a sandbox: ${fields.join(', ')}`]),
    ...(undriven.length === 0
      ? []
      : [`linux.devices: this kernel has no driver for ${undriven.join(', ')}: opening fails with ENXIO`]),
  ];
}
