/** Compiles the schema of OCI configurations to the modules that `#oci-schema` and `#oci-schema-errors` are, with their types beside them. */
import { Ajv } from 'ajv';
import standaloneCode from 'ajv/dist/standalone/index.js';
import { configSchema } from '../src/runtime/schema/config-schema.ts';
import { processSchema } from '../src/runtime/schema/process-schema.ts';
import { resourcesSchema } from '../src/runtime/schema/resources-schema.ts';

/** What the modules export, by the schema's $id. */
const EXPORTS = { isConfig: 'config', isProcess: 'process', isResources: 'resources' };
/** An error as ajv writes it: no string of the schema has a semicolon. */
const ERROR = /(validate\d+\.errors ?= ?)\[\{instancePath[^;]*?\}\];/g;

/** The whole check: what is wrong stands in `errors`. */
export function compileSchema(): string {
  const schemas = [configSchema, processSchema, resourcesSchema];
  const ajv = new Ajv({ schemas, messages: false, code: { source: true, esm: true } });
  return standaloneCode.default(ajv, EXPORTS);
}

/** The same without saying what is wrong: a quarter of the code, for every start of a container loads it. */
export function withoutErrors(code: string): string {
  const short = code.replace(ERROR, '$1wrong;');
  if (short.includes('keyword:')) throw new Error('ajv writes errors in another way');
  return `const wrong = [0];${short}`;
}

export const SCHEMA_TYPES = `export interface SchemaError {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
}
export interface Check {
  (value: unknown): boolean;
  readonly errors?: readonly SchemaError[] | null;
}
${Object.keys(EXPORTS)
  .map((name) => `export const ${name}: Check;\n`)
  .join('')}`;
