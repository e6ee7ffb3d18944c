/** A configuration with every field that the specification has for Linux, each with a value it may have. */

type Json = Record<string, unknown>;

const LINUX: Json = {
  uidMappings: [{ containerID: 0, hostID: 1000, size: 100 }],
  gidMappings: [{ containerID: 0, hostID: 1000, size: 100 }],
  sysctl: { 'kernel.hostname': 'one', 'net.core.somaxconn': '256' },
  resources: {
    devices: [
      { allow: false, access: 'rwm' },
      { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' },
    ],
    memory: {
      limit: 100_000_000,
      reservation: 50_000_000,
      swap: 200_000_000,
      kernel: -1,
      kernelTCP: -1,
      swappiness: 60,
      disableOOMKiller: false,
      useHierarchy: true,
      checkBeforeUpdate: false,
    },
    cpu: {
      shares: 1024,
      quota: 200_000,
      burst: 0,
      period: 100_000,
      realtimeRuntime: 0,
      realtimePeriod: 0,
      cpus: '0',
      mems: '0',
      idle: 0,
    },
    pids: { limit: 100 },
    blockIO: {
      weight: 100,
      leafWeight: 100,
      weightDevice: [{ major: 8, minor: 0, weight: 100, leafWeight: 100 }],
      throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1000 }],
      throttleWriteBpsDevice: [{ major: 8, minor: 0, rate: 1000 }],
      throttleReadIOPSDevice: [{ major: 8, minor: 0, rate: 1000 }],
      throttleWriteIOPSDevice: [{ major: 8, minor: 0, rate: 1000 }],
    },
    hugepageLimits: [{ pageSize: '2MB', limit: 0 }],
    network: { classID: 1, priorities: [{ name: 'lo', priority: 1 }] },
    rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 100 } },
    unified: { 'memory.high': '1000000' },
  },
  cgroupsPath: '/some/where',
  namespaces: [{ type: 'pid' }, { type: 'network' }, { type: 'mount' }, { type: 'ipc', path: '/proc/self/ns/ipc' }],
  devices: [{ type: 'c', path: '/dev/nothing', major: 1, minor: 3, fileMode: 0o660, uid: 1, gid: 2 }],
  timeOffsets: { monotonic: { secs: 0, nanosecs: 0 }, boottime: { secs: 0, nanosecs: 0 } },
  seccomp: {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 38,
    flags: ['SECCOMP_FILTER_FLAG_LOG'],
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
    syscalls: [
      {
        names: ['read', 'write', 'exit_group'],
        action: 'SCMP_ACT_TRACE',
        errnoRet: 1,
        args: [{ index: 0, value: 1, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
      },
    ],
  },
  rootfsPropagation: 'private',
  maskedPaths: ['/proc/kcore'],
  readonlyPaths: ['/proc/sys'],
  mountLabel: 'system_u:object_r:svirt_sandbox_file_t:s0:c1,c2',
  intelRdt: { closID: 'guaranteed', l3CacheSchema: 'L3:0=7f0;1=1f', memBwSchema: 'MB:0=20;1=70', enableCMT: false },
  personality: { domain: 'LINUX', flags: [] },
};

/** A fresh copy; its root is the directory of its bundle. */
export function wholeConfig(): Json {
  return structuredClone({
    ociVersion: '1.2.0',
    process: {
      terminal: false,
      consoleSize: { height: 25, width: 80 },
      cwd: '/',
      env: ['PATH=/bin', 'A=b'],
      args: ['/bin/busybox', 'true'],
      rlimits: [{ type: 'RLIMIT_NOFILE', soft: 100, hard: 200 }],
      apparmorProfile: 'unconfined',
      capabilities: {
        bounding: ['CAP_KILL', 'CAP_CHOWN'],
        effective: ['CAP_KILL'],
        permitted: ['CAP_KILL'],
        inheritable: ['CAP_KILL'],
        ambient: ['CAP_KILL'],
      },
      noNewPrivileges: true,
      oomScoreAdj: 100,
      scheduler: { policy: 'SCHED_BATCH', nice: 5, priority: 0, flags: ['SCHED_FLAG_RESET_ON_FORK'] },
      selinuxLabel: 'system_u:system_r:svirt_lxc_net_t:s0:c1,c2',
      ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 3 },
      execCPUAffinity: { initial: '0', final: '0-1' },
      user: { uid: 5, gid: 6, umask: 0o27, additionalGids: [7, 8], username: 'someone' },
    },
    root: { path: '.', readonly: true },
    hostname: 'one',
    domainname: 'example.net',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'nodev'] },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
      { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['size=1m', 'mode=1777'] },
      { destination: '/bound', type: 'bind', source: '.', options: ['rbind', 'ro', 'rprivate'] },
    ],
    hooks: {
      prestart: [{ path: '/bin/busybox', args: ['busybox', 'true'], env: ['A=b'], timeout: 5 }],
      createRuntime: [{ path: '/bin/busybox', args: ['busybox', 'true'] }],
      createContainer: [{ path: '/bin/busybox', args: ['busybox', 'true'] }],
      startContainer: [{ path: '/bin/busybox', args: ['busybox', 'true'] }],
      poststart: [{ path: '/bin/busybox', args: ['busybox', 'true'] }],
      poststop: [{ path: '/bin/busybox', args: ['busybox', 'true'] }],
    },
    annotations: { 'org.example.key': 'value' },
    linux: LINUX,
  });
}
