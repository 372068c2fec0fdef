/** Reading masks from whatever holds them: our mask file (`*.mask24`), an npz of packed bits (most significant first, keys
 *  `<weight>` or `<weight>.mask`), or a masked checkpoint, whose zeros are the mask. */
import { openSafetensors, readNpz } from '@tenfold/core/data';
import { castTensor, type Shape, type Tensor } from '@tenfold/core/tensor';
import { isPrunable } from '../mask/mask24.ts';
import { codesFromWeights, unpackBits, unpackCodes } from '../mask/packing.ts';
import { sparseError } from '../sparse-errors.ts';
import type { Mask24, MaskSet } from '../types.ts';

export interface MaskFileOptions {
  /** Shape of a weight in the base model, undefined if it has none. Without it shapes are [blocks, 4]. */
  readonly shapeOf?: (name: string) => Shape | undefined;
  /** Fingerprint of the base model; a mask made for another is refused. */
  readonly base?: string;
}

/** @throws TF-SPARSE-006 on a matrix that the model lacks, another base model, or a mask that is not 2:4 */
export async function readMaskFile(path: string, options: MaskFileOptions = {}): Promise<MaskSet> {
  const masks = await (path.endsWith('.npz') ? masksFromNpz(path, options) : masksFromSafetensors(path, options));
  if (masks.size > 0) return masks;
  throw sparseError('TF-SPARSE-006', {
    subject: 'readMaskFile',
    expected: 'masks (*.mask24), packed bits (npz) or masked weights',
    actual: 'none of them',
    location: path,
  });
}

async function masksFromSafetensors(path: string, options: MaskFileOptions): Promise<Map<string, Mask24>> {
  const reader = await openSafetensors(path);
  const masks = new Map<string, Mask24>();
  try {
    const made = reader.metadata['base'];
    if (options.base !== undefined && made !== undefined && made !== options.base) {
      throw sparseError('TF-SPARSE-006', {
        subject: 'readMaskFile',
        expected: `a mask for the base model ${options.base}`,
        actual: `one for ${made}`,
        location: path,
        hints: ['Give --any-base if the weights are the same in other shards.'],
      });
    }
    for (const { name: stored, shape, dtype } of reader.entries.values()) {
      const isMask = stored.endsWith('.mask24');
      if (!isMask && (dtype === undefined || !isPrunable(stored, shape))) continue;
      const name = stored.replace(/\.mask24$/, '.weight');
      const tensor = await reader.read(stored);
      const place = `${path}, "${stored}"`;
      if (isMask) {
        const packed = tensor.data as Uint8Array;
        masks.set(name, unpackCodes(packed, shapeFor(name, options, blocksIn(packed, 0xf0), path), place));
        continue;
      }
      const { data } = tensor.dtype === 'float32' ? (tensor as Tensor<'float32'>) : castTensor(tensor, 'float32');
      masks.set(name, { shape: shape as readonly [number, number], codes: codesFromWeights(data, place) });
    }
  } finally {
    await reader.close();
  }
  return masks;
}

async function masksFromNpz(path: string, options: MaskFileOptions): Promise<Map<string, Mask24>> {
  const masks = new Map<string, Mask24>();
  for (const [key, tensor] of await readNpz(path)) {
    const name = key.replace(/\.mask$/, '').replace(/(?<!\.weight)$/, '.weight');
    const packed = tensor.data as Uint8Array;
    const shape = shapeFor(name, options, blocksIn(packed, 0x0f), path);
    masks.set(name, unpackBits(packed, shape, `${path}, "${key}"`));
  }
  return masks;
}

/** Blocks in a packed mask whose shape is not known: two a byte; an odd last one leaves the other half of the byte empty,
 *  which no block is.  @param second  the bits of a byte's second block */
function blocksIn(packed: Uint8Array, second: number): number {
  const isOdd = packed.length > 0 && (packed.at(-1)! & second) === 0;
  return packed.length * 2 - (isOdd ? 1 : 0);
}

function shapeFor(
  name: string,
  { shapeOf }: MaskFileOptions,
  numBlocks: number,
  location: string,
): readonly [number, number] {
  if (shapeOf === undefined) return [numBlocks, 4];
  const shape = shapeOf(name);
  if (shape?.length === 2) return shape as readonly [number, number];
  throw sparseError('TF-SPARSE-006', {
    subject: 'readMaskFile',
    expected: `a matrix "${name}" in the model`,
    actual: shape ? `shape [${shape.join(', ')}]` : 'none',
    location,
  });
}
