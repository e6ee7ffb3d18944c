/** The sentry's host calls in docs/SECURITY.md, from the table that its filter is made of. */
import { errnoName } from '../src/abi/errno.ts';
import { ANSWERED_CALLS, HOST_CALLS, type HostCallGroup } from '../src/sentry/host-calls.ts';

const BEGIN = '<!-- from src/sentry/host-calls.ts by npm run docs: do not edit -->';
const END = '<!-- end -->';

const TITLES: Readonly<Record<HostCallGroup, string>> = {
  runtime: 'Node itself',
  guests: 'guests and their processes',
  files: "the host's files",
  streams: 'standard streams',
  container: 'containers only',
  'host network': '`--network=host` only',
};
const GROUPS: readonly HostCallGroup[] = ['runtime', 'guests', 'files', 'streams', 'container', 'host network'];

function section(): string {
  const rows = GROUPS.flatMap((group) =>
    HOST_CALLS[group].map(({ name, why, limits = '' }) => `| ${TITLES[group]} | ${name} | ${limits} | ${why} |`),
  );
  const count = (groups: readonly HostCallGroup[]): number =>
    new Set(groups.flatMap((group) => HOST_CALLS[group].map(({ name }) => name))).size;
  const answered = ANSWERED_CALLS.map(
    ({ name, errno, why }) => `${name} is answered with ${errnoName(errno)} (${why})`,
  );
  return `${count(GROUPS.slice(0, -1))} calls for a container, ${count(GROUPS.slice(0, -2))} for \`do\`, ${count(GROUPS)} with the host's network. ${answered.join('; ')}. Any other ends the sandbox.

| for | call | limits in the filter | why |
|---|---|---|---|
${rows.join('\n')}`;
}

/** The document with its generated part as it must be. */
export function withHostCalls(document: string): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END, begin);
  if (begin < 0 || end < 0) throw new Error('docs/SECURITY.md has lost the marks of its generated part');
  return `${document.slice(0, begin)}${BEGIN}\n${section()}\n${document.slice(end)}`;
}
