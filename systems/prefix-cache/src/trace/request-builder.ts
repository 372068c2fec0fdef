/** Building blocks that the readers share: checked numbers, sorted requests, token arrays. */
import { prefixError } from '../prefix-errors.ts';
import type { Trace, TraceRequest } from '../types.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** @throws TF-PREFIX-003 naming the field and the line */
export function numberField(value: Fields, field: string, location: string, least = 0): number {
  const number = value[field];
  if (typeof number === 'number' && Number.isFinite(number) && number >= least) return number;
  throw malformed(`${field} to be a number of at least ${least}`, number, location);
}

/** Token ids as non-negative integers.
 *  @throws TF-PREFIX-003 naming the field, the position and the line */
export function tokensField(value: Fields, field: string, location: string): Int32Array {
  const list = value[field];
  if (!Array.isArray(list)) throw malformed(`${field} to be a list of token ids`, list, location);
  const tokens = new Int32Array(list.length);
  for (let i = 0; i < list.length; i++) {
    const token: unknown = list[i];
    if (!Number.isInteger(token) || (token as number) < 0 || (token as number) > 0x7fffffff)
      throw malformed(`${field}[${i}] to be a token id`, token, location);
    tokens[i] = token as number;
  }
  return tokens;
}

export function malformed(expected: string, actual: unknown, location: string): Error {
  return prefixError('TF-PREFIX-003', {
    subject: 'openTrace',
    expected,
    actual: shown(actual),
    location,
  });
}

const MAX_SHOWN = 80;

function shown(actual: unknown): string {
  const text = typeof actual === 'string' ? actual : (JSON.stringify(actual) ?? 'nothing');
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** Requests in order of time (stable). */
export function createTrace(trace: Omit<Trace, 'requests'>, requests: readonly TraceRequest[]): Trace {
  return { ...trace, requests: [...requests].sort((a, b) => a.timeSec - b.timeSec) };
}

/** A trace whose lines should stand in order of time: counts those that do not, and sorts them. */
export function createTimedTrace(trace: Omit<Trace, 'requests'>, requests: readonly TraceRequest[]): Trace {
  let [latestSec, numReordered] = [-Infinity, 0];
  for (const { timeSec } of requests) {
    if (timeSec < latestSec) numReordered++;
    else latestSec = timeSec;
  }
  return createTrace({ ...trace, numReordered }, requests);
}

/** Input followed by output, as the cache sees it after the answer. */
export function sequenceOf({ input, output }: TraceRequest): Int32Array {
  const sequence = new Int32Array(input.length + output.length);
  sequence.set(input);
  sequence.set(output, input.length);
  return sequence;
}
