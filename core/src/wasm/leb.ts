/** Whole numbers in LEB128: seven bits a byte, lowest first, the top bit set while more follow. */
import { wasmError } from './wasm-errors.ts';

/** @param value  whole, from 0 to 2³² − 1
 *  @throws TF-WASM-001 for any other number */
export function unsignedLeb(value: number): readonly number[] {
  if (value >>> 0 !== value) throw unfit('unsignedLeb', `a whole number from 0 to ${2 ** 32 - 1}`, value);
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

/** @param value  whole, from −2³¹ to 2³¹ − 1
 *  @throws TF-WASM-001 for any other number */
export function signedLeb(value: number): readonly number[] {
  if ((value | 0) !== value) throw unfit('signedLeb', `a whole number from ${-(2 ** 31)} to ${2 ** 31 - 1}`, value);
  const bytes: number[] = [];
  let rest = value;
  for (; rest < -64 || rest >= 64; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest & 0x7f];
}

function unfit(subject: string, expected: string, value: number): Error {
  return wasmError('TF-WASM-001', { subject, expected, actual: String(value) });
}
