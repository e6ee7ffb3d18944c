/** Pieces that JSON schemas of the OCI runtime specification are made of. Field names and ranges are the specification's. */

/** A JSON schema, draft 7: plain data. */
export type Schema = Readonly<Record<string, unknown>>;

export const boolean: Schema = { type: 'boolean' };
export const string: Schema = { type: 'string' };
export const uint16: Schema = { type: 'integer', minimum: 0, maximum: 0xffff };
export const uint32: Schema = { type: 'integer', minimum: 0, maximum: 0xffffffff };
export const int32: Schema = { type: 'integer', minimum: -0x80000000, maximum: 0x7fffffff };
/** The bounds as JavaScript reads them: the greatest numbers of 64 bits are rounded up. */
export const uint64: Schema = { type: 'integer', minimum: 0, maximum: 2 ** 64 };
export const int64: Schema = { type: 'integer', minimum: -(2 ** 63), maximum: 2 ** 63 };
/** A limit: signed, but some write "none" as the greatest unsigned number. */
export const limit: Schema = { type: 'integer', minimum: -1, maximum: 2 ** 64 };

export function oneOf(...values: readonly string[]): Schema {
  return { type: 'string', enum: values };
}

export function matching(pattern: string): Schema {
  return { type: 'string', pattern };
}

export function list(items: Schema): Schema {
  return { type: 'array', items };
}

/** An object whose names are free. */
export function map(values: Schema): Schema {
  return { type: 'object', additionalProperties: values };
}

/** An object with at least the fields named in `required`; what it has beside its own is left to later versions of the specification. */
export function object(properties: Readonly<Record<string, Schema>>, ...required: readonly string[]): Schema {
  return { type: 'object', properties, required };
}

/** What several places have in common: compiled once. */
export function shared(name: string): Schema {
  return { $ref: `#/definitions/${name}` };
}
