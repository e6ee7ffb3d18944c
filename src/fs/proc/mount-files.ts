/** mounts, mountinfo and mountstats of a process (Linux: fs/proc_namespace.c). */
import type { Task } from '../../kernel/task.ts';
import { devMajor, devMinor, escapeMount } from './format.ts';
import type { MountLine, ProcVfs } from './proc-view.ts';

/** Options of the mount and of its superblock in one list, "rw" or "ro" first. */
function allOptions(line: MountLine): string {
  const isReadOnly = /^ro\b/.test(line.options) || /^ro\b/.test(line.superOptions);
  const rest = `${line.options},${line.superOptions}`.split(',').filter((o) => o !== 'rw' && o !== 'ro' && o !== '');
  return [isReadOnly ? 'ro' : 'rw', ...new Set(rest)].join(',');
}

export function mountsText(task: Task, vfs: ProcVfs): string {
  let out = '';
  for (const line of vfs.mounts(task.fs.root)) {
    out += `${escapeMount(line.source)} ${escapeMount(line.target)} ${line.typeName} ${allOptions(line)} 0 0\n`;
  }
  return out;
}

export function mountinfoText(task: Task, vfs: ProcVfs): string {
  let out = '';
  for (const line of vfs.mounts(task.fs.root)) {
    const device = `${devMajor(line.dev)}:${devMinor(line.dev)}`;
    out +=
      `${line.id} ${line.parentId} ${device} ${escapeMount(line.root)} ${escapeMount(line.target)} ${line.options} ${line.propagation}- ` +
      `${line.typeName} ${escapeMount(line.source)} ${line.superOptions}\n`;
  }
  return out;
}

export function mountstatsText(task: Task, vfs: ProcVfs): string {
  let out = '';
  for (const line of vfs.mounts(task.fs.root)) {
    out += `device ${escapeMount(line.source)} mounted on ${escapeMount(line.target)} with fstype ${line.typeName}\n`;
  }
  return out;
}
