/** /proc/sysvipc: the objects of System V IPC, as ipcs(1) reads them (Linux: sysvipc_*_proc_show in ipc/). */
import { currentTask } from '../../kernel/current.ts';
import type { IpcObject } from '../../kernel/ipc/ipc-table.ts';
import { messageQueuesOf } from '../../kernel/ipc/message-queue.ts';
import { semaphoresOf } from '../../kernel/ipc/semaphores.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Namespace } from '../../kernel/namespaces.ts';
import { dir } from '../pseudo/pseudo-directory.ts';
import type { Node } from '../pseudo/pseudo-file-system.ts';
import { text } from '../pseudo/text-file.ts';
import { sharedSegmentsOf } from '../tmpfs/shared-segment.ts';

const MESSAGES_HEADER =
  '       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n';
const SEMAPHORES_HEADER = '       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n';
const SEGMENTS_HEADER =
  '       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime' +
  '      ctime                   rss                  swap\n';

/** The reader's own. */
function ipcOf(kernel: Kernel): Namespace {
  return (currentTask() ?? kernel).namespaces.ipc;
}

function column(value: number, width: number): string {
  return String(value).padStart(width);
}

function beginning({ key, id, mode }: IpcObject): string {
  return `${column(key | 0, 10)} ${column(id, 10)}  ${mode.toString(8).padStart(4)}`;
}

function owners({ uid, gid, cuid, cgid }: IpcObject): string {
  return `${column(uid, 5)} ${column(gid, 5)} ${column(cuid, 5)} ${column(cgid, 5)}`;
}

function messagesText(kernel: Kernel): string {
  let lines = MESSAGES_HEADER;
  for (const queue of messageQueuesOf(ipcOf(kernel)).all()) {
    lines +=
      `${beginning(queue)}  ${column(queue.usedBytes, 10)} ${column(queue.messages.length, 10)} ` +
      `${column(queue.lastSender, 5)} ${column(queue.lastReceiver, 5)} ${owners(queue)} ` +
      `${column(queue.sentSec, 10)} ${column(queue.receivedSec, 10)} ${column(queue.changedSec, 10)}\n`;
  }
  return lines;
}

function semaphoresText(kernel: Kernel): string {
  let lines = SEMAPHORES_HEADER;
  for (const set of semaphoresOf(ipcOf(kernel), kernel.pids).all()) {
    lines +=
      `${beginning(set)} ${column(set.values.length, 10)} ${owners(set)} ` +
      `${column(set.operatedSec, 10)} ${column(set.changedSec, 10)}\n`;
  }
  return lines;
}

function segmentsText(kernel: Kernel): string {
  let lines = SEGMENTS_HEADER;
  for (const segment of sharedSegmentsOf(ipcOf(kernel)).all()) {
    lines +=
      `${beginning(segment)} ${column(segment.size, 21)} ${column(segment.creator, 5)} ${column(segment.lastUser, 5)}  ` +
      `${column(segment.attachCount, 5)} ${owners(segment)} ${column(segment.attachedSec, 10)} ` +
      `${column(segment.detachedSec, 10)} ${column(segment.changedSec, 10)} ${column(segment.residentBytes, 21)} ${column(0, 21)}\n`;
  }
  return lines;
}

export function sysvipcDirectory(kernel: Kernel): Node {
  return dir({
    msg: text(() => messagesText(kernel)),
    sem: text(() => semaphoresText(kernel)),
    shm: text(() => segmentsText(kernel)),
  });
}
