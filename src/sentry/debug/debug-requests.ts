/** The `debug` verb's requests on a container's control socket: looks at the kernel, and changes what it tells of itself. */
import { closeSync } from 'node:fs';
import type { Fields } from '../../wire/json-fields.ts';
import type { Compartment } from '../compartment.ts';
import type { ControlConnection } from '../control-server.ts';
import { startCpuProfile, writeHeapProfile } from './profiles.ts';
import { listTasks } from './stacks.ts';

export function handleDebug(compartment: Compartment, request: Fields, connection: ControlConnection): void {
  const { sandbox } = compartment;
  const fds = connection.takeFds();
  const [fd = -1] = fds;
  const what = request.needString('what');
  let isKept = false;
  try {
    switch (what) {
      case 'stacks':
        connection.send({ ok: { tasks: listTasks(compartment) } });
        return;
      case 'strace':
        isKept = sandbox.changeTrace(request.boolean('isOn') ? request.strings('calls') : null, fd);
        connection.send({ ok: {} });
        return;
      case 'heap-profile':
        isKept = true;
        sandbox.track(profileHeap(connection, fd));
        return;
      case 'cpu-profile':
        isKept = true;
        profileUntilAsked(connection, fd);
        connection.send({ ok: {} });
        return;
      default:
        request.refuse('what', `is none that is known: ${what}`);
    }
  } finally {
    for (const each of fds) if (each !== fd || !isKept) closeSync(each);
  }
}

async function profileHeap(connection: ControlConnection, fd: number): Promise<void> {
  try {
    await writeHeapProfile(fd);
    connection.send({ ok: {} });
  } catch (error) {
    connection.send({ error: error instanceof Error ? error.message : String(error) });
  } finally {
    closeSync(fd);
  }
}

/** The next request on the connection ends it, or its closing, without a profile. */
function profileUntilAsked(connection: ControlConnection, fd: number): void {
  let stop: ((fd: number) => void) | null = startCpuProfile();
  const finish = (): void => {
    const write = stop;
    stop = null;
    try {
      write?.(fd);
    } finally {
      if (write !== null) closeSync(fd);
    }
  };
  connection.onRequest = () => {
    finish();
    connection.send({ ok: {} });
  };
  connection.onClose = finish;
}
