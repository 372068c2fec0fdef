/** Exact solutions of integer linear systems by p-adic lifting (Dixon): one inverse modulo a prime, then cheap digits,
 *  then rational reconstruction, checked by substitution. Turns a floating simplex basis into an exact vertex. */
import { rational } from './rational.ts';
import type { Rational } from './rational.ts';

/** Primes below 2^26, so that products of residues stay exact in doubles. */
const PRIMES = [67108859, 67108837, 67108819];
const MAX_DIGITS = 2000;

/** Solves A x = b. @param matrix [n, n] integers, rows @returns x, or undefined if A is singular modulo all primes */
export function solveExactly(matrix: readonly (readonly bigint[])[], right: readonly bigint[]): Rational[] | undefined {
  if (matrix.length === 0) return [];
  for (const prime of PRIMES) {
    const inverse = invertModulo(matrix, prime);
    if (inverse) return lift(matrix, right, inverse, prime);
  }
  return undefined;
}

function lift(
  matrix: readonly (readonly bigint[])[],
  right: readonly bigint[],
  inverse: readonly Float64Array[],
  prime: number,
): Rational[] | undefined {
  const n = matrix.length;
  const p = BigInt(prime);
  const sparse = matrix.map((row) => row.flatMap((value, column) => (value === 0n ? [] : [{ value, column }])));
  let residual = [...right];
  const digitsSoFar = Array<bigint>(n).fill(0n);
  let power = 1n;
  let nextTry = 2;
  for (let digit = 1; digit <= MAX_DIGITS; digit++) {
    const reduced = Float64Array.from(residual, (value) => Number(((value % p) + p) % p));
    const x = inverse.map((row) => {
      let sum = 0;
      for (let column = 0; column < n; column++) sum = (sum + row[column]! * reduced[column]!) % prime;
      return BigInt(sum);
    });
    for (let i = 0; i < n; i++) digitsSoFar[i]! += x[i]! * power;
    power *= p;
    residual = residual.map((value, i) => {
      let rest = value;
      for (const { value: a, column } of sparse[i]!) rest -= a * x[column]!;
      return rest / p;
    });
    const isDone = residual.every((value) => value === 0n);
    if (digit < nextTry && !isDone) continue;
    nextTry = Math.ceil(nextTry * 1.5);
    const solution = reconstruct(digitsSoFar, power);
    if (solution && fulfils(sparse, solution, right)) return solution;
  }
  return undefined;
}

/** x ≡ num/den modulo m with |num|, den ≤ √(m/2), by the half-extended Euclidean algorithm. */
function reconstruct(residues: readonly bigint[], modulus: bigint): Rational[] | undefined {
  const bound = squareRoot(modulus / 2n);
  const solution: Rational[] = [];
  for (const residue of residues) {
    let [r0, r1] = [modulus, residue % modulus];
    let [t0, t1] = [0n, 1n];
    while (r1 > bound) {
      const quotient = r0 / r1;
      [r0, r1] = [r1, r0 - quotient * r1];
      [t0, t1] = [t1, t0 - quotient * t1];
    }
    if (t1 === 0n || (t1 < 0n ? -t1 : t1) > bound) return undefined;
    solution.push(rational(r1, t1));
  }
  return solution;
}

function fulfils(
  sparse: readonly (readonly { readonly value: bigint; readonly column: number }[])[],
  solution: readonly Rational[],
  right: readonly bigint[],
): boolean {
  let lcm = 1n;
  for (const { den } of solution) if (lcm % den !== 0n) lcm = (lcm / greatestCommon(lcm, den)) * den;
  const scaled = solution.map(({ num, den }) => num * (lcm / den));
  return sparse.every((row, i) => {
    let sum = 0n;
    for (const { value, column } of row) sum += value * scaled[column]!;
    return sum === right[i]! * lcm;
  });
}

function greatestCommon(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

function squareRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let x = 1n << BigInt((value.toString(2).length + 1) >> 1);
  for (;;) {
    const y = (x + value / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}

function invertModulo(matrix: readonly (readonly bigint[])[], prime: number): Float64Array[] | undefined {
  const n = matrix.length;
  const p = BigInt(prime);
  const rows = matrix.map((row, i) => {
    const wide = new Float64Array(2 * n);
    for (let column = 0; column < n; column++) wide[column] = Number(((row[column]! % p) + p) % p);
    wide[n + i] = 1;
    return wide;
  });
  for (let column = 0; column < n; column++) {
    const pivot = rows.findIndex((row, i) => i >= column && row[column] !== 0);
    if (pivot < 0) return undefined;
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    const lead = rows[column]!;
    const factor = inverseModulo(lead[column]!, prime);
    for (let c = column; c < 2 * n; c++) lead[c] = (lead[c]! * factor) % prime;
    for (let i = 0; i < n; i++) {
      const row = rows[i]!;
      const multiple = row[column]!;
      if (i === column || multiple === 0) continue;
      const negative = prime - multiple;
      for (let c = column; c < 2 * n; c++) if (lead[c] !== 0) row[c] = (row[c]! + negative * lead[c]!) % prime;
    }
  }
  return rows.map((row) => row.slice(n));
}

function inverseModulo(value: number, prime: number): number {
  let [r0, r1] = [prime, value];
  let [t0, t1] = [0, 1];
  while (r1 !== 0) {
    const quotient = Math.floor(r0 / r1);
    [r0, r1] = [r1, r0 - quotient * r1];
    [t0, t1] = [t1, t0 - quotient * t1];
  }
  return t0 < 0 ? t0 + prime : t0;
}
