/** What is typed into a form, and the params it stands for. The server checks again; this only reads text. */
import type { ParamSchema } from '@tenfold/ui';

export type Draft = Readonly<Record<string, string | boolean>>;

export type ParamControl =
  | { readonly kind: 'boolean' | 'number' | 'text' | 'list' | 'json' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'path'; readonly pathKind: 'file' | 'folder' | 'output' };

export function controlOf(schema: ParamSchema): ParamControl {
  if (schema.kind) return { kind: 'path', pathKind: schema.kind };
  if (schema.enum) return { kind: 'choice', choices: schema.enum.map(String) };
  switch (schema.type) {
    case 'boolean':
      return { kind: 'boolean' };
    case 'number':
    case 'integer':
      return { kind: 'number' };
    case 'string':
      return { kind: 'text' };
    case 'array':
      return isScalar(schema.items) ? { kind: 'list' } : { kind: 'json' };
    default:
      return isTextOrScalarUnion(schema) ? { kind: 'text' } : { kind: 'json' };
  }
}

function isScalar(schema: ParamSchema | undefined): boolean {
  return schema?.type === 'string' || schema?.type === 'number' || schema?.type === 'integer';
}

function isTextOrScalarUnion(schema: ParamSchema): boolean {
  const options = schema.anyOf ?? schema.oneOf ?? [];
  return options.length > 0 && options.every((option) => isScalar(option) || option.const !== undefined);
}

const UNITS: Readonly<Record<string, string>> = { gib: 'GiB', mib: 'MiB', gb: 'GB', gbit: 'Gbit/s' };

/** `maxSteps` → `Max steps`, `memoryGib` → `Memory in GiB`. */
export function labelOf(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/ (gib|mib|gb|gbit)$/, (_, unit: string) => ` in ${UNITS[unit]!}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Texts of the fields for given params; what is left out shows its default. */
export function draftFromParams(schema: ParamSchema, params: Readonly<Record<string, unknown>>): Draft {
  const draft: Record<string, string | boolean> = {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const value = params[name] ?? property.default;
    const control = controlOf(property);
    if (control.kind === 'boolean') draft[name] = value === true;
    else if (value === undefined || value === null) draft[name] = '';
    else if (control.kind === 'list' && Array.isArray(value)) draft[name] = value.join(',');
    else draft[name] = typeof value === 'object' ? JSON.stringify(value) : String(value);
  }
  return draft;
}

/** @returns params without the empty fields, and a message for each field that cannot be read */
export function paramsFromDraft(
  schema: ParamSchema,
  draft: Draft,
): { readonly params: Record<string, unknown>; readonly errors: Record<string, string> } {
  const params: Record<string, unknown> = {};
  const errors: Record<string, string> = {};
  const required = new Set(schema.required ?? []);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const value = draft[name] ?? '';
    if (typeof value === 'boolean') {
      if (value !== (property.default ?? false)) params[name] = value;
      continue;
    }
    const text = value.trim();
    if (text === '') {
      if (required.has(name)) errors[name] = 'This one is needed.';
      continue;
    }
    const read = valueFromText(property, text);
    if ('error' in read) errors[name] = read.error;
    else params[name] = read.value;
  }
  return { params, errors };
}

function valueFromText(schema: ParamSchema, text: string): { readonly value: unknown } | { readonly error: string } {
  const control = controlOf(schema);
  if (control.kind === 'number') return numberFromText(schema, text);
  if (control.kind === 'json') {
    try {
      return { value: JSON.parse(text) as unknown };
    } catch (error) {
      return { error: `Write JSON: ${(error as Error).message}.` };
    }
  }
  if (control.kind === 'path' && schema.type === 'array') return { value: text.split(',').map((part) => part.trim()) };
  if (control.kind === 'list') {
    const items = schema.items!;
    const values = text.split(',').map((part) => part.trim());
    if (items.type === 'string') return { value: values };
    const numbers = values.map((part) => numberFromText(items, part));
    const wrong = numbers.find((number) => 'error' in number);
    return wrong ?? { value: numbers.map((number) => (number as { value: unknown }).value) };
  }
  if (control.kind === 'choice') return { value: schema.enum!.find((choice) => String(choice) === text) ?? text };
  if (control.kind === 'text' && schema.type === undefined) {
    const number = Number(text);
    const takesNumbers = (schema.anyOf ?? schema.oneOf ?? []).some(
      (option) => option.type === 'number' || option.type === 'integer',
    );
    return { value: takesNumbers && !Number.isNaN(number) ? number : text };
  }
  return { value: text };
}

function numberFromText(schema: ParamSchema, text: string): { readonly value: number } | { readonly error: string } {
  const value = Number(text.replaceAll('_', ''));
  const what = schema.type === 'integer' ? 'a whole number' : 'a number';
  if (text === '' || Number.isNaN(value) || (schema.type === 'integer' && !Number.isInteger(value)))
    return { error: `Write ${what}.` };
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  if (minimum !== undefined && value < minimum) return { error: `Write ${what} of at least ${minimum}.` };
  if (maximum !== undefined && value > maximum) return { error: `Write ${what} of at most ${maximum}.` };
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum)
    return { error: `Write ${what} above ${exclusiveMinimum}.` };
  if (exclusiveMaximum !== undefined && value >= exclusiveMaximum)
    return { error: `Write ${what} below ${exclusiveMaximum}.` };
  return { value };
}
