/** Which photographs are tests: those that are named, or every so many-th by name. */
import { nearestNameHints } from '@tenfold/core/base';
import { viewError } from '../view-errors.ts';

export interface HoldOutOptions {
  /** Without split lists every so many-th photograph is a test. */
  readonly holdEvery: number;
  /** Index of the first of them, by name. Default 0. */
  readonly holdFirst?: number;
  /** Names of the tests, in place of split lists and of every so many-th; empty or absent: not by name. */
  readonly hold?: readonly string[];
}

/** Names of test photographs, sorted. @param listed  tests of the scene's own split
 *  @throws TF-VIEW-002 for a name that no photograph has, or if none is left to train on */
export function heldOutNames(
  names: readonly string[],
  { holdEvery, holdFirst = 0, hold = [] }: HoldOutOptions,
  listed?: readonly string[],
): readonly string[] {
  if (hold.length === 0) {
    return listed ?? names.toSorted().filter((_, index) => index % holdEvery === holdFirst % holdEvery);
  }
  const known = new Set(names);
  const unknown = hold.find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw viewError('TF-VIEW-002', {
      subject: 'heldOutNames',
      expected: 'names of posed photographs',
      actual: `"${unknown}"`,
      hints: nearestNameHints(unknown, names),
    });
  }
  const held = new Set(hold);
  if (held.size === known.size) {
    throw viewError('TF-VIEW-002', {
      subject: 'heldOutNames',
      expected: 'a photograph that is left to train on',
      actual: `all ${held.size} held out`,
    });
  }
  return [...held].toSorted();
}
