/** Params of a verb as fields that a command line and a form can show.
 *  One source: the verb's zod schema, seen through its JSON schema. */
import { z } from 'zod';
import type { VerbManifest } from './types.ts';

export type JsonSchema = { readonly [key: string]: unknown };

export type ParamType = 'string' | 'number' | 'integer' | 'bigint' | 'boolean' | 'array' | 'object' | 'union';

export interface ParamField {
  /** Key in the params object: `maxSteps`. */
  readonly name: string;
  /** Option on the command line, without dashes: `max-steps`. */
  readonly flag: string;
  readonly description: string;
  readonly type: ParamType;
  /** Type of the elements of an array. */
  readonly itemType: ParamType | undefined;
  readonly choices: readonly string[] | undefined;
  readonly defaultValue: unknown;
  readonly isRequired: boolean;
  readonly isPositional: boolean;
  readonly pathKind: 'file' | 'folder' | 'output' | undefined;
}

/** Params that every verb with `writesFiles` has; spread into its schema to read them with their types. */
export const outputParams = {
  dryRun: z.boolean().default(false).describe('say which files would be written, write none'),
  force: z.boolean().default(false).describe('overwrite files that exist'),
};

/** Schema of a verb's params, with `dryRun` and `force` added to verbs that write files. */
export function paramsSchemaOf(verb: VerbManifest): z.ZodObject {
  if (!verb.writesFiles) return verb.params;
  const missing = Object.entries(outputParams).filter(([name]) => !(name in verb.params.shape));
  return missing.length === 0 ? verb.params : verb.params.safeExtend(Object.fromEntries(missing));
}

/** JSON schema (draft 2020-12) of the params as a caller writes them; BigInt is a decimal string. */
export function jsonSchemaOf(verb: VerbManifest): JsonSchema {
  return z.toJSONSchema(paramsSchemaOf(verb), {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type !== 'bigint') return;
      jsonSchema.type = 'string';
      jsonSchema.format = 'bigint';
      jsonSchema.pattern = '^-?[0-9]+$';
      if (typeof jsonSchema.default === 'bigint') jsonSchema.default = String(jsonSchema.default) as never;
    },
  }) as JsonSchema;
}

/** Fields of a verb in the order of its schema. */
export function paramFieldsOf(verb: VerbManifest): ParamField[] {
  const schema = jsonSchemaOf(verb);
  const properties = (schema['properties'] ?? {}) as Record<string, JsonSchema>;
  const required = new Set((schema['required'] ?? []) as string[]);
  return Object.entries(properties).map(([name, property]) => ({
    name,
    flag: flagFromName(name),
    description: typeof property['description'] === 'string' ? property['description'] : '',
    type: typeOf(property),
    itemType: property['items'] === undefined ? undefined : typeOf(property['items'] as JsonSchema),
    choices: (property['enum'] as unknown[] | undefined)?.map(String),
    defaultValue: property['default'],
    isRequired: required.has(name),
    isPositional: property['positional'] === true,
    pathKind: pathKindOf(property['kind']),
  }));
}

/** `maxSteps` → `max-steps`. */
export function flagFromName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** What a caller may write, as a noun phrase: `a whole number`, `one of a, b`. */
export function describeParamType(field: Pick<ParamField, 'type' | 'itemType' | 'choices'>): string {
  if (field.choices) return `one of ${field.choices.join(', ')}`;
  const words: Record<ParamType, string> = {
    string: 'a text',
    number: 'a number',
    integer: 'a whole number',
    bigint: 'a whole number',
    boolean: 'true or false',
    array: `a list (a,b,c)${field.itemType && field.itemType !== 'string' ? ` of ${field.itemType}s` : ''}`,
    object: 'a JSON object',
    union: 'a value',
  };
  return words[field.type];
}

function typeOf(schema: JsonSchema): ParamType {
  const type = schema['type'];
  if (type === 'string') return schema['format'] === 'bigint' ? 'bigint' : 'string';
  if (type === 'number' || type === 'integer' || type === 'boolean' || type === 'array' || type === 'object')
    return type;
  return 'union';
}

function pathKindOf(kind: unknown): ParamField['pathKind'] {
  return kind === 'file' || kind === 'folder' || kind === 'output' ? kind : undefined;
}
