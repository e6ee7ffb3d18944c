/**
 * The JSON schema of an OCI configuration (runtime specification 1.2, config.md and config-linux.md), written from the specification's text.
 * tools/build.ts compiles it to a function, which `#oci-schema` is; nothing of it is loaded at run time.
 *
 * It checks what the specification says of types and ranges. What takes more than a look at one value is the readers' to check. Unknown
 * fields are let through, as the specification asks of runtimes.
 */
import { seccompSchema } from './seccomp-schema.ts';
import { boolean, int64, list, map, object, oneOf, type Schema, shared, string, uint32 } from './types.ts';

const PROPAGATIONS = ['shared', 'slave', 'private', 'unbindable'];

const definitions: Readonly<Record<string, Schema>> = {
  seccomp: seccompSchema,
  strings: list(string),
  idMappings: list(object({ containerID: uint32, hostID: uint32, size: uint32 }, 'containerID', 'hostID', 'size')),
  hooks: list(
    object(
      { path: string, args: shared('strings'), env: shared('strings'), timeout: { ...int64, minimum: 1 } },
      'path',
    ),
  ),
};

const mounts = list(
  object(
    {
      destination: string,
      type: string,
      source: string,
      options: shared('strings'),
      uidMappings: shared('idMappings'),
      gidMappings: shared('idMappings'),
    },
    'destination',
  ),
);

const linux = object({
  uidMappings: shared('idMappings'),
  gidMappings: shared('idMappings'),
  sysctl: map(string),
  resources: { $ref: 'resources' },
  cgroupsPath: string,
  namespaces: list(
    object({ type: oneOf('pid', 'network', 'mount', 'ipc', 'uts', 'user', 'cgroup', 'time'), path: string }, 'type'),
  ),
  devices: list(
    object(
      {
        type: oneOf('c', 'b', 'u', 'p'),
        path: string,
        major: int64,
        minor: int64,
        fileMode: { type: 'integer', minimum: 0, maximum: 0o177777 },
        uid: uint32,
        gid: uint32,
      },
      'type',
      'path',
    ),
  ),
  netDevices: map(object({ name: string })),
  timeOffsets: map(object({ secs: int64, nanosecs: { type: 'integer', minimum: 0, maximum: 999_999_999 } })),
  seccomp: shared('seccomp'),
  rootfsPropagation: oneOf('', ...PROPAGATIONS, ...PROPAGATIONS.map((name) => `r${name}`)),
  maskedPaths: shared('strings'),
  readonlyPaths: shared('strings'),
  mountLabel: string,
  intelRdt: object({
    closID: string,
    l3CacheSchema: string,
    memBwSchema: string,
    schemata: shared('strings'),
    enableCMT: boolean,
    enableMBM: boolean,
    enableMonitoring: boolean,
  }),
  personality: object({ domain: oneOf('LINUX', 'LINUX32'), flags: shared('strings') }, 'domain'),
});

export const configSchema: Schema = {
  $id: 'config',
  definitions,
  ...object(
    {
      ociVersion: string,
      process: { $ref: 'process' },
      root: object({ path: string, readonly: boolean }, 'path'),
      hostname: string,
      domainname: string,
      mounts,
      hooks: object({
        prestart: shared('hooks'),
        createRuntime: shared('hooks'),
        createContainer: shared('hooks'),
        startContainer: shared('hooks'),
        poststart: shared('hooks'),
        poststop: shared('hooks'),
      }),
      annotations: map(string),
      linux,
    },
    'ociVersion',
    'process',
    'root',
  ),
};
