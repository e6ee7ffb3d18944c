/** Changes of single fields of a document, for property tests, and what messages call the fields. */
import fc from 'fast-check';

export type Path = readonly (string | number)[];

/** The path of every value of a document, the document's own left out. */
function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const entries: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  const below = entries.flatMap(([name, each]) => pathsOf(each, [...path, name]));
  return path.length === 0 ? below : [path, ...below];
}

/** As messages write it. */
export function fieldOf(path: Path): string {
  return path.reduce<string>((field, part) => {
    if (typeof part === 'number') return `${field}[${part}]`;
    if (!/^[A-Za-z_]\w*$/.test(part)) return `${field}[${JSON.stringify(part)}]`;
    return field === '' ? part : `${field}.${part}`;
  }, '');
}

export const DELETED = Symbol('deleted');

export function changed(value: unknown, [name, ...rest]: Path, to: unknown): unknown {
  if (name === undefined) return to;
  if (Array.isArray(value)) {
    const list = value.map((each, i) => (i === name ? changed(each, rest, to) : each));
    return list.filter((each) => each !== DELETED);
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, key === name ? changed(each, rest, to) : each]);
  return Object.fromEntries(entries.filter(([, each]) => each !== DELETED));
}

const VALUES: readonly unknown[] = [
  ...[DELETED, null, true, false, 0, 1, -1, 1.5, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 64, 1e300, '', 'x', '/x', '0', 'a\0b'],
  ...[[], [null], [0], ['x'], ['', ''], {}, { x: 1 }, { '': {} }, 'SCHED_FIFO', 'x'.repeat(300)],
];

export interface Change {
  readonly path: Path;
  /** The document with the change. */
  readonly document: unknown;
}

/** Any one value of the document, replaced or left out. */
export function changesOf(document: unknown): fc.Arbitrary<Change> {
  const value = fc.oneof(fc.constantFrom(...VALUES), fc.jsonValue({ maxDepth: 2 }));
  return fc
    .tuple(fc.constantFrom(...pathsOf(document)), value)
    .map(([path, to]) => ({ path, document: changed(document, path, to) }));
}

/** Whether a message names the field, or what it is a part of: what is wrong may be a neighbour, such as a limit above another. */
export function namesField(message: string, path: Path): boolean {
  return [path, path.slice(0, -1), path.slice(0, 2)].some((each) => each.length > 0 && message.includes(fieldOf(each)));
}
