/** Reading a mask file (`mask24.safetensors`, one packed tensor a matrix) for a base model. */
import { openSafetensors } from '@tenfold/core/data';
import type { Shape } from '@tenfold/core/tensor';
import { unpackCodes } from '../mask/packing.ts';
import { sparseError } from '../sparse-errors.ts';
import type { Mask24, MaskSet } from '../types.ts';

/** @param shapeOf  shape of a weight in the base model, undefined if it has none
 *  @throws TF-SPARSE-006 on a matrix that the model lacks or a mask that is not 2:4 */
export async function readMaskFile(path: string, shapeOf: (name: string) => Shape | undefined): Promise<MaskSet> {
  const reader = await openSafetensors(path);
  const masks = new Map<string, Mask24>();
  try {
    for await (const [stored, tensor] of reader) {
      const name = stored.replace(/\.mask24$/, '.weight');
      const shape = shapeOf(name);
      if (shape === undefined) {
        throw sparseError('TF-SPARSE-006', {
          subject: 'readMaskFile',
          expected: `a weight "${name}" in the model`,
          actual: 'none',
          location: path,
        });
      }
      masks.set(
        name,
        unpackCodes(tensor.data as Uint8Array, shape as readonly [number, number], `${path}, "${stored}"`),
      );
    }
  } finally {
    await reader.close();
  }
  return masks;
}
