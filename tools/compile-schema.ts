/** Compiles the schema of OCI configurations to the module that `#oci-schema` is, with its types beside it. */
import { Ajv } from 'ajv';
import standaloneCode from 'ajv/dist/standalone/index.js';
import { configSchema } from '../src/runtime/schema/config-schema.ts';
import { processSchema } from '../src/runtime/schema/process-schema.ts';
import { resourcesSchema } from '../src/runtime/schema/resources-schema.ts';

/** What the module exports, by the schema's $id. */
const EXPORTS = { isConfig: 'config', isProcess: 'process', isResources: 'resources' };

export function compileSchema(): string {
  const ajv = new Ajv({ schemas: [configSchema, processSchema, resourcesSchema], code: { source: true, esm: true } });
  return standaloneCode.default(ajv, EXPORTS);
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
