/** Checks a configuration, or a piece of one, against the JSON schema, which the build has compiled; what is wrong is said with its field. */
import type { Check, SchemaError } from '#oci-schema-errors';
import { ConfigError } from '../wire/json-fields.ts';

const WRONG_TYPE: Readonly<Record<string, string>> = {
  array: 'is not a list',
  boolean: 'is not true or false',
  integer: 'is not a whole number',
  object: 'is not an object',
  string: 'is not a string',
};

/** "/mounts/0/destination" (RFC 6901) as people write it: mounts[0].destination. */
function fieldOf(pointer: string): string {
  let field = '';
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (/^\d+$/.test(name)) field += `[${name}]`;
    else if (/^[A-Za-z_]\w*$/.test(name)) field += field === '' ? name : `.${name}`;
    else field += `[${JSON.stringify(name)}]`;
  }
  return field;
}

function explain({ instancePath, keyword, params }: SchemaError): string {
  const field = fieldOf(instancePath);
  switch (keyword) {
    case 'type':
      return `${field === '' ? 'it' : field} ${WRONG_TYPE[String(params.type)] ?? `is not of type ${params.type}`}`;
    case 'required':
      return `${field === '' ? '' : `${field}.`}${params.missingProperty} is missing`;
    case 'minimum':
      return `${field} is below ${params.limit}`;
    case 'maximum':
      return `${field} is above ${params.limit}`;
    case 'minItems':
      return `${field} is empty`;
    case 'enum':
      return `${field} is none of ${Array.isArray(params.allowedValues) ? params.allowedValues.join(', ') : ''}`;
    default:
      return `${field} does not match ${params.pattern}`;
  }
}

/** Go's encoders write null for what is not there, and bigints are unknown to the schema. */
export function withoutNulls(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, each]) => each !== null);
  return Object.fromEntries(kept.map(([name, each]) => [name, withoutNulls(each)]));
}

/** Which check of the schema: what modules of it export. */
type Name = 'isConfig' | 'isProcess' | 'isResources';

/** The module that can say what is wrong is a large one, loaded only when something is. */
async function need(name: Name, value: unknown, document: string): Promise<void> {
  const given = withoutNulls(value);
  if ((await import('#oci-schema'))[name](given)) return;
  const check: Check = (await import('#oci-schema-errors'))[name];
  const [error] = check(given) ? [] : (check.errors ?? []);
  throw new ConfigError(`${document}: ${error === undefined ? 'it does not match the schema' : explain(error)}`);
}

/** @param document how it is called in messages */
export function checkConfig(value: unknown, document: string): Promise<void> {
  return need('isConfig', value, document);
}

/** A process object, for `exec`. */
export function checkProcess(value: unknown, document: string): Promise<void> {
  return need('isProcess', value, document);
}

/** A resources object, for `update`. */
export function checkResources(value: unknown, document: string): Promise<void> {
  return need('isResources', value, document);
}
