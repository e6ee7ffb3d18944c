/**
 * The Node that we run: that of the npm package but for one word of its data. Its locks are Abseil's, compiled so that each lock and unlock looks for
 * deadlocks in a graph of all locks held, which takes 2.5 ms of each start and 1 MB of each process. Abseil has a mode without it
 * (absl::SetMutexDeadlockDetectionMode); here it is the mode it begins with. See elf(5).
 */
import { readFileSync, writeFileSync } from 'node:fs';

const PT_LOAD = 1;
const SHT_SYMTAB = 2;
/** absl::OnDeadlockCycle: kIgnore, and kAbort, which a build with assertions begins with. */
const IGNORE = 0;
const ABORT = 2;
/** The variable's name as the compiler writes it; some give parts of a structure names with a number behind. */
const NAME = /^_ZN4absl.*synch_deadlock_detectionE(\.\d+)?$/;

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  /** For a table of symbols the number of the section with their names. */
  readonly link: number;
}

function sectionsOf(file: Buffer): Section[] {
  const start = Number(file.readBigUInt64LE(40));
  const size = file.readUInt16LE(58);
  return Array.from({ length: file.readUInt16LE(60) }, (_, i) => {
    const at = start + i * size;
    return {
      type: file.readUInt32LE(at + 4),
      offset: Number(file.readBigUInt64LE(at + 24)),
      size: Number(file.readBigUInt64LE(at + 32)),
      link: file.readUInt32LE(at + 40),
    };
  });
}

/** The address of the first symbol with such a name. */
function findSymbol(file: Buffer, name: RegExp): number | undefined {
  const sections = sectionsOf(file);
  const symbols = sections.find(({ type }) => type === SHT_SYMTAB);
  const names = symbols === undefined ? undefined : sections[symbols.link];
  if (symbols === undefined || names === undefined) return undefined;
  for (let at = symbols.offset; at < symbols.offset + symbols.size; at += 24) {
    const start = names.offset + file.readUInt32LE(at);
    const text = file.toString('latin1', start, file.indexOf(0, start));
    if (name.test(text)) return Number(file.readBigUInt64LE(at + 8));
  }
  return undefined;
}

/** Where in the file what is at `address` comes from. */
function offsetOf(file: Buffer, address: number): number | undefined {
  const start = Number(file.readBigUInt64LE(32));
  for (let i = 0; i < file.readUInt16LE(56); i++) {
    const at = start + i * file.readUInt16LE(54);
    const into = address - Number(file.readBigUInt64LE(at + 16));
    const isIn = into >= 0 && into < Number(file.readBigUInt64LE(at + 32));
    if (file.readUInt32LE(at) === PT_LOAD && isIn) return Number(file.readBigUInt64LE(at + 8)) + into;
  }
  return undefined;
}

/** Writes it to `path`. Throws if `node` is not a Node as we know them. */
export function makeNode(node: string, path: string): void {
  const file = readFileSync(node);
  const address = findSymbol(file, NAME);
  const offset = address === undefined ? undefined : offsetOf(file, address);
  if (offset === undefined || file.readInt32LE(offset) !== ABORT) {
    throw new Error(`${node} does not look for deadlocks of its locks as tools/node-program.ts knows it`);
  }
  file.writeInt32LE(IGNORE, offset);
  writeFileSync(path, file, { mode: 0o755 });
}
