/** The process that `exec` is to start: a whole one from a file, or the container's own with another command and some changes. */
import { readFileSync } from 'node:fs';
import { ConfigError, Fields } from '../wire/json-fields.ts';
import { checkProcess } from './config-check.ts';

/** As the sandbox is asked for it (sentry/exec-request.ts). */
export type ProcessRequest = Readonly<Record<string, unknown>>;

export interface ExecChanges {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string | undefined;
  /** UID or UID:GID. */
  readonly user: string | undefined;
  readonly additionalGids: readonly number[];
  readonly caps: readonly string[];
  readonly hasNoNewPrivileges: boolean;
}

/**
 * A whole process object.
 * @returns with whether that wants a terminal; throws a ConfigError that names what is wrong with it
 */
export async function processFromFile(path: string): Promise<{ request: ProcessRequest; wantsTerminal: boolean }> {
  let process: unknown;
  try {
    process = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ConfigError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  await checkProcess(process, path);
  const wantsTerminal = new Fields(process, 'process', path).boolean('terminal');
  return { request: { process: JSON.stringify(process) }, wantsTerminal };
}

function userOf(user: string): ProcessRequest {
  const match = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(user);
  if (match === null) throw new ConfigError(`--user is not UID or UID:GID: ${user}`);
  const [, uid, gid] = match;
  return { uid: Number(uid), ...(gid === undefined ? {} : { gid: Number(gid) }) };
}

export function processFromContainer(changes: ExecChanges): ProcessRequest {
  const { cwd, user, additionalGids } = changes;
  const names = changes.caps.map((name) => name.toUpperCase());
  return {
    args: changes.args,
    env: changes.env,
    ...(cwd === undefined ? {} : { cwd }),
    ...(user === undefined ? {} : userOf(user)),
    ...(additionalGids.length === 0 ? {} : { additionalGids }),
    capabilities: names.map((name) => (name.startsWith('CAP_') ? name : `CAP_${name}`)),
    noNewPrivileges: changes.hasNoNewPrivileges,
  };
}
