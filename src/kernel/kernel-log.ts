/**
 * The kernel's message log: what dmesg, syslog(2) and /dev/kmsg show (Linux: kernel/printk).
 *
 * It is the sandbox's own: nothing of the host's log is in it. Old records give way when the ring is full.
 */
export const LOG_EMERG = 0;
export const LOG_ERR = 3;
export const LOG_WARNING = 4;
export const LOG_NOTICE = 5;
export const LOG_INFO = 6;
export const LOG_DEBUG = 7;

export interface LogRecord {
  readonly sequence: number;
  readonly level: number;
  /** Since boot, ns. */
  readonly atNs: number;
  /** One line without its end, a binary string. */
  readonly text: string;
}

const MAX_LINE = 1000;

export class KernelLog {
  readonly #capacity: number;
  #records: LogRecord[] = [];
  #bytes = 0;
  #next = 0;
  #clearedUpTo = 0;
  #readUpTo = 0;

  /** @param capacity bytes of formatted text kept, as SYSLOG_ACTION_SIZE_BUFFER tells */
  constructor(capacity = 65536) {
    this.#capacity = capacity;
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** The records that are still there, oldest first. */
  get records(): readonly LogRecord[] {
    return this.#records;
  }

  /** Appends a message; each of its lines becomes a record. `atNs` counts from boot. */
  log(text: string, atNs = 0, level: number = LOG_INFO): void {
    for (const line of text.split('\n')) {
      const record = { sequence: this.#next++, level, atNs, text: line.slice(0, MAX_LINE) };
      this.#records.push(record);
      this.#bytes += formatRecord(record).length;
    }
    let drop = 0;
    while (this.#bytes > this.#capacity && drop < this.#records.length - 1) {
      this.#bytes -= formatRecord(this.#records[drop]).length;
      drop += 1;
    }
    if (drop > 0) this.#records = this.#records.slice(drop);
  }

  /** The last whole records that fit `max` bytes since the last clear (SYSLOG_ACTION_READ_ALL). */
  readAll(max: number): string {
    let size = 0;
    let from = this.#records.length;
    while (from > 0) {
      const record = this.#records[from - 1];
      const length = formatRecord(record).length;
      if (record.sequence < this.#clearedUpTo || size + length > max) break;
      size += length;
      from -= 1;
    }
    return this.#records.slice(from).map(formatRecord).join('');
  }

  /** Later calls of `readAll` begin here (SYSLOG_ACTION_CLEAR). */
  clear(): void {
    this.#clearedUpTo = this.#next;
  }

  /** Takes unread records that fit `max` bytes (SYSLOG_ACTION_READ); '' when there is none. */
  readUnread(max: number): string {
    let out = '';
    for (const record of this.#records) {
      if (record.sequence < this.#readUpTo) continue;
      const line = formatRecord(record);
      if (out.length + line.length > max) break;
      out += line;
      this.#readUpTo = record.sequence + 1;
    }
    return out;
  }

  /** Bytes that `readUnread` would give (SYSLOG_ACTION_SIZE_UNREAD). */
  unreadSize(): number {
    let size = 0;
    for (const record of this.#records) if (record.sequence >= this.#readUpTo) size += formatRecord(record).length;
    return size;
  }
}

/** "<6>[    0.000000] text\n", as syslog(2) gives it. */
export function formatRecord(record: LogRecord): string {
  const seconds = Math.floor(record.atNs / 1e9);
  const micros = Math.floor((record.atNs % 1e9) / 1e3);
  const stamp = `${String(seconds).padStart(5)}.${String(micros).padStart(6, '0')}`;
  return `<${record.level}>[${stamp}] ${record.text}\n`;
}
