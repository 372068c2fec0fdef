/** x ↦ x^e for millions of f32 numbers in 0 … 2: a table over the upper 20 bits and a straight line between two entries.
 *  The relative error is below 2⁻²²·|e (e − 1)| / 8, that is 6e-8 for e = 2. */

/** Sign, exponent and eleven bits of the mantissa stay. */
const SHIFT = 12;
const FRACTION_MASK = (1 << SHIFT) - 1;
const FRACTION_SCALE = 1 / (1 << SHIFT);
const TWO_BITS = 0x4000_0000;

/** Table of x^e for `powerOf`. */
export function createPowerTable(exponent: number): Float64Array {
  const words = new Uint32Array((TWO_BITS >>> SHIFT) + 2);
  for (let i = 0; i < words.length; i++) words[i] = i << SHIFT;
  const numbers = new Float32Array(words.buffer);
  const table = new Float64Array(numbers.length);
  for (let i = 0; i < table.length; i++) table[i] = numbers[i] ** exponent;
  return table;
}

/** @param bits  of an f32 number in 0 … 2 */
export function powerOf(table: Float64Array, bits: number): number {
  const low = table[bits >>> SHIFT];
  return low + (table[(bits >>> SHIFT) + 1] - low) * ((bits & FRACTION_MASK) * FRACTION_SCALE);
}
