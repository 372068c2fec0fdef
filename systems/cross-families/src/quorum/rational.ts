/** Exact rationals on BigInt, always in lowest terms with a positive denominator. */

export interface Rational {
  readonly num: bigint;
  readonly den: bigint;
}

export const ZERO: Rational = { num: 0n, den: 1n };
export const ONE: Rational = { num: 1n, den: 1n };

export function rational(num: bigint, den = 1n): Rational {
  if (den < 0n) return rational(-num, -den);
  const divisor = gcd(num < 0n ? -num : num, den);
  return divisor === 1n ? { num, den } : { num: num / divisor, den: den / divisor };
}

/** The decimal that prints as this number: 0.1 is one tenth. @param value finite */
export function rationalFromNumber(value: number): Rational {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value));
  if (!match) throw new RangeError(`rationalFromNumber: expected a finite number, got ${value}`);
  const digits = BigInt(match[2]! + (match[3] ?? ''));
  const exponent = Number(match[4] ?? 0) - (match[3]?.length ?? 0);
  const signed = match[1] ? -digits : digits;
  return exponent >= 0 ? rational(signed * 10n ** BigInt(exponent)) : rational(signed, 10n ** BigInt(-exponent));
}

export function add(a: Rational, b: Rational): Rational {
  if (a.den === b.den) return rational(a.num + b.num, a.den);
  return rational(a.num * b.den + b.num * a.den, a.den * b.den);
}

export function subtract(a: Rational, b: Rational): Rational {
  return add(a, { num: -b.num, den: b.den });
}

export function multiply(a: Rational, b: Rational): Rational {
  return rational(a.num * b.num, a.den * b.den);
}

export function divide(a: Rational, b: Rational): Rational {
  return rational(a.num * b.den, a.den * b.num);
}

/** Negative, zero or positive as a − b. */
export function compare(a: Rational, b: Rational): number {
  const difference = a.num * b.den - b.num * a.den;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** Nearest double; exact to the last place for numerators and denominators of any length. */
export function toNumber(value: Rational): number {
  const { num, den } = value;
  const shift = Math.max(num.toString(2).length, den.toString(2).length) - 1000;
  if (shift <= 0) return Number(num) / Number(den);
  return Number(num >> BigInt(shift)) / Number(den >> BigInt(shift));
}

export function formatRational({ num, den }: Rational): string {
  return den === 1n ? String(num) : `${num}/${den}`;
}

/** Least common multiple of the denominators. */
export function commonDenominator(values: Iterable<Rational>): bigint {
  let lcm = 1n;
  for (const { den } of values) lcm = (lcm / gcd(lcm, den)) * den;
  return lcm;
}

function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x === 0n ? 1n : x;
}
