/** What is one for the whole sandbox: names, the log, memory and load, randomness, the CPU (uname(2), sysinfo(2), syslog(2), getrandom(2)). */
import { CAP_SYS_ADMIN, CAP_SYS_BOOT, CAP_SYS_TTY_CONFIG, CAP_SYSLOG } from '../abi/capability.ts';
import { EFAULT, EINVAL, EPERM } from '../abi/errno.ts';
import { PER_LINUX32, PER_MASK } from '../abi/personality.ts';
import { SIGHUP, SIGINT } from '../abi/signal.ts';
import { yieldTurn } from '../kernel/block.ts';
import { exitGroup } from '../kernel/exit.ts';
import type { Task } from '../kernel/task.ts';
import { UTS_FIELD_MAX } from '../kernel/uts.ts';
import { full, partial, type SyscallDef } from './define.ts';

const UTS_FIELD = UTS_FIELD_MAX + 1;

function putString(dst: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) dst[at + i] = text.charCodeAt(i);
}

function sysUname(task: Task, addr: number): number {
  const uts = task.namespaces.uts.names;
  const bytes = new Uint8Array(6 * UTS_FIELD);
  // Programs of 32 bits are to find a machine of theirs (Linux: override_architecture).
  const machine = (task.personality & PER_MASK) === PER_LINUX32 ? 'i686' : uts.machine;
  const fields = [uts.sysname, uts.nodename, uts.release, uts.version, machine, uts.domainname];
  for (let i = 0; i < fields.length; i++) putString(bytes, i * UTS_FIELD, fields[i]);
  return task.mem.write(addr, bytes, 0, bytes.length);
}

/** A name of sethostname(2) or setdomainname(2): no NUL needed; or -errno. */
function readName(task: Task, addr: number, length: number): string | number {
  if (!task.creds.hasCapability(CAP_SYS_ADMIN)) return -EPERM;
  if (length < 0 || length > UTS_FIELD_MAX) return -EINVAL;
  if (length === 0) return '';
  const bytes = task.mem.readBytes(addr, length);
  if (typeof bytes === 'number') return -EFAULT;
  let name = '';
  for (const byte of bytes) name += String.fromCharCode(byte);
  return name;
}

function sysSethostname(task: Task, addr: number, length: number): number {
  const name = readName(task, addr, length);
  if (typeof name === 'number') return name;
  task.namespaces.uts.names.nodename = name;
  return 0;
}

function sysSetdomainname(task: Task, addr: number, length: number): number {
  const name = readName(task, addr, length);
  if (typeof name === 'number') return name;
  task.namespaces.uts.names.domainname = name;
  return 0;
}

const SYSINFO_SIZE = 112;

function sysSysinfo(task: Task, addr: number): number {
  const { clock, bootNs, memoryTotal, pids } = task.kernel;
  const bytes = new Uint8Array(SYSINFO_SIZE);
  const view = new DataView(bytes.buffer);
  // A second that has begun counts (Linux: do_sysinfo).
  const uptime = Math.ceil((clock.monotonicNs() - bootNs) / 1e9);
  for (const [at, value] of [
    [0, uptime],
    [32, memoryTotal],
    [40, memoryTotal],
  ]) {
    view.setUint32(at, value >>> 0, true);
    view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
  }
  view.setUint16(80, Math.min(pids.taskCount, 0xffff), true);
  view.setUint32(104, 1, true);
  return task.mem.write(addr, bytes, 0, SYSINFO_SIZE);
}

const SYSLOG_READ = 2;
const SYSLOG_READ_ALL = 3;
const SYSLOG_READ_CLEAR = 4;
const SYSLOG_CLEAR = 5;
const SYSLOG_SIZE_UNREAD = 9;
const SYSLOG_SIZE_BUFFER = 10;

function giveText(task: Task, addr: number, text: string): number {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length > 0 && task.mem.write(addr, bytes, 0, bytes.length) < 0) return -EFAULT;
  return bytes.length;
}

function sysSyslog(task: Task, action: number, addr: number, length: number): number {
  const { log } = task.kernel;
  if (action < 0 || action > SYSLOG_SIZE_BUFFER) return -EINVAL;
  const isOpenToAll = action === SYSLOG_READ_ALL || action === SYSLOG_SIZE_BUFFER;
  if (!isOpenToAll && !task.creds.hasCapability(CAP_SYSLOG) && !task.creds.hasCapability(CAP_SYS_ADMIN)) return -EPERM;
  switch (action) {
    case SYSLOG_READ:
    case SYSLOG_READ_ALL:
    case SYSLOG_READ_CLEAR: {
      if (addr === 0 || length < 0) return -EINVAL;
      if (length === 0) return 0;
      const max = Math.min(length, log.capacity);
      const text = action === SYSLOG_READ ? log.readUnread(max) : log.readAll(max);
      const result = giveText(task, addr, text);
      if (result >= 0 && action === SYSLOG_READ_CLEAR) log.clear();
      return result;
    }
    case SYSLOG_CLEAR:
      log.clear();
      return 0;
    case SYSLOG_SIZE_UNREAD:
      return log.unreadSize();
    case SYSLOG_SIZE_BUFFER:
      return log.capacity;
    default:
      return 0;
  }
}

const GRND_RANDOM = 2;
const GRND_INSECURE = 4;
const GRND_ALL = 7;
/** The most one call gives (random(4)). */
const GETRANDOM_MAX = 33554431;

function sysGetrandom(task: Task, addr: number, length: number, flags: number): number | Promise<number> {
  if ((flags & ~GRND_ALL) !== 0) return -EINVAL;
  if ((flags & (GRND_RANDOM | GRND_INSECURE)) === (GRND_RANDOM | GRND_INSECURE)) return -EINVAL;
  const total = Math.min(length, GETRANDOM_MAX);
  const first = fillRandom(task, addr, total);
  return first > 0 && first < total ? fillRandomRest(task, addr, total, first) : first;
}

/** As much as is staged at a time: bytes or -EFAULT. */
function fillRandom({ mem, kernel }: Task, addr: number, length: number): number {
  const n = Math.min(mem.stage(length), length);
  kernel.random(mem.stageBuf, mem.stageAt, n);
  return mem.flush(addr, n) < 0 ? -EFAULT : n;
}

async function fillRandomRest(task: Task, addr: number, total: number, first: number): Promise<number> {
  let done = first;
  while (done < total) {
    if (!(await yieldTurn(task))) break;
    const n = fillRandom(task, addr + done, total - done);
    if (n < 0) break;
    done += n;
  }
  return done;
}

function sysGetcpu(task: Task, cpuAddr: number, nodeAddr: number): number {
  if (cpuAddr !== 0 && task.mem.writeU32(cpuAddr, 0) < 0) return -EFAULT;
  if (nodeAddr !== 0 && task.mem.writeU32(nodeAddr, 0) < 0) return -EFAULT;
  return 0;
}

const QUERY_PERSONALITY = 0xffffffff;

function sysPersonality(task: Task, persona: number): number {
  const old = task.personality;
  if (persona !== QUERY_PERSONALITY) task.personality = persona;
  return old;
}

function sysVhangup(task: Task): number {
  return task.creds.hasCapability(CAP_SYS_TTY_CONFIG) ? 0 : -EPERM;
}

function refuse(): number {
  return -EPERM;
}

const REBOOT_MAGIC = 0xfee1dead;
const REBOOT_MAGICS = [672274793, 85072278, 369367448, 537993216];
const REBOOT_RESTART = 0x01234567;
const REBOOT_RESTART2 = 0xa1b2c3d4;
const REBOOT_HALT = 0xcdef0123;
const REBOOT_POWER_OFF = 0x4321fedc;

/** As in any PID namespace but the first: PID 1 ends, and its status says what was asked for (reboot(2)). */
function sysReboot(task: Task, magic: number, magic2: number, command: number): number {
  if (!task.creds.hasCapability(CAP_SYS_BOOT)) return -EPERM;
  if (magic !== REBOOT_MAGIC || !REBOOT_MAGICS.includes(magic2)) return -EINVAL;
  const isRestart = command === REBOOT_RESTART || command === REBOOT_RESTART2;
  if (!isRestart && command !== REBOOT_HALT && command !== REBOOT_POWER_OFF) return -EINVAL;
  const { init } = task.kernel.pids;
  if (init !== undefined) exitGroup(init, isRestart ? SIGHUP : SIGINT);
  return 0;
}

export const systemSyscalls: readonly SyscallDef[] = [
  full(63, 'uname', ['ptr'], sysUname),
  partial(99, 'sysinfo', ['ptr'], sysSysinfo, 'all memory is told as free; no load, no swap'),
  partial(103, 'syslog', ['int', 'outbuf', 'int'], sysSyslog, 'SYSLOG_ACTION_READ does not wait for messages'),
  partial(
    135,
    'personality',
    ['uint'],
    sysPersonality,
    'PER_LINUX32, ADDR_NO_RANDOMIZE and READ_IMPLIES_EXEC act, the rest is kept',
  ),
  partial(153, 'vhangup', [], sysVhangup, 'nothing is hung up'),
  partial(163, 'acct', ['path'], refuse, 'always refused'),
  full(169, 'reboot', ['hex', 'hex', 'hex', 'ptr'], sysReboot),
  full(170, 'sethostname', ['buf', 'int'], sysSethostname),
  full(171, 'setdomainname', ['buf', 'int'], sysSetdomainname),
  partial(309, 'getcpu', ['int*', 'int*', 'ptr'], sysGetcpu, 'always CPU 0; the vDSO tells the real one'),
  full(318, 'getrandom', ['outbuf', 'size', 'flags'], sysGetrandom),
];
