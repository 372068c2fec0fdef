/** Algorithms that read the probabilities several times, told apart from how rows are brought: from memory, or from a file
 *  of any length. A pass is a function that sees every block once, in row order; a generator yields one pass after the
 *  other and returns the answer, so both ways run the same code and give the same bits. */
import { throwIfCancelled } from '@tenfold/core/base';
import type { Probabilities } from './types.ts';

/** Sees rows start … start + block.numRows. Keeps no reference to the block. */
export type Pass = (block: Probabilities, start: number) => void;
export type Passes<Answer> = Generator<Pass, Answer, void>;

/** Rows that can be read as often as asked. */
export interface ProbabilitySource {
  readonly numRows: number;
  readonly numClasses: number;
  /** All blocks in row order; a block is valid until the next is asked for. */
  blocks(): AsyncIterable<{ readonly block: Probabilities; readonly start: number }>;
}

/** Elements of a block: small enough to stay in a core's cache between two visitors. */
export const BLOCK_ELEMENTS = 1 << 16;

export function runInMemory<Answer>(passes: Passes<Answer>, { data, numRows, numClasses }: Probabilities): Answer {
  const size = rowsPerBlock(numClasses);
  let step = passes.next();
  for (; step.done !== true; step = passes.next()) {
    for (let start = 0; start < numRows; start += size) {
      const end = Math.min(start + size, numRows);
      step.value(
        { numRows: end - start, numClasses, data: data.subarray(start * numClasses, end * numClasses) },
        start,
      );
    }
  }
  return step.value;
}

/** @throws TF-BASE errors of cancelling, and whatever the source throws */
export async function runOverSource<Answer>(
  passes: Passes<Answer>,
  source: ProbabilitySource,
  signal?: AbortSignal,
): Promise<Answer> {
  let step = passes.next();
  for (; step.done !== true; step = passes.next()) {
    for await (const { block, start } of source.blocks()) {
      throwIfCancelled(signal, 'runOverSource');
      step.value(block, start);
    }
  }
  return step.value;
}

/** Runs algorithms in step, so that they share each reading of the rows. */
export function* together<Answers extends readonly unknown[]>(
  ...all: { [I in keyof Answers]: Passes<Answers[I]> }
): Passes<Answers> {
  const steps = all.map((passes) => passes.next());
  for (;;) {
    const open = steps.flatMap((step) => (step.done === true ? [] : [step.value]));
    if (open.length === 0) return steps.map(({ value }) => value) as unknown as Answers;
    yield (block, start) => {
      for (const pass of open) pass(block, start);
    };
    steps.forEach((step, i) => {
      if (step.done !== true) steps[i] = all[i].next();
    });
  }
}

export function rowsPerBlock(numClasses: number): number {
  return Math.max(1, Math.floor(BLOCK_ELEMENTS / numClasses));
}

/** The rows of an array as a source, for code that takes either. */
export function sourceFromMemory({ data, numRows, numClasses }: Probabilities): ProbabilitySource {
  const size = rowsPerBlock(numClasses);
  return {
    numRows,
    numClasses,
    async *blocks() {
      for (let start = 0; start < numRows; start += size) {
        const end = Math.min(start + size, numRows);
        yield {
          block: { numRows: end - start, numClasses, data: data.subarray(start * numClasses, end * numClasses) },
          start,
        };
      }
    },
  };
}
