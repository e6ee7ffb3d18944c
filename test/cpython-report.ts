/**
 * What a run of CPython's regrtest says of each test case. Its JUnit file has one element for each case; a case with failing
 * subtests, and a class that could not be set up, stand in the headings of the text before it.
 */

export interface Report {
  /** Of the module as a whole: SUCCESS, FAILURE, ENV CHANGED... */
  readonly result: string;
  /** By the full name of the case: `ok`, `skipped: reason`, `failure: ...`. */
  readonly cases: ReadonlyMap<string, string>;
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

function unescapeXml(text: string): string {
  return text
    .replace(/&#(\d+);/g, (_, digits: string) => String.fromCodePoint(Number(digits)))
    .replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => entities[name] ?? '');
}

/** Names of scratch files, which reasons may quote, hold the pid. */
const withoutPids = (text: string): string => text.replace(/@test_\d+_tmp/g, '@test_PID_tmp');

/** The first line of the exception: what follows may hold addresses and times. */
function describeError(kind: string, attributes: string): string {
  const message = unescapeXml(/\bmessage="([^"]*)"/.exec(attributes)?.[1] ?? '');
  return withoutPids(`${kind}: ${message.split('\n', 1)[0]}`);
}

function describeCase(body: string): string {
  const error = /<(failure|error)\b([^>]*)>/.exec(body);
  if (error !== null) return describeError(error[1] ?? '', error[2] ?? '');
  const skipped = /<skipped>([^<]*)<\/skipped>/.exec(body);
  if (skipped !== null) return `skipped: ${withoutPids(unescapeXml(skipped[1] ?? ''))}`;
  if (/<output\b/.test(body)) return 'expected failure';
  if (/<outcome>/.test(body)) return 'unexpected success';
  return 'ok';
}

/**
 * @param text what `python3 -m test -v` printed
 * @param xml its JUnit file
 * @throws if the file does not hold what it claims: a parser that loses cases would find that they agree
 */
export function parseReport(text: string, xml: string): Report {
  const cases = new Map<string, string>();
  let unnamed = 0;
  let elements = 0;
  for (const [, attributes = '', body = ''] of xml.matchAll(/<testcase\b([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs)) {
    elements += 1;
    const name = /\bname="([^"]*)"/.exec(attributes)?.[1];
    // A case whose subtests failed ends without an entry of its own.
    if (name === undefined) unnamed += 1;
    else cases.set(unescapeXml(name), describeCase(body));
  }
  let headings = 0;
  for (const [, kind = '', title = '', id = '', subtest = ''] of text.matchAll(
    /^(FAIL|ERROR): (\S+) \(([\w.]+)\)(.*)$/gm,
  )) {
    const name = id.endsWith(title) ? id : `${id}.${title}`;
    const seen = cases.get(name);
    if (seen !== undefined && !seen.startsWith('subtest ')) continue;
    headings += 1;
    cases.set(name, [...(seen === undefined ? [] : [seen]), `subtest ${kind.toLowerCase()}${subtest}`].join('; '));
  }
  const claimed = Number(/<testsuites\b[^>]*\btests="(\d+)"/.exec(xml)?.[1]);
  if (elements !== claimed || (unnamed > 0 && headings === 0))
    throw new Error(`the report claims ${claimed} cases and has ${elements}, ${unnamed} without a name`);
  const result = /^== Tests result: (.+) ==$/m.exec(text)?.[1] ?? 'none';
  return { result, cases };
}

/** The case that was under way when the output ended. */
export function lastStarted(text: string): string {
  return [...text.matchAll(/^\S+ \(([\w.]+)\)/gm)].at(-1)?.[1] ?? 'the start';
}
