/** Results as plain JSON: BigInt as decimal strings, typed arrays as arrays, Map and Set as arrays,
 *  non-finite numbers as the strings "NaN", "Infinity", "-Infinity" (JSON has no word for them). */
import { TenfoldError } from '../base/index.ts';

export type PlainJson = null | boolean | number | string | readonly PlainJson[] | { readonly [key: string]: PlainJson };

/** Converts a value to plain JSON; undefined fields are dropped.
 *  Cost: O(size). Mutates: nothing. @throws TypeError on a cycle */
export function plainJsonFrom(value: unknown): PlainJson {
  return convert(value, new Set());
}

function convert(value: unknown, ancestors: Set<object>): PlainJson {
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value !== 'object') return String(value);
  if (value instanceof TenfoldError) return convert(value.toJSON(), ancestors);
  if (value instanceof Error) return { message: value.message };
  if (value instanceof Date) return value.toISOString();
  if (ancestors.has(value)) throw new TypeError('plainJsonFrom: the value contains itself');
  ancestors.add(value);
  const converted = convertObject(value, ancestors);
  ancestors.delete(value);
  return converted;
}

function convertObject(value: object, ancestors: Set<object>): PlainJson {
  if (Array.isArray(value)) return value.map((item) => convert(item, ancestors));
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return Array.from(value as unknown as ArrayLike<number | bigint>, (item) => convert(item, ancestors));
  }
  if (value instanceof Map) return [...value].map((entry) => convert(entry, ancestors));
  if (value instanceof Set) return [...value].map((item) => convert(item, ancestors));
  const object: Record<string, PlainJson> = {};
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined && typeof item !== 'function') object[key] = convert(item, ancestors);
  }
  return object;
}
