/** Reads set families from text: sets separated by spaces, families by |; `12 13 2.10.11` (dots where elements exceed 9, `11.` for {11} alone). */
import { familiesError } from './families-errors.ts';

/** @returns masks per family @throws TF-FAMILIES-001 with the set that cannot be read */
export function parseFamilies(text: string, n: number): number[][] {
  return text.split('|').map((family, i) => [
    ...new Set(
      family
        .trim()
        .split(/\s+/)
        .filter((word) => word !== '')
        .map((word) => {
          const parts = word.includes('.') ? word.replace(/\.$/, '').split('.') : [...word];
          const elements = word === '∅' ? [] : parts.map(Number);
          if (elements.some((e) => !Number.isInteger(e) || e < 1 || e > n) || new Set(elements).size < elements.length)
            throw familiesError('TF-FAMILIES-001', {
              subject: 'parseFamilies',
              expected: `sets of different elements 1..${n} like 12, 2.10 or 11.`,
              actual: JSON.stringify(word),
              location: `family ${i + 1}`,
            });
          return elements.reduce((mask, e) => mask | (1 << (e - 1)), 0);
        }),
    ),
  ]);
}
