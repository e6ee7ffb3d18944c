/**
 * What is kept of a container between verbs: a directory under the runtime's root with its state, its configuration as it was
 * when it was made, and its control socket.
 *
 * Whoever changes a container holds a lock on the directory itself. The lock is gone with its holder and state is replaced by rename,
 * so after a crash at any moment there is either a state that says what there is, or none, and both can be deleted.
 */
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { lock, type ProcessId } from '../host/host-process.ts';
import { Fields } from '../wire/json-fields.ts';

/** What runc and its users take for a container's name. */
const ID = /^[\w+.-]{1,1024}$/;

/** A container that is not as the verb needs it. Its message says what is wrong. */
export class ContainerError extends Error {}

export interface State {
  readonly ociVersion: string;
  /** `creating` until create is through; later the sentry itself knows. */
  readonly phase: 'creating' | 'created';
  /** Its sentry; of a further container of a sandbox the process that stands for it. */
  readonly sentry: ProcessId;
  /** Whose sandbox it is in; empty for its own. */
  readonly sandbox: string;
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339. */
  readonly created: string;
  readonly owner: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** Its control group in each hierarchy it is in; absolute. */
  readonly cgroups: readonly string[];
  /** systemd's unit that they are of; empty for none. */
  readonly scope: string;
}

export class StateDirectory {
  readonly id: string;
  readonly path: string;

  /** Looks at nothing yet. Throws a ContainerError for a name that is none. */
  constructor(root: string, id: string) {
    if (!ID.test(id) || id === '.' || id === '..') {
      throw new ContainerError(`a container id has letters, digits, "_", "+", "-" and ".": ${id}`);
    }
    this.id = id;
    this.path = join(root, id);
  }

  get controlPath(): string {
    return join(this.path, 'control.sock');
  }

  /** Why its sentry ended before its time, if it did. */
  get reasonPath(): string {
    return join(this.path, 'reason');
  }

  get configPath(): string {
    return join(this.path, 'config.json');
  }

  /** See prepared-verbs.ts. */
  get startRequestPath(): string {
    return join(this.path, 'start-request');
  }

  get removalPath(): string {
    return join(this.path, 'removal');
  }

  /** All that may be in it. */
  get files(): readonly string[] {
    const names = ['state.json', 'state.json.new'].map((name) => join(this.path, name));
    return [this.controlPath, this.configPath, this.reasonPath, this.startRequestPath, this.removalPath, ...names];
  }

  get exists(): boolean {
    return statSync(this.path, { throwIfNoEntry: false })?.isDirectory() === true;
  }

  /** Makes it and takes its lock; of several makers exactly one succeeds. Gives what unlocks. */
  create(): () => void {
    mkdirSync(join(this.path, '..'), { recursive: true, mode: 0o711 });
    try {
      mkdirSync(this.path, { mode: 0o700 });
    } catch (error) {
      const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
      throw isThere ? new ContainerError(`container with id ${this.id} already exists`) : error;
    }
    return this.lock();
  }

  /** Waits for the lock. Throws a ContainerError if there is no such container, also when it goes meanwhile. */
  lock(): () => void {
    const fd = this.#open();
    lock(fd, 'wait');
    const now = statSync(this.path, { throwIfNoEntry: false });
    if (now?.ino !== fstatSync(fd).ino) {
      closeSync(fd);
      throw this.#missing();
    }
    let isHeld = true;
    return () => {
      // The number may be another file's after the first time.
      if (isHeld) closeSync(fd);
      isHeld = false;
    };
  }

  /** Whether some verb is at work on it. */
  get isLocked(): boolean {
    const fd = this.#open();
    const isFree = lock(fd, 'try');
    closeSync(fd);
    return !isFree;
  }

  #open(): number {
    try {
      return openSync(this.path, 'r');
    } catch (error) {
      const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      throw isMissing ? this.#missing() : error;
    }
  }

  #missing(): ContainerError {
    return new ContainerError(`container ${this.id} does not exist`);
  }

  /** null when its maker has not come that far. */
  read(): State | null {
    const path = join(this.path, 'state.json');
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      if (!this.exists) throw this.#missing();
      return null;
    }
    const fields = new Fields(JSON.parse(text), '', path);
    return {
      ociVersion: fields.needString('ociVersion'),
      phase: fields.string('phase') === 'created' ? 'created' : 'creating',
      sentry: { pid: fields.number('pid', 2 ** 31) ?? 0, startTime: fields.string('startTime') ?? '' },
      sandbox: fields.string('sandbox') ?? '',
      bundle: fields.needString('bundle'),
      rootfs: fields.needString('rootfs'),
      created: fields.needString('created'),
      owner: fields.string('owner') ?? '',
      annotations: fields.stringMap('annotations'),
      cgroups: fields.strings('cgroups'),
      scope: fields.string('scope') ?? '',
    };
  }

  write({ sentry, ...state }: State): void {
    const path = join(this.path, 'state.json');
    const text = JSON.stringify({ id: this.id, pid: sentry.pid, startTime: sentry.startTime, ...state });
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The containers under a runtime's root, by name. */
export function listContainers(root: string): StateDirectory[] {
  let names: string[];
  try {
    names = readdirSync(root);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
  return names
    .sort()
    .filter((name) => ID.test(name))
    .map((name) => new StateDirectory(root, name))
    .filter((each) => each.exists);
}
