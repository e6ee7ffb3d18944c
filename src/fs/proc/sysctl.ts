/** /proc/sys: kernel parameters (proc_sys(5), Documentation/admin-guide/sysctl). */

import { CAP_LAST_CAP, CAP_SYS_ADMIN } from '../../abi/capability.ts';
import { EPERM } from '../../abi/errno.ts';
import { AIO_MAX_NR, aioWanted } from '../../kernel/aio.ts';
import { currentTask } from '../../kernel/current.ts';
import { ipcSettingsOf, QUEUE_BYTES_LIMIT } from '../../kernel/ipc/ipc-settings.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { NR_OPEN } from '../../kernel/limits.ts';
import { netSettingsOf } from '../../kernel/net-settings.ts';
import { UTS_FIELD_MAX, type UtsName } from '../../kernel/uts.ts';
import { ENTROPY_BITS } from '../dev/memory-devices.ts';
import { dir } from '../pseudo/pseudo-directory.ts';
import type { Node } from '../pseudo/pseudo-file-system.ts';
import { control, text } from '../pseudo/text-file.ts';
import { messageQueueLimits, semaphoreLimits, sharedLimit } from './sysctl-ipc.ts';
import { field, firstLine, fixed, pair, setting, textSetting } from './sysctl-nodes.ts';

/** A random UUID, version 4 (RFC 9562). */
export function randomUuid(kernel: Kernel): string {
  const bytes = new Uint8Array(16);
  kernel.random(bytes, 0, 16);
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Of the namespace that the reader is in. */
function utsOf(kernel: Kernel): UtsName {
  return (currentTask() ?? kernel).namespaces.uts.names;
}

function utsName(kernel: Kernel, field: 'nodename' | 'domainname'): Node {
  return control(
    () => `${utsOf(kernel)[field]}\n`,
    (written, creds) => {
      if (!creds.hasCapability(CAP_SYS_ADMIN)) return -EPERM;
      utsOf(kernel)[field] = firstLine(written).slice(0, UTS_FIELD_MAX);
      return 0;
    },
  );
}

function kernelDirectory(kernel: Kernel): Node {
  const bootId = randomUuid(kernel);
  const uts = kernel.namespaces.uts.names;
  const ipc = ipcSettingsOf(kernel.namespaces.ipc);
  return dir({
    cap_last_cap: fixed(CAP_LAST_CAP),
    core_pattern: textSetting('core', 127),
    core_uses_pid: setting(0, 0, 1),
    dmesg_restrict: setting(0, 0, 1),
    domainname: utsName(kernel, 'domainname'),
    hostname: utsName(kernel, 'nodename'),
    io_uring_disabled: fixed(2),
    kptr_restrict: setting(1, 0, 2),
    msgmax: field(ipc, 'msgmax', 0, QUEUE_BYTES_LIMIT),
    msgmnb: field(ipc, 'msgmnb', 0, QUEUE_BYTES_LIMIT),
    msgmni: field(ipc, 'msgmni', 0, 32768),
    ngroups_max: fixed(65536),
    osrelease: fixed(uts.release),
    ostype: fixed(uts.sysname),
    overflowgid: setting(65534, 0, 65535),
    overflowuid: setting(65534, 0, 65535),
    panic: setting(0, -0x80000000, 0x7fffffff),
    perf_event_paranoid: setting(2, -1, 4),
    pid_max: fixed(kernel.pids.pidMax),
    printk: fixed('4\t4\t1\t7'),
    pty: dir({ max: fixed(1024), reserve: fixed(0) }),
    random: dir({
      boot_id: fixed(bootId),
      entropy_avail: fixed(ENTROPY_BITS),
      poolsize: fixed(ENTROPY_BITS),
      urandom_min_reseed_secs: fixed(60),
      uuid: text(() => `${randomUuid(kernel)}\n`),
      write_wakeup_threshold: fixed(ENTROPY_BITS),
    }),
    randomize_va_space: setting(2, 0, 2),
    sched_child_runs_first: fixed(0),
    sched_rt_period_us: fixed(1000000),
    sched_rt_runtime_us: fixed(950000),
    seccomp: dir({
      actions_avail: fixed('kill_process kill_thread trap errno trace log allow'),
      actions_logged: fixed('kill_process kill_thread trap errno trace log'),
    }),
    sem: semaphoreLimits(ipc),
    shmall: sharedLimit(ipc, 'shmall'),
    shmmax: sharedLimit(ipc, 'shmmax'),
    shmmni: field(ipc, 'shmmni', 0, 32768),
    sysrq: fixed(0),
    tainted: fixed(0),
    'threads-max': fixed(kernel.pids.maxTasks * 2),
    unprivileged_bpf_disabled: fixed(2),
    version: fixed(uts.version),
    yama: dir({ ptrace_scope: fixed(0) }),
  });
}

const VM = (): Node =>
  dir({
    dirty_background_ratio: setting(10, 0, 100),
    dirty_ratio: setting(20, 0, 100),
    drop_caches: setting(0, 0, 4),
    legacy_va_layout: fixed(0),
    memory_failure_early_kill: fixed(0),
    max_map_count: setting(65530, 0, 0x7fffffff),
    min_free_kbytes: fixed(67584),
    mmap_min_addr: fixed(65536),
    mmap_rnd_bits: fixed(28),
    nr_hugepages: fixed(0),
    overcommit_kbytes: setting(0, 0, Number.MAX_SAFE_INTEGER),
    overcommit_memory: setting(0, 0, 2),
    overcommit_ratio: setting(50, 0, 0x7fffffff),
    'page-cluster': setting(3, 0, 31),
    panic_on_oom: setting(0, 0, 2),
    swappiness: setting(60, 0, 200),
    vfs_cache_pressure: setting(100, 0, 0x7fffffff),
  });

const FS = (kernel: Kernel): Node =>
  dir({
    'aio-max-nr': fixed(AIO_MAX_NR),
    'aio-nr': text(() => `${aioWanted(kernel)}\n`),
    'dentry-state': fixed('0\t0\t45\t0\t0\t0'),
    'dir-notify-enable': fixed(1),
    epoll: dir({ max_user_watches: fixed(3680000) }),
    'file-max': fixed(NR_OPEN * 8),
    'file-nr': fixed(`0\t0\t${NR_OPEN * 8}`),
    inotify: dir({
      max_queued_events: setting(16384, 0, 0x7fffffff),
      max_user_instances: setting(128, 0, 0x7fffffff),
      max_user_watches: setting(65536, 0, 0x7fffffff),
    }),
    'inode-nr': fixed('0\t0'),
    'inode-state': fixed('0\t0\t0\t0\t0\t0\t0'),
    'lease-break-time': fixed(45),
    'leases-enable': fixed(1),
    'mount-max': fixed(100000),
    mqueue: messageQueueLimits(ipcSettingsOf(kernel.namespaces.ipc)),
    nr_open: fixed(NR_OPEN),
    overflowgid: fixed(65534),
    overflowuid: fixed(65534),
    'pipe-max-size': fixed(1048576),
    'pipe-user-pages-hard': fixed(0),
    'pipe-user-pages-soft': fixed(16384),
    protected_fifos: fixed(1),
    protected_hardlinks: fixed(1),
    protected_regular: fixed(1),
    protected_symlinks: fixed(1),
    suid_dumpable: fixed(0),
  });

const NET = (kernel: Kernel): Node =>
  dir({
    core: dir({
      netdev_max_backlog: fixed(1000),
      optmem_max: fixed(131072),
      rmem_default: fixed(212992),
      rmem_max: fixed(212992),
      somaxconn: field(netSettingsOf(kernel), 'somaxconn', 0, 0x7fffffff),
      wmem_default: fixed(212992),
      wmem_max: fixed(212992),
    }),
    ipv4: dir({
      // There is nothing to forward between: the loopback is the only interface.
      ip_forward: setting(0, 0, 1),
      ip_local_port_range: fixed('32768\t60999'),
      ip_local_reserved_ports: fixed(''),
      ip_unprivileged_port_start: field(netSettingsOf(kernel), 'unprivilegedPortStart', 0, 65535),
      ping_group_range: pair(1, 0, 0, 0x7fffffff),
      tcp_available_congestion_control: fixed('cubic reno'),
      tcp_congestion_control: fixed('cubic'),
      tcp_fastopen: fixed(1),
      tcp_fin_timeout: setting(60, 0, 0x7fffffff),
      tcp_keepalive_intvl: setting(75, 1, 32767),
      tcp_keepalive_probes: setting(9, 1, 127),
      tcp_keepalive_time: setting(7200, 1, 32767),
      tcp_max_syn_backlog: fixed(1024),
      tcp_rmem: fixed('4096\t131072\t6291456'),
      tcp_sack: fixed(1),
      tcp_syncookies: fixed(1),
      tcp_timestamps: fixed(1),
      tcp_tw_reuse: setting(2, 0, 2),
      tcp_window_scaling: fixed(1),
      tcp_wmem: fixed('4096\t16384\t4194304'),
    }),
    ipv6: dir({
      bindv6only: fixed(0),
      conf: dir({
        all: dir({ disable_ipv6: fixed(0) }),
        default: dir({ disable_ipv6: fixed(0) }),
        lo: dir({ disable_ipv6: fixed(0) }),
      }),
    }),
    unix: dir({ max_dgram_qlen: fixed(512) }),
  });

/** No namespaces can be made (unshare(2)). */
const USER = (): Node =>
  dir({
    max_cgroup_namespaces: fixed(0),
    max_ipc_namespaces: fixed(0),
    max_mnt_namespaces: fixed(0),
    max_net_namespaces: fixed(0),
    max_pid_namespaces: fixed(0),
    max_time_namespaces: fixed(0),
    max_user_namespaces: fixed(0),
    max_uts_namespaces: fixed(0),
  });

export function sysctlDirectory(kernel: Kernel): Node {
  return dir({ fs: FS(kernel), kernel: kernelDirectory(kernel), net: NET(kernel), vm: VM(), user: USER() });
}
