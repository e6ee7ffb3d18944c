/** Reads the fields of a parsed JSON document with their types; what is wrong is said with the field's path. */

export class ConfigError extends Error {}

/** JSON.parse, but for whole numbers that a JavaScript number cannot keep: they are bigints. */
export function parseJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_name: string, value: unknown, context?: { readonly source?: string }) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || Number.isSafeInteger(value)) return value;
    const source = context?.source ?? '';
    return /^-?\d+$/.test(source) ? BigInt(source) : value;
  });
}

export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #document: string;
  /** What comes before a field's name: "process.". */
  readonly #prefix: string;

  /** @param path of the object in its document, "" for the document itself */
  constructor(value: unknown, path: string, document: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new ConfigError(`${document}: ${path === '' ? 'it' : path} is not an object`);
    }
    this.#values = { ...value };
    this.#document = document;
    this.#prefix = path === '' ? '' : `${path}.`;
  }

  #wrong(name: string, what: string): never {
    throw new ConfigError(`${this.#document}: ${this.#prefix}${name} ${what}`);
  }

  /** Of the fields that are there. */
  get names(): string[] {
    return Object.keys(this.#values).filter((name) => this.has(name));
  }

  /** Go's encoders write null for what is not there. */
  has(name: string): boolean {
    return this.#values[name] !== undefined && this.#values[name] !== null;
  }

  string(name: string): string | undefined {
    const value = this.#values[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') this.#wrong(name, 'is not a string');
    if (value.includes('\0')) this.#wrong(name, 'has a NUL in it');
    return value;
  }

  needString(name: string): string {
    const value = this.string(name);
    return value === undefined || value === '' ? this.#wrong(name, 'is missing or empty') : value;
  }

  absolutePath(name: string): string {
    const value = this.needString(name);
    return value.startsWith('/') ? value : this.#wrong(name, `is not an absolute path: ${value}`);
  }

  boolean(name: string): boolean {
    const value = this.#values[name];
    if (value === undefined || value === null) return false;
    return typeof value === 'boolean' ? value : this.#wrong(name, 'is not true or false');
  }

  /** A whole number from 0 to `max`. */
  number(name: string, max: number): number | undefined {
    return this.integer(name, 0, max);
  }

  /** A whole number from `min` to `max`. */
  integer(name: string, min: number, max: number): number | undefined {
    const given = this.#values[name];
    if (given === undefined || given === null) return undefined;
    const value = typeof given === 'bigint' ? Number(given) : given;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      return this.#wrong(name, `is not a whole number from ${min} to ${max}`);
    }
    return value;
  }

  /** A whole number from 0 to 2^64 - 1, exactly. */
  unsigned64(name: string): bigint | undefined {
    const value = this.#values[name];
    if (value === undefined || value === null) return undefined;
    const isWhole = typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
    const exact = isWhole ? BigInt(value) : -1n;
    return exact >= 0n && exact < 2n ** 64n ? exact : this.#wrong(name, 'is not a whole number of 64 bits');
  }

  strings(name: string): string[] {
    return this.#list(name).map((value, i) => {
      if (typeof value !== 'string') return this.#wrong(`${name}[${i}]`, 'is not a string');
      return value.includes('\0') ? this.#wrong(`${name}[${i}]`, 'has a NUL in it') : value;
    });
  }

  numbers(name: string, max: number): number[] {
    return this.#list(name).map((value, i) => {
      if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value;
      return this.#wrong(`${name}[${i}]`, `is not a whole number from 0 to ${max}`);
    });
  }

  /** An object of strings, such as annotations. */
  stringMap(name: string): Record<string, string> {
    const map: Record<string, string> = Object.create(null);
    const value = this.#values[name];
    if (value === undefined || value === null) return map;
    if (typeof value !== 'object' || Array.isArray(value)) return this.#wrong(name, 'is not an object');
    for (const [key, each] of Object.entries(value)) {
      if (typeof each !== 'string') return this.#wrong(`${name}[${JSON.stringify(key)}]`, 'is not a string');
      map[key] = each;
    }
    return map;
  }

  object(name: string): Fields | undefined {
    return this.has(name) ? this.#child(this.#values[name], name) : undefined;
  }

  objects(name: string): Fields[] {
    return this.#list(name).map((value, i) => this.#child(value, `${name}[${i}]`));
  }

  /** Refuses a value that has the right type and no meaning. */
  refuse(name: string, what: string): never {
    return this.#wrong(name, what);
  }

  #child(value: unknown, name: string): Fields {
    return new Fields(value, `${this.#prefix}${name}`, this.#document);
  }

  #list(name: string): readonly unknown[] {
    const value = this.#values[name];
    if (value === undefined || value === null) return [];
    return Array.isArray(value) ? value : this.#wrong(name, 'is not a list');
  }
}
