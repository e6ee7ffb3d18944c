/**
 * From a file to a program ready to run (Linux: fs/exec.c, fs/binfmt_elf.c, fs/binfmt_script.c).
 *
 * `loadProgram` works out everything and touches nothing, so that exec can fail with an error until the very end. Every
 * byte of the files is hostile: reads are bounded and each number is checked where it is used.
 */
import { EINVAL, EIO, ELIBBAD, ELOOP, ENOENT, ENOEXEC, ENOMEM } from '../../abi/errno.ts';
import {
  MMAP_MIN_ADDR,
  PAGE_SIZE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  pageDown,
  pageUp,
  STACK_GUARD_GAP,
  TASK_SIZE,
} from '../../abi/memory.ts';
import { VM_GROWSDOWN, VM_NORESERVE, Vma } from '../../mm/vma.ts';
import { VmaList } from '../../mm/vma-list.ts';
import type { File } from '../../vfs/file.ts';
import {
  ELF_HEADER_SIZE,
  type ElfHeader,
  ET_DYN,
  hasElfMagic,
  PF_X,
  PROGRAM_HEADER_SIZE,
  type ProgramHeader,
  PT_GNU_STACK,
  PT_INTERP,
  parseElfHeader,
  parseProgramHeaders,
} from '../../wire/elf.ts';
import { DYN_BASE, planImage } from './elf.ts';
import { LoadFailure, type LoadPlan, type PlannedMapping } from './plan.ts';
import { BINPRM_BUF_SIZE, hasScriptMagic, parseScriptLine } from './script.ts';
import { argumentsError, buildStack, STACK_CONTENTS_MAX, type StackStrings } from './stack.ts';

const PATH_MAX = 4096;
/** Files looked at in one exec: five scripts and a program. */
const NESTING_MAX = 6;
/** The greatest stack; virtual, only what is used takes memory. */
const STACK_MAX = 2 ** 30;
const STACK_WHEN_UNLIMITED = 64 * 2 ** 20;
/** Room Linux wants beside the strings, and maps at once (setup_arg_pages). */
const STACK_SPARE = 128 * 1024;
const STACK_RANDOM_PAGES = 2 ** 22;
const MMAP_RANDOM_PAGES = 2 ** 28;
const BRK_RANDOM_PAGES = 2 ** 18;
const MMAP_GAP_MIN = 128 * 2 ** 20;
const MMAP_GAP_MAX = pageDown((TASK_SIZE / 6) * 5);

export interface LoadIds {
  readonly uid: number;
  readonly euid: number;
  readonly gid: number;
  readonly egid: number;
  readonly isSecure: boolean;
}

export interface LoadRequest extends StackStrings {
  /** What exec was called on, opened and found executable; the loader takes over the caller's reference. */
  readonly file: File;
  /** Opens a script's interpreter or the dynamic linker for execution (Linux: open_exec), with a reference for the loader. */
  openExecutable(path: string): File | number;
  /** The script cannot be opened by its name after exec, being an O_CLOEXEC descriptor's /dev/fd/N. */
  readonly isPathInaccessible: boolean;
  /** Who the program will run as; `executable` may be set-user-ID. */
  ids(executable: File): LoadIds;
  random(dst: Uint8Array, at: number, length: number): void;
  /** False with personality(2) ADDR_NO_RANDOMIZE. */
  readonly isRandomized: boolean;
  /** Soft RLIMIT_STACK, Infinity for none. */
  readonly stackLimit: number;
  /** Ranges of the host process that are not the guest's, the vDSO among them; they do not overlap. */
  readonly reserved: readonly { readonly start: number; readonly end: number }[];
  /** 0 for none. */
  readonly vdsoAddress: number;
  readonly hwcap: number;
  readonly hwcap2: number;
  readonly minSigStackSize: number;
}

/** A plan, which the caller ends with `releasePlan`, or the reason why there is none. */
export function loadProgram(request: LoadRequest): LoadPlan | LoadFailure {
  const { filename, envp } = request;
  // A program always has an argv[0] (Linux since 5.18).
  let argv = request.argv.length === 0 ? [''] : request.argv;
  let file = request.file;
  let path = filename;
  for (let depth = 0; depth < NESTING_MAX; depth++) {
    const tooBig = argumentsError({ argv, envp, filename }, request.stackLimit);
    if (tooBig !== 0) return fail(file, tooBig, `${argv.length} arguments, ${envp.length} variables`);
    const header = new Uint8Array(BINPRM_BUF_SIZE);
    const got = readUpTo(file, header, 0);
    if (got < 0) return fail(file, -got, `cannot read '${path}'`);
    if (hasElfMagic(header)) return loadElf(request, file, { argv, envp, filename }, header);
    if (!hasScriptMagic(header)) return fail(file, ENOEXEC, `no known format: '${path}'`);
    const line = parseScriptLine(header);
    if (line === null) return fail(file, ENOEXEC, `no interpreter in the first line of '${path}'`);
    if (request.isPathInaccessible) return fail(file, ENOENT, `'${path}' is gone after exec`);
    const prefix = line.argument === null ? [line.interpreter] : [line.interpreter, line.argument];
    argv = [...prefix, path, ...argv.slice(1)];
    path = line.interpreter;
    const next = request.openExecutable(path);
    if (typeof next === 'number') return fail(file, -next, `interpreter '${path}'`);
    file.unref();
    file = next;
  }
  return fail(file, ELOOP, `scripts nested too deep at '${path}'`);
}

function fail(file: File, errno: number, reason: string, isFatal = false): LoadFailure {
  file.unref();
  return new LoadFailure(errno, isFatal, reason);
}

/** Fills `dst` from `offset` as far as the file goes: the number of bytes or -errno. */
function readUpTo(file: File, dst: Uint8Array, offset: number): number {
  let done = 0;
  while (done < dst.length) {
    const n = file.read(dst, done, dst.length - done, offset + done);
    if (n < 0) return n;
    if (n === 0) break;
    done += n;
  }
  return done;
}

interface Headers {
  readonly header: ElfHeader;
  readonly programs: readonly ProgramHeader[];
}

/** Both headers of an ELF file, or `bad`, the errno for those that make no sense; positive. */
function readHeaders(file: File, start: Uint8Array, bad: number): Headers | number {
  const header = parseElfHeader(start);
  if (header === null) return bad;
  const bytes = new Uint8Array(header.programHeaderCount * PROGRAM_HEADER_SIZE);
  const at = header.programHeadersOffset;
  if (at > Number.MAX_SAFE_INTEGER - bytes.length || readUpTo(file, bytes, at) !== bytes.length) return bad;
  return { header, programs: parseProgramHeaders(bytes) };
}

/** The name in PT_INTERP, null when there is none, or a positive errno. */
function interpreterName(file: File, programs: readonly ProgramHeader[]): string | number | null {
  const program = programs.find((h) => h.type === PT_INTERP);
  if (program === undefined) return null;
  if (program.filesz < 2 || program.filesz > PATH_MAX || program.offset > Number.MAX_SAFE_INTEGER) return ENOEXEC;
  const bytes = new Uint8Array(program.filesz);
  const got = readUpTo(file, bytes, program.offset);
  if (got !== bytes.length) return got < 0 ? -got : EIO;
  if (bytes[bytes.length - 1] !== 0) return ENOEXEC;
  return String.fromCharCode(...bytes.subarray(0, bytes.indexOf(0)));
}

interface Interpreter {
  readonly file: File;
  readonly headers: Headers;
}

/** Opens the dynamic linker and reads its headers, or gives a positive errno. */
function openInterpreter(request: LoadRequest, name: string): Interpreter | number {
  const file = request.openExecutable(name);
  if (typeof file === 'number') return -file;
  const start = new Uint8Array(ELF_HEADER_SIZE);
  const got = readUpTo(file, start, 0);
  const headers = got < 0 ? -got : got < start.length ? EIO : readHeaders(file, start, ELIBBAD);
  if (typeof headers !== 'number') return { file, headers };
  file.unref();
  return headers;
}

function loadElf(request: LoadRequest, file: File, strings: StackStrings, start: Uint8Array): LoadPlan | LoadFailure {
  const headers = readHeaders(file, start, ENOEXEC);
  if (typeof headers === 'number') return fail(file, headers, `bad ELF header in '${strings.filename}'`);
  const name = interpreterName(file, headers.programs);
  if (typeof name === 'number') return fail(file, name, `bad PT_INTERP in '${strings.filename}'`);
  const interpreter = name === null ? null : openInterpreter(request, name);
  if (typeof interpreter === 'number') return fail(file, interpreter, `dynamic linker '${name}'`);
  const plan = planProgram(request, file, strings, headers, interpreter);
  if (typeof plan !== 'number') return plan;
  interpreter?.file.unref();
  return fail(file, plan, `segments of '${strings.filename}' or its dynamic linker`, true);
}

/** An integer in [0, count), evenly distributed; `count` is a power of two up to 2^32. */
function randomBelow(request: LoadRequest, count: number): number {
  if (!request.isRandomized) return 0;
  const bytes = new Uint8Array(4);
  request.random(bytes, 0, 4);
  return new DataView(bytes.buffer).getUint32(0, true) % count;
}

function stackSize(limit: number): number {
  const wanted = limit === Infinity ? STACK_WHEN_UNLIMITED : Math.min(pageUp(limit), STACK_MAX);
  return Math.max(wanted, pageUp(Math.min(Math.max(limit / 4, STACK_SPARE), STACK_CONTENTS_MAX)) + STACK_SPARE + 32768);
}

/** Behind Linux's point of no return: a plan, or a positive errno. */
function planProgram(
  request: LoadRequest,
  file: File,
  strings: StackStrings,
  main: Headers,
  interpreter: Interpreter | null,
): LoadPlan | number {
  const taken = new VmaList();
  for (const { start, end } of request.reserved) {
    if (taken.overlaps(start, end)) return EINVAL;
    taken.insert(new Vma(start, end, 0, 0));
  }
  const size = stackSize(request.stackLimit);
  const stackTop = TASK_SIZE - randomBelow(request, STACK_RANDOM_PAGES) * PAGE_SIZE;
  // One page above stays free, and the guard gap below.
  const lowest = taken.gapTopDown(size, MMAP_MIN_ADDR, stackTop - PAGE_SIZE);
  if (lowest < 0) return ENOMEM;
  const stackEnd = lowest + size;
  taken.insert(new Vma(lowest, stackEnd, 0, VM_GROWSDOWN));

  const gap = Math.min(Math.max(pageUp(Math.min(request.stackLimit, TASK_SIZE)), MMAP_GAP_MIN), MMAP_GAP_MAX);
  const padding = STACK_RANDOM_PAGES * PAGE_SIZE + STACK_GUARD_GAP;
  const mmapBase = pageDown(
    Math.max(TASK_SIZE - gap - padding, TASK_SIZE / 6) - randomBelow(request, MMAP_RANDOM_PAGES) * PAGE_SIZE,
  );

  const dynBase = DYN_BASE + randomBelow(request, MMAP_RANDOM_PAGES) * PAGE_SIZE;
  const isSelfContained = interpreter === null;
  // A position-independent program without a dynamic linker may be one itself, so it keeps out of the programs' place.
  const wish = isSelfContained ? 0 : dynBase;
  const image = planImage(file, main.header, main.programs, { wish, ceiling: mmapBase }, taken);
  if (typeof image === 'number') return image;
  const linker =
    interpreter === null
      ? null
      : planImage(
          interpreter.file,
          interpreter.headers.header,
          interpreter.headers.programs,
          { wish: 0, ceiling: mmapBase },
          taken,
        );
  if (typeof linker === 'number') return linker;

  const isPie = main.header.type === ET_DYN;
  const brkFrom = isPie && isSelfContained ? DYN_BASE : pageUp(image.end);
  let brkStart = brkFrom + randomBelow(request, BRK_RANDOM_PAGES) * PAGE_SIZE;
  if (brkStart >= TASK_SIZE || taken.at(brkStart) !== undefined)
    brkStart = Math.min(pageUp(image.end), TASK_SIZE - PAGE_SIZE);

  const seed = new Uint8Array(16);
  request.random(seed, 0, seed.length);
  const ids = request.ids(file);
  const aux = {
    ...ids,
    vdso: request.vdsoAddress,
    minSigStackSize: request.minSigStackSize,
    hwcap: request.hwcap,
    hwcap2: request.hwcap2,
    phdr: image.phdr,
    phent: PROGRAM_HEADER_SIZE,
    phnum: main.header.programHeaderCount,
    base: linker === null ? 0 : linker.bias,
    entry: image.entry,
  };
  const stack = buildStack(stackEnd, strings, aux, randomBelow(request, 8192), seed);
  // The rest grows when it is used (mm/stack-growth.ts).
  const stackStart = Math.max(lowest, pageDown(stack.pointer) - STACK_SPARE);
  const stackFlag = main.programs.find((h) => h.type === PT_GNU_STACK)?.flags ?? 0;
  const stackMapping: PlannedMapping = {
    start: stackStart,
    end: stackEnd,
    prot: PROT_READ | PROT_WRITE | ((stackFlag & PF_X) !== 0 ? PROT_EXEC : 0),
    vmFlags: VM_GROWSDOWN | VM_NORESERVE,
    file: null,
    offset: 0,
    name: '[stack]',
  };
  return {
    executable: file,
    interpreter: interpreter === null ? null : interpreter.file,
    name: strings.filename.slice(strings.filename.lastIndexOf('/') + 1),
    mappings: [stackMapping, ...image.mappings, ...(linker === null ? [] : linker.mappings)],
    zeroFills: [...image.zeroFills, ...(linker === null ? [] : linker.zeroFills)],
    entry: linker === null ? image.entry : linker.entry,
    stackPointer: stack.pointer,
    stackBytes: stack.bytes,
    stackStart,
    stackEnd,
    brkStart,
    mmapBase,
    startCode: image.startCode,
    endCode: image.endCode,
    startData: image.startData,
    endData: image.endData,
    argStart: stack.argStart,
    argEnd: stack.argEnd,
    envStart: stack.envStart,
    envEnd: stack.envEnd,
    auxv: stack.auxv,
  };
}
