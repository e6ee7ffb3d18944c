/**
 * ELF64 headers from bytes nobody vouches for (elf(5); System V ABI, AMD64 supplement).
 *
 * A length is proved first, then plain values are given. 64-bit fields become doubles, inexact from 2^53 on: whoever uses
 * them refuses anything beyond user space, where they are exact.
 */
export const ELF_HEADER_SIZE = 64;
export const PROGRAM_HEADER_SIZE = 56;
/** The kernel refuses a table of more bytes than this. */
export const PROGRAM_HEADERS_BYTES_MAX = 65536;

export const ET_EXEC = 2;
export const ET_DYN = 3;

export const PT_LOAD = 1;
export const PT_INTERP = 3;
export const PT_GNU_STACK = 0x6474_e551;

export const PF_X = 1;
export const PF_W = 2;
export const PF_R = 4;

const EM_X86_64 = 62;

export interface ElfHeader {
  readonly type: number;
  readonly entry: number;
  readonly programHeadersOffset: number;
  readonly programHeaderCount: number;
}

export interface ProgramHeader {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly vaddr: number;
  readonly filesz: number;
  readonly memsz: number;
  readonly align: number;
}

function u64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

export function hasElfMagic(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** The header of a 64-bit x86-64 executable or shared object with a sane program header table, or null. */
export function parseElfHeader(bytes: Uint8Array): ElfHeader | null {
  if (bytes.length < ELF_HEADER_SIZE || !hasElfMagic(bytes)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = view.getUint16(16, true);
  if ((type !== ET_EXEC && type !== ET_DYN) || view.getUint16(18, true) !== EM_X86_64) return null;
  const programHeaderCount = view.getUint16(56, true);
  if (view.getUint16(54, true) !== PROGRAM_HEADER_SIZE || programHeaderCount === 0) return null;
  if (programHeaderCount * PROGRAM_HEADER_SIZE > PROGRAM_HEADERS_BYTES_MAX) return null;
  return { type, entry: u64(view, 24), programHeadersOffset: u64(view, 32), programHeaderCount };
}

/** As many program headers as whole ones are in `bytes`. */
export function parseProgramHeaders(bytes: Uint8Array): ProgramHeader[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headers: ProgramHeader[] = [];
  for (let at = 0; at + PROGRAM_HEADER_SIZE <= bytes.length; at += PROGRAM_HEADER_SIZE) {
    headers.push({
      type: view.getUint32(at, true),
      flags: view.getUint32(at + 4, true),
      offset: u64(view, at + 8),
      vaddr: u64(view, at + 16),
      filesz: u64(view, at + 32),
      memsz: u64(view, at + 40),
      align: u64(view, at + 48),
    });
  }
  return headers;
}
