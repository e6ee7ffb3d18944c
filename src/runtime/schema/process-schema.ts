/** config.md, "Process", and the fields that config-linux.md has nothing to say of. */
import { boolean, int32, list, matching, object, oneOf, type Schema, shared, string, uint32, uint64 } from './types.ts';

const SCHEDULING_POLICIES = [
  ...['SCHED_OTHER', 'SCHED_FIFO', 'SCHED_RR', 'SCHED_BATCH', 'SCHED_ISO', 'SCHED_IDLE', 'SCHED_DEADLINE'],
];
const SCHEDULING_FLAGS = [
  'SCHED_FLAG_RESET_ON_FORK',
  'SCHED_FLAG_RECLAIM',
  'SCHED_FLAG_DL_OVERRUN',
  'SCHED_FLAG_KEEP_POLICY',
  'SCHED_FLAG_KEEP_PARAMS',
  'SCHED_FLAG_UTIL_CLAMP_MIN',
  'SCHED_FLAG_UTIL_CLAMP_MAX',
];
const CPU_LIST = '^([0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*)?$';

export const processSchema: Schema = {
  $id: 'process',
  definitions: { strings: list(string) },
  ...object(
    {
      terminal: boolean,
      consoleSize: object({ height: uint32, width: uint32 }, 'height', 'width'),
      cwd: string,
      env: shared('strings'),
      args: shared('strings'),
      commandLine: string,
      rlimits: list(object({ type: matching('^RLIMIT_[A-Z]+$'), soft: uint64, hard: uint64 }, 'type', 'soft', 'hard')),
      apparmorProfile: string,
      capabilities: object({
        bounding: shared('strings'),
        effective: shared('strings'),
        permitted: shared('strings'),
        inheritable: shared('strings'),
        ambient: shared('strings'),
      }),
      noNewPrivileges: boolean,
      oomScoreAdj: { type: 'integer', minimum: -1000, maximum: 1000 },
      scheduler: object(
        {
          policy: oneOf(...SCHEDULING_POLICIES),
          nice: int32,
          priority: int32,
          flags: list(oneOf(...SCHEDULING_FLAGS)),
          runtime: uint64,
          deadline: uint64,
          period: uint64,
        },
        'policy',
      ),
      selinuxLabel: string,
      ioPriority: object(
        {
          class: oneOf('IOPRIO_CLASS_RT', 'IOPRIO_CLASS_BE', 'IOPRIO_CLASS_IDLE'),
          priority: { type: 'integer', minimum: 0, maximum: 7 },
        },
        'class',
      ),
      execCPUAffinity: object({ initial: matching(CPU_LIST), final: matching(CPU_LIST) }),
      user: object({
        uid: uint32,
        gid: uint32,
        umask: { type: 'integer', minimum: 0, maximum: 0o777 },
        additionalGids: list(uint32),
        username: string,
      }),
    },
    'cwd',
  ),
};
