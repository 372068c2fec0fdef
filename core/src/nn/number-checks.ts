/** Numbers that would train silently in the wrong direction or not at all. */
import { nnError } from './nn-errors.ts';

/** @throws TF-NN-001 unless the number is undefined or in its range
 *  @param expected  the range in words, after the option's name */
export function assertOption(
  subject: string,
  name: string,
  value: number | undefined,
  { expected, isValid }: { readonly expected: string; readonly isValid: (value: number) => boolean },
): void {
  if (value === undefined || isValid(value)) return;
  throw nnError('TF-NN-001', {
    subject,
    expected: `${name} ${expected}`,
    actual: String(value),
    hints: [`Give ${name} ${expected}.`],
  });
}

export const POSITIVE = { expected: 'above 0', isValid: (value: number) => value > 0 } as const;
export const BELOW_ONE = {
  expected: 'from 0 to below 1',
  isValid: (value: number) => value >= 0 && value < 1,
} as const;
export const NOT_NEGATIVE = { expected: 'of at least 0', isValid: (value: number) => value >= 0 } as const;
