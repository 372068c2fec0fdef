/** Constants of the kernels, in both lanes, kept at the start of the memory: a load costs less than building a vector in a
 *  register. */
import { i32, v128, type Code } from '@tenfold/core/wasm';

export const POOL_BYTES = 4096;
const pool: bigint[] = [];

export const bitsOf = (value: number): bigint => new BigUint64Array(Float64Array.of(value).buffer)[0];

export const bothBits = (bits: bigint): Code<'v128'> => {
  const known = pool.indexOf(bits);
  const place = known < 0 ? pool.push(bits) - 1 : known;
  return v128.load(i32.const(0), 16 * place);
};

export const both = (value: number): Code<'v128'> => bothBits(bitsOf(value));

export const writePool = (buffer: ArrayBuffer): void => {
  new BigUint64Array(buffer, 0, POOL_BYTES / 8).set(pool.flatMap((bits) => [bits, bits]));
};
