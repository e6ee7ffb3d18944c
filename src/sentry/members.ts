/**
 * Further containers of a sandbox. Each comes over the first one's control socket from a process outside that stands for it: it gets
 * its signals, ends as its first process ends, and with it the container goes.
 *
 * The sentry opens nothing of the host for them. Whoever asks for one brings all that it needs as descriptors: the socket it is to be
 * controlled by, both ends of a socket for the zygote that its processes come from, its streams, its root and the sources of its mounts.
 */
import { errnoName } from '../abi/errno.ts';
import type { HostPlace, OpenHostPlace } from '../host/host-place.ts';
import { native } from '../host/native.ts';
import { receive } from '../host/sockets.ts';
import { CLONE_STUB } from '../platform/stub-process.ts';
import { requestZygote, type Zygote } from '../platform/zygote.ts';
import type { Fields } from '../wire/json-fields.ts';
import type { Compartment } from './compartment.ts';
import { Container } from './container.ts';
import { type ControlConnection, ControlServer } from './control-server.ts';
import type { GuestHook } from './guest-hooks.ts';
import { HostTrees } from './host-trees.ts';
import type { Sandbox, SharedNamespace } from './sandbox.ts';
import type { ContainerOptions } from './sandbox-options.ts';

const CLOSE = 3;
/** Each costs the sentry a kernel and two processes on the host. */
const MAX_MEMBERS = 1024;
/** The control socket and the zygote's two ends. */
const FIXED_FDS = 3;
const MAX_STDIO = 1027;

/** What came with a request; each descriptor is used once or closed. */
interface Donation {
  readonly listener: number;
  readonly control: number;
  readonly stdio: readonly number[];
  /** The root, then the sources of mounts in their order, with the path each is asked for by. */
  readonly places: readonly { readonly given: string; readonly place: HostPlace }[];
}

/** What a configuration says of a member. */
export interface MemberSpec {
  readonly options: ContainerOptions;
  readonly startHooks: readonly GuestHook[];
  readonly hasTerminal: boolean;
}

/** @param config the text of config.json @param bundle the directory that its paths are relative to */
export type ReadMember = (config: string, bundle: string) => MemberSpec;

interface Wanted extends MemberSpec {
  readonly id: string;
  readonly shared: readonly SharedNamespace[];
  /** Whose processes it is to see besides its own: a member, or the first container; null for nobody's. */
  readonly pidsOf: Compartment | null;
}

function closeAll(fds: Iterable<number>): void {
  for (const fd of fds) native.syscall(CLOSE, fd);
}

export class Members {
  readonly #sandbox: Sandbox;
  readonly #readMember: ReadMember;
  /** Those that have been asked for; null until they are there. */
  readonly #members = new Map<string, Compartment | null>();

  constructor(sandbox: Sandbox, readMember: ReadMember) {
    this.#sandbox = sandbox;
    this.#readMember = readMember;
  }

  /** A request for another one. Throws a message for people when it is refused. */
  create(request: Fields, connection: ControlConnection): void {
    const fds = connection.takeFds();
    try {
      const wanted = this.#read(request);
      const { theirs, donation } = donationOf(request, fds);
      const { zygote } = this.#sandbox.first;
      const cookie = this.#sandbox.gate.expect(CLONE_STUB);
      const failed = requestZygote(zygote, theirs, cookie);
      if (failed < 0) {
        this.#sandbox.gate.forget(cookie);
        throw new Error(`cannot make another zygote: ${errnoName(-failed)}`);
      }
      native.syscall(CLOSE, theirs);
      this.#members.set(wanted.id, null);
      const drop = (): void => {
        this.#members.delete(wanted.id);
        closeAll([donation.listener, donation.control, ...donation.stdio]);
        closeAll(donation.places.map(({ place }) => place.fd));
      };
      connection.onClose = drop;
      connection.onRequest = () => {
        connection.onClose = () => {};
        connection.onRequest = (later) => later.refuse('verb', 'comes before the container is there');
        this.#sandbox.track(
          this.#make(wanted, donation, connection).catch((error: unknown) => {
            this.#members.delete(wanted.id);
            connection.send({ error: error instanceof Error ? error.message : String(error) });
          }),
        );
      };
      connection.send({ ok: {} });
    } catch (error) {
      closeAll(fds);
      throw error;
    }
  }

  #read(request: Fields): Wanted {
    const id = request.needString('id');
    if (this.#members.has(id)) request.refuse('id', `is another container's: ${id}`);
    if (this.#members.size >= MAX_MEMBERS) request.refuse('id', `would be one more than ${MAX_MEMBERS} containers`);
    const pidsOf = request.string('pidsOf');
    const member = pidsOf === undefined || pidsOf === '' ? undefined : this.#members.get(pidsOf);
    if (pidsOf !== undefined && pidsOf !== '' && !member) request.refuse('pidsOf', `is no container here: ${pidsOf}`);
    const names = request.strings('shared');
    return {
      id,
      ...this.#readMember(request.needString('config'), request.absolutePath('bundle')),
      shared: (['ipc', 'uts'] as const).filter((name) => names.includes(name)),
      pidsOf: pidsOf === undefined ? null : (member ?? this.#sandbox.first),
    };
  }

  /** The zygote is in its control group: everything else of the container comes from it. */
  async #make(wanted: Wanted, donation: Donation, connection: ControlConnection): Promise<void> {
    const { id, options, hasTerminal, shared, startHooks, pidsOf } = wanted;
    const { listener, control, stdio, places } = donation;
    const unused = [...places];
    const open: OpenHostPlace = (path) => {
      const next = unused.shift();
      if (next?.given === path) return next.place;
      if (next !== undefined) native.syscall(CLOSE, next.place.fd);
      throw new Error(`nothing was opened for ${path}`);
    };
    const trees = new HostTrees(open, options.idMaps);
    let compartment: Compartment | null = null;
    try {
      const zygote = zygoteOf(this.#sandbox.first.zygote, control);
      compartment = this.#sandbox.add({ options, zygote, trees, hasTerminal, shared, pidsOf });
      const opened = this.#sandbox.openStreams(stdio, 'sandbox');
      const streams = hasTerminal ? opened.flatMap((stream) => [stream, stream, stream]) : opened;
      const container = await Container.create(compartment, options, startHooks, streams);
      this.#members.set(id, compartment);
      this.#serve(id, container, listener, control, connection);
    } catch (error) {
      compartment?.end();
      trees.close();
      closeAll([listener, control]);
      throw error;
    } finally {
      closeAll(unused.map(({ place }) => place.fd));
    }
  }

  #serve(id: string, container: Container, listener: number, control: number, connection: ControlConnection): void {
    const server = new ControlServer(this.#sandbox.loop, listener, (request, each) => container.handle(request, each));
    const finish = async (): Promise<void> => {
      // Not in the middle of what ends its first process.
      await null;
      container.compartment.end();
      server.close();
      native.syscall(CLOSE, control);
      this.#members.delete(id);
      connection.send({ exit: container.exitCode });
    };
    container.onStopped = () => this.#sandbox.track(finish());
    connection.onRequest = (request) => container.forwardSignal(request);
    connection.onClose = () => container.kill();
    connection.send({ ok: {} });
    if (container.status === 'stopped') this.#sandbox.track(finish());
  }
}

function donationOf(request: Fields, fds: readonly number[]): { theirs: number; donation: Donation } {
  const stdioCount = request.number('stdio', MAX_STDIO) ?? 0;
  const names = request.objects('places');
  const expected = FIXED_FDS + stdioCount + names.length;
  if (fds.length !== expected) throw new Error(`${fds.length} descriptors came and not ${expected}`);
  const [listener = -1, control = -1, theirs = -1, ...rest] = fds;
  const places = names.map((fields, i) => {
    const name = fields.string('name') ?? '';
    const path = fields.absolutePath('path');
    const place = { fd: rest[stdioCount + i] ?? -1, name: name === '' ? null : name, path };
    return { given: fields.absolutePath('given'), place };
  });
  return { theirs, donation: { listener, control, stdio: rest.slice(0, stdioCount), places } };
}

/** The zygote behind `control`, which must have said that it is there. */
function zygoteOf(first: Zygote, control: number): Zygote {
  const hello = receive(control, 'no');
  if (typeof hello === 'number' || hello.bytes.length !== 1)
    throw new Error('the container has no process to begin with');
  // It ends as its control socket is closed.
  return { ...first, control, pid: hello.pid, pidfd: -1 };
}
