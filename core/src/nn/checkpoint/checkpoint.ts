/** Checkpoints: one safetensors file with all states (parameters, buffers, moments) and the step in its metadata. */
import { openSafetensors, writeSafetensors } from '../../data/index.ts';
import type { SinkOutput, SourceInput, WriteOptions } from '../../data/index.ts';
import type { StateValues } from '../../runtime/index.ts';
import { equalShapes, formatShape } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { StateSpec } from '../net.ts';
import { nnError } from '../nn-errors.ts';
import type { Trainer } from '../trainer.ts';

export interface Checkpoint {
  readonly states: StateValues;
  /** Updates made before it was written. */
  readonly step: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Writes everything that a resume needs. */
export async function saveCheckpoint(
  output: SinkOutput,
  trainer: Trainer,
  options: WriteOptions & { readonly metadata?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  const { metadata = {}, ...write } = options;
  await writeSafetensors(output, Object.entries(await trainer.allStates()), {
    ...write,
    metadata: { ...metadata, step: String(trainer.stepCount) },
  });
}

/** Reads a checkpoint.
 *  @param options.fits  states that must be there with these shapes (`trainStep.states`); others are left out
 *  @throws TF-NN-003 naming the first that is missing or differs */
export async function loadCheckpoint(
  input: SourceInput,
  { fits }: { readonly fits?: ReadonlyMap<string, StateSpec> } = {},
): Promise<Checkpoint> {
  const reader = await openSafetensors(input);
  try {
    const states: Record<string, Tensor> = {};
    for (const name of fits?.keys() ?? reader.entries.keys()) {
      const entry = reader.entries.get(name);
      const wanted = fits?.get(name);
      if (wanted !== undefined && !(entry !== undefined && equalShapes(entry.shape, wanted.shape))) {
        throw nnError('TF-NN-003', {
          subject: 'loadCheckpoint',
          expected: `"${name}" ${formatShape(wanted.shape)}`,
          actual: entry === undefined ? 'no such tensor' : formatShape(entry.shape),
          location: reader.name,
        });
      }
      states[name] = await reader.read(name);
    }
    return { states, step: Number(reader.metadata['step'] ?? 0), metadata: reader.metadata };
  } finally {
    await reader.close();
  }
}
