/** The process that an `exec` asks for: one that is described as a whole, or the container's first with another command and some changes. */
import { capabilitiesEither } from '../kernel/capability-set.ts';
import { Fields } from '../wire/json-fields.ts';
import { capabilitySet, environment, MAX_ID, readProcess } from './process-config.ts';
import type { CapabilitySets, ProcessOptions } from './sandbox-options.ts';

function withCapabilities(own: CapabilitySets | null, request: Fields): CapabilitySets | null {
  const names = request.strings('capabilities');
  if (own === null || names.length === 0) return own;
  const added = capabilitySet(names, request, 'capabilities');
  return {
    ...own,
    bounding: capabilitiesEither(own.bounding, added),
    effective: capabilitiesEither(own.effective, added),
    permitted: capabilitiesEither(own.permitted, added),
  };
}

/** Throws a ConfigError that names the field. @param own the container's first process */
export function readExec(request: Fields, own: ProcessOptions): ProcessOptions {
  // As text: whoever hands it on need not understand it.
  const document = request.string('process');
  if (document !== undefined) {
    const process = new Fields(JSON.parse(document), 'process', 'exec');
    if (process.boolean('terminal') && !request.boolean('terminal')) process.refuse('terminal', 'is not to be had');
    return readProcess(process);
  }
  const argv = request.strings('args');
  if (argv.length === 0 || argv[0] === '') request.refuse('args', 'has no command');
  const { program: _, ...kept } = own;
  return {
    ...kept,
    argv,
    env: { ...own.env, ...environment(request) },
    cwd: request.has('cwd') ? request.absolutePath('cwd') : own.cwd,
    uid: request.number('uid', MAX_ID) ?? own.uid,
    gid: request.number('gid', MAX_ID) ?? own.gid,
    groups: request.has('additionalGids') ? request.numbers('additionalGids', MAX_ID) : own.groups,
    capabilities: withCapabilities(own.capabilities, request),
    hasNoNewPrivileges: own.hasNoNewPrivileges || request.boolean('noNewPrivileges'),
  };
}
