/** NETLINK_GENERIC: the directory of families, and TASKSTATS (Documentation/accounting/taskstats.rst; linux/genetlink.h, taskstats.h). */
import { CAP_NET_ADMIN } from '../../abi/capability.ts';
import { EINVAL, ENOENT, EOPNOTSUPP, EPERM, ESRCH } from '../../abi/errno.ts';
import { currentTask } from '../../kernel/current.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Task } from '../../kernel/task.ts';
import { Usage } from '../../kernel/usage.ts';
import { findAttribute, NLM_F_DUMP, NLM_F_MULTI, Reply, type Request } from './message.ts';
import type { Answer } from './netlink-socket.ts';

const CONTROL = 16;
/** Numbers of families are given as they register. */
const TASKSTATS = 17;
const HEADER_SIZE = 4;

const CTRL_CMD_NEWFAMILY = 1;
const CTRL_CMD_GETFAMILY = 3;
const CTRL = { FAMILY_ID: 1, FAMILY_NAME: 2, VERSION: 3, HDRSIZE: 4, MAXATTR: 5, OPS: 6 };
const OPERATION = { ID: 1, FLAGS: 2 };
const GENL_ADMIN_PERM = 1;
const GENL_DO_DUMP_POLICY = 0xe;
const GENL_DO_POLICY = 0xa;

const TASKSTATS_CMD_GET = 1;
const TASKSTATS_CMD_NEW = 2;
const ASK_PID = 1;
const ASK_TGID = 2;
const TYPE = { PID: 1, TGID: 2, STATS: 3, AGGR_PID: 4, AGGR_TGID: 5 };
const STATS_VERSION = 13;
const STATS_SIZE = 416;
const COMM_SIZE = 32;

interface Family {
  readonly id: number;
  readonly name: string;
  readonly version: number;
  readonly maxAttribute: number;
  /** Number and flags. */
  readonly operations: readonly (readonly [number, number])[];
}

const FAMILIES: readonly Family[] = [
  {
    id: CONTROL,
    name: 'nlctrl',
    version: 2,
    maxAttribute: 0,
    operations: [[CTRL_CMD_GETFAMILY, GENL_DO_DUMP_POLICY]],
  },
  {
    id: TASKSTATS,
    name: 'TASKSTATS',
    version: 1,
    maxAttribute: 0,
    operations: [[TASKSTATS_CMD_GET, GENL_DO_POLICY | GENL_ADMIN_PERM]],
  },
];

const header = (command: number, version: number): Reply => new Reply().u8(command, version, 0, 0);
const short = (value: number): number[] => [value & 0xff, value >> 8];

function textOf({ buffer, byteOffset, byteLength }: DataView): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1').replace(/\0.*$/s, '');
}

function familyMessage(family: Family, request: Request, port: number, flags: number): Uint8Array {
  const operations = new Reply();
  for (const [i, [id, bits]] of family.operations.entries())
    operations.nested(i + 1, new Reply().word(OPERATION.ID, id).word(OPERATION.FLAGS, bits));
  return header(CTRL_CMD_NEWFAMILY, 2)
    .text(CTRL.FAMILY_NAME, family.name)
    .attribute(CTRL.FAMILY_ID, short(family.id))
    .word(CTRL.VERSION, family.version)
    .word(CTRL.HDRSIZE, 0)
    .word(CTRL.MAXATTR, family.maxAttribute)
    .nested(CTRL.OPS, operations)
    .finish(CONTROL, flags, request.sequence, port);
}

function answerControl(request: Request, port: number, command: number): Uint8Array[] | number {
  if (command !== CTRL_CMD_GETFAMILY) return -EOPNOTSUPP;
  if ((request.flags & NLM_F_DUMP) === NLM_F_DUMP)
    return FAMILIES.map((family) => familyMessage(family, request, port, NLM_F_MULTI));
  const id = findAttribute(request.payload, HEADER_SIZE, CTRL.FAMILY_ID);
  const name = findAttribute(request.payload, HEADER_SIZE, CTRL.FAMILY_NAME);
  if (id === null && name === null) return -EINVAL;
  const number = id !== null && id.byteLength >= 2 ? id.getUint16(0, true) : -1;
  const wanted = name === null ? '' : textOf(name);
  const family = FAMILIES.find((each) => (id === null ? each.name === wanted : each.id === number));
  return family === undefined ? -ENOENT : [familyMessage(family, request, port, 0)];
}

/** struct taskstats of version 13: what the kernel counts; delays are not measured. */
function encodeStats(task: Task, usage: Usage, isGroup: boolean): Uint8Array {
  const bytes = new Uint8Array(STATS_SIZE);
  const view = new DataView(bytes.buffer);
  const put = (at: number, value: number): void => view.setBigUint64(at, BigInt(Math.floor(value)), true);
  view.setUint16(0, STATS_VERSION, true);
  put(272, usage.voluntarySwitches);
  put(280, usage.involuntarySwitches);
  put(72, usage.userNs + usage.systemNs);
  put(64, usage.userNs + usage.systemNs);
  if (isGroup) return bytes;
  const { kernel, group } = task;
  const now = kernel.clock.monotonicNs();
  const wall = { sec: 0, nsec: 0 };
  kernel.clock.read(0, wall);
  const begun = wall.sec - Math.floor((now - task.startNs) / 1e9);
  view.setInt8(9, task.nice);
  bytes.set(Buffer.from(task.name, 'latin1').subarray(0, COMM_SIZE - 1), 80);
  view.setUint8(112, task.schedPolicy);
  view.setUint32(120, task.creds.uid, true);
  view.setUint32(124, task.creds.gid, true);
  view.setUint32(128, task.tid, true);
  view.setUint32(132, group.parentPid, true);
  view.setUint32(136, begun, true);
  put(144, (now - task.startNs) / 1e3);
  put(152, usage.userNs / 1e3);
  put(160, usage.systemNs / 1e3);
  put(168, usage.minorFaults);
  put(176, usage.majorFaults);
  put(200, usage.maxRssKb);
  put(344, begun);
  view.setUint32(368, group.pid, true);
  return bytes;
}

function answerTaskStats(kernel: Kernel, request: Request, port: number, command: number): Uint8Array[] | number {
  if (command !== TASKSTATS_CMD_GET) return -EOPNOTSUPP;
  if (currentTask()?.creds.hasCapability(CAP_NET_ADMIN) !== true) return -EPERM;
  const isGroup = findAttribute(request.payload, HEADER_SIZE, ASK_PID) === null;
  const asked = findAttribute(request.payload, HEADER_SIZE, isGroup ? ASK_TGID : ASK_PID);
  if (asked === null || asked.byteLength < 4) return -EINVAL;
  const id = asked.getInt32(0, true);
  const task = kernel.pids.task(id);
  if (task === undefined) return -ESRCH;
  const usage = isGroup ? task.group.usage() : new Usage();
  if (!isGroup) {
    kernel.pids.hooks.updateThreadUsage(task);
    usage.add(task.usage);
  }
  const inner = new Reply()
    .word(isGroup ? TYPE.TGID : TYPE.PID, id)
    .attribute(TYPE.STATS, encodeStats(task, usage, isGroup));
  return [
    header(TASKSTATS_CMD_NEW, 1)
      .nested(isGroup ? TYPE.AGGR_TGID : TYPE.AGGR_PID, inner)
      .finish(TASKSTATS, 0, request.sequence, port),
  ];
}

/** What NETLINK_GENERIC answers. */
export function genericAnswers(kernel: Kernel): Answer {
  return (request, port) => {
    if (request.payload.byteLength < HEADER_SIZE) return -EINVAL;
    const command = request.payload.getUint8(0);
    if (request.type === CONTROL) return answerControl(request, port, command);
    return request.type === TASKSTATS ? answerTaskStats(kernel, request, port, command) : -ENOENT;
  };
}

/** NETLINK_CONNECTOR: whoever asks for process events from within a PID namespace hears nothing, not even an answer (cn_proc.c). */
export function connectorAnswers(): Answer {
  return () => [];
}
