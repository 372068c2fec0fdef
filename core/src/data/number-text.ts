/** Numbers as text that reads back to the same float64; plain conversion loses the sign of zero. */

export function exactText(value: number): string {
  return Object.is(value, -0) ? '-0' : `${value}`;
}
