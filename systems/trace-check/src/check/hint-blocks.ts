/** A factor that differs by block: shards that were decoded, or scaled, with the number of another rank. */
import type { TraceRun } from '../trace/trace-run.ts';
import type { Hint } from '../types.ts';

const MAX_CHUNKS = 8;
/** A pure factor leaves less than this. */
const PURE = 0.1;
const SAME_FACTOR = 0.05;

/** Blocks are chunks of the first dimension (the sequence) by chunks of the last (the columns), one per rank of an axis.
 *  @param tau  of the tensor */
export function explainBlockScale(
  actual: Float32Array,
  expected: Float32Array,
  shape: readonly number[],
  { candidate, tau }: { readonly candidate: TraceRun; readonly tau: number },
): Hint | undefined {
  for (const { name, size } of candidate.info.mesh.axes) {
    if (size < 2 || size > MAX_CHUNKS || shape.length < 2) continue;
    if (shape[0] % size !== 0 || shape.at(-1)! % size !== 0) continue;
    const factors = factorsOfBlocks(actual, expected, shape, size, Math.max(2 * tau, PURE));
    if (!factors || factors.every((factor) => Math.abs(factor / factors[0] - 1) <= SAME_FACTOR)) continue;
    const wrong = factors
      .map((factor, block) => ({ factor, rows: Math.floor(block / size), columns: block % size }))
      .filter(({ factor }) => Math.abs(factor - 1) > SAME_FACTOR)
      .map(
        ({ factor, rows, columns }) => `×${factor.toPrecision(3)} in chunk ${rows} of the rows for ${name} ${columns}`,
      );
    return {
      kind: 'scale',
      text: `right except for a factor that differs by block: ${wrong.join(', ')}; were gathered values decoded with the scale of another rank?`,
    };
  }
  return undefined;
}

/** @returns factors of all blocks, row chunks outermost; undefined if one is more than a factor away */
function factorsOfBlocks(
  actual: Float32Array,
  expected: Float32Array,
  shape: readonly number[],
  size: number,
  limit: number,
): number[] | undefined {
  const columns = shape.at(-1)!;
  const numRows = actual.length / columns;
  const [height, width] = [numRows / size, columns / size];
  const factors: number[] = [];
  for (let block = 0; block < size * size; block++) {
    const [top, left] = [Math.floor(block / size) * height, (block % size) * width];
    let [aa, ab, bb] = [0, 0, 0];
    for (let r = top; r < top + height; r++)
      for (let at = r * columns + left; at < r * columns + left + width; at++) {
        aa += actual[at] ** 2;
        ab += actual[at] * expected[at];
        bb += expected[at] ** 2;
      }
    const factor = ab / bb;
    if (!(factor > 0) || !(Math.sqrt(Math.max(0, aa - factor * ab) / aa) <= limit)) return undefined;
    factors.push(factor);
  }
  return factors;
}
