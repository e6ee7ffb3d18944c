/** What of the guests' memory is in RAM: the host's kernel says, in /proc of the processes that run them. */
import { readProcFile } from '../host/proc-files.ts';
import type { Residency, ResidentMapping, ResidentPages } from '../kernel/residency.ts';
import type { Task } from '../kernel/task.ts';
import type { Guest } from './guest.ts';

const RANGE = /^([0-9a-f]+)-([0-9a-f]+) /;
const FIELD = /^([A-Za-z_]+): +(\d+) kB$/;

export class HostResidency implements Residency {
  readonly #guestOf: (task: Task) => Guest | undefined;

  constructor(guestOf: (task: Task) => Guest | undefined) {
    this.#guestOf = guestOf;
  }

  pages(task: Task): ResidentPages {
    const [, resident = 0, shared = 0] = this.#read(task, 'statm').split(' ').map(Number);
    return { resident, shared };
  }

  mappings(task: Task): readonly ResidentMapping[] {
    const mappings: ResidentMapping[] = [];
    let kb = new Map<string, number>();
    for (const line of this.#read(task, 'smaps').split('\n')) {
      const range = RANGE.exec(line);
      if (range !== null) {
        kb = new Map();
        mappings.push({ start: Number.parseInt(range[1], 16), end: Number.parseInt(range[2], 16), kb });
        continue;
      }
      const field = FIELD.exec(line);
      if (field !== null) kb.set(field[1], Number(field[2]));
    }
    return mappings;
  }

  #read(task: Task, name: string): string {
    const guest = this.#guestOf(task);
    return guest === undefined ? '' : readProcFile(`${guest.thread.process.pid}/${name}`);
  }
}
