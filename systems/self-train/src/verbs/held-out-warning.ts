/** Says where too few samples watch the rounds. */
import type { Diagnostic } from '@tenfold/core/base';
import type { TrainedSource } from '../engine/train-source.ts';

/** With fewer the held-out accuracy moves in steps of 5 points and more. */
const MIN_HELD_OUT = 20;

export function heldOutWarnings({ heldOut, numSamples }: TrainedSource): Diagnostic[] {
  const count = heldOut.labels.length;
  if (count >= MIN_HELD_OUT) return [];
  return [
    {
      severity: 'warning',
      code: 'TF-SELF-012',
      subject: 'trainSource',
      expected: `at least ${MIN_HELD_OUT} held-out samples`,
      actual: `${count} of ${numSamples} labelled ones; accuracy and calibration on ${count === 1 ? 'it' : 'them'} say little`,
    },
  ];
}
