/**
 * The systemd driver for control groups (--systemd-cgroup): a scope of the service manager's holds the container's processes. What limits it
 * knows it is told, too, or it would undo them whenever it reloads (org.freedesktop.systemd1(5), systemd.resource-control(5)).
 */
import { parseOwn, readHierarchies } from '../host/cgroup-hierarchies.ts';
import { DbusConnection, DbusError, type DbusValue } from '../host/dbus.ts';
import type { Resources } from './cgroup-options.ts';
import { ContainerError } from './state-directory.ts';

const MANAGER = ['org.freedesktop.systemd1', '/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager'] as const;
const SYSTEM_BUS = '/run/dbus/system_bus_socket';
/** Root's own way to the manager where there is no bus. */
const PRIVATE = '/run/systemd/private';
const PLACE_TRIES = 500;
const PLACE_PAUSE_MS = 20;
const UNLIMITED = 2n ** 64n - 1n;
const DEFAULT_PERIOD_US = 100_000;
const US_PER_SEC = 1_000_000;

export interface Scope {
  readonly unit: string;
  readonly slice: string;
}

/** cgroupsPath as SLICE:PREFIX:NAME, which engines give with the systemd driver. */
export function scopeOf(path: string | undefined, id: string): Scope {
  const parts = path?.split(':') ?? ['', 'runsc', id];
  if (parts.length !== 3) {
    throw new ContainerError(
      `config.json: linux.cgroupsPath is not SLICE:PREFIX:NAME, as --systemd-cgroup wants: ${path}`,
    );
  }
  const [slice = '', prefix = '', name = ''] = parts;
  const unit = prefix === '' ? name : `${prefix}-${name}`;
  return { unit: `${unit}.scope`, slice: slice === '' ? 'system.slice' : slice };
}

/** The group of a scope, as systemd nests it: a-b.slice is in a.slice (systemd.slice(5)). */
export function systemdGroup({ unit, slice }: Scope): string {
  const parts = slice.replace(/\.slice$/, '').split('-');
  const slices = parts.map((_, i) => `${parts.slice(0, i + 1).join('-')}.slice`);
  return `/${slices.join('/')}/${unit}`;
}

function connect(): DbusConnection {
  const address = process.env.DBUS_SYSTEM_BUS_ADDRESS;
  const path = address === undefined ? SYSTEM_BUS : /^unix:path=([^,;]+)/.exec(address)?.[1];
  if (path === undefined) throw new ContainerError(`DBUS_SYSTEM_BUS_ADDRESS is not a unix socket's path: ${address}`);
  try {
    return DbusConnection.open(path, 'bus');
  } catch (error) {
    if (process.getuid?.() !== 0 || address !== undefined) throw error;
    return DbusConnection.open(PRIVATE, 'peer');
  }
}

type ManagerCall = (member: string, signature: string, values: readonly DbusValue[]) => void;

function withManager(use: (call: ManagerCall) => void): void {
  const connection = connect();
  try {
    use((member, signature, values) => connection.call(...MANAGER, member, signature, values));
  } finally {
    connection.close();
  }
}

/** A unit that is not there is as good as one that has been stopped. */
function unlessGone(use: () => void): void {
  try {
    use();
  } catch (error) {
    if (!(error instanceof DbusError) || error.errorName !== 'org.freedesktop.systemd1.NoSuchUnit') throw error;
  }
}

function limits({ memory, cpu, pids }: Resources): DbusValue[] {
  const isV2 = readHierarchies().every(({ version }) => version === 2);
  const found: DbusValue[] = [];
  const put = (name: string, value: number | undefined): void => {
    if (value === undefined || value === 0) return;
    found.push([name, { signature: 't', value: value < 0 ? UNLIMITED : value }]);
  };
  put(isV2 ? 'MemoryMax' : 'MemoryLimit', memory.limit);
  put('TasksMax', pids.limit);
  if (!isV2) put('CPUShares', cpu.shares);
  if (cpu.quota !== undefined && cpu.quota > 0) {
    put('CPUQuotaPerSecUSec', Math.ceil((cpu.quota * US_PER_SEC) / (cpu.period || DEFAULT_PERIOD_US)));
  }
  return found;
}

/**
 * Puts the processes into a new scope: its group, from the root of each hierarchy.
 * @param readGroups the /proc/PID/cgroup of the first of them
 */
export function startScope(
  { unit, slice }: Scope,
  pids: readonly [number, ...number[]],
  readGroups: () => string,
  resources: Resources,
): string {
  const flag = (name: string, value: boolean): DbusValue => [name, { signature: 'b', value }];
  const properties: DbusValue[] = [
    ['Description', { signature: 's', value: `container ${unit}` }],
    ['Slice', { signature: 's', value: slice }],
    ['PIDs', { signature: 'au', value: pids }],
    flag('Delegate', true),
    flag('DefaultDependencies', false),
    flag('MemoryAccounting', true),
    flag('CPUAccounting', true),
    flag('TasksAccounting', true),
    ...limits(resources),
  ];
  withManager((call) => {
    // One of that name that has failed would be in the way.
    unlessGone(() => call('ResetFailedUnit', 's', [unit]));
    call('StartTransientUnit', 'ssa(sv)a(sa(sv))', [unit, 'replace', properties, []]);
  });
  return awaitPlace(readGroups, unit);
}

/** The manager answers before it has moved the process. */
function awaitPlace(readGroups: () => string, unit: string): string {
  for (let tries = 0; tries < PLACE_TRIES; tries++) {
    const own = parseOwn(readGroups());
    const place = own.get('name=systemd') ?? own.get('') ?? '';
    if (place.endsWith(`/${unit}`)) return place;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PLACE_PAUSE_MS);
  }
  throw new ContainerError(`systemd has not put the container into ${unit} in time`);
}

/** Tells it of changed limits. */
export function updateScope(unit: string, resources: Resources): void {
  const changed = limits(resources);
  if (changed.length > 0) withManager((call) => call('SetUnitProperties', 'sba(sv)', [unit, true, changed]));
}

/** By the time its last process has ended it is gone as a rule. */
export function stopScope(unit: string): void {
  withManager((call) => {
    unlessGone(() => call('StopUnit', 'ss', [unit, 'replace']));
    unlessGone(() => call('ResetFailedUnit', 's', [unit]));
  });
}
