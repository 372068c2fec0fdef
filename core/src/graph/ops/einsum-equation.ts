/** Einsum equations: `bhtd,bhsd->bhts`, implicit output, and `...` for leading batch axes (given capital letters inside). */

export interface EinsumEquation {
  /** One letter string an input, ellipses expanded. */
  readonly inputs: readonly string[];
  readonly output: string;
  readonly sizes: ReadonlyMap<string, number>;
}

/** @returns the parsed equation, or what is wrong with it as a clause */
export function parseEinsum(equation: string, shapes: readonly (readonly number[])[]): EinsumEquation | string {
  const text = equation.replaceAll(/\s/g, '');
  const [left, right, ...rest] = text.split('->');
  const terms = left!.split(',');
  if (rest.length > 0 || terms.length !== shapes.length)
    return `equation "${equation}" must have one term for each of ${shapes.length} inputs`;
  const numBatchAxes = Math.max(
    0,
    ...terms.map((term, i) => (term.includes('...') ? shapes[i]!.length - (term.length - 3) : 0)),
  );
  // Batch axes are aligned at the right, as in broadcasting; letters that equations cannot hold keep them apart.
  const batchLetters = Array.from({ length: numBatchAxes }, (_, i) => String.fromCodePoint(0x3b1 + i)).join('');
  const sizes = new Map<string, number>();
  const inputs: string[] = [];
  for (const [i, term] of terms.entries()) {
    const numOwn = shapes[i]!.length - (term.length - 3);
    const letters = term.replace('...', () => batchLetters.slice(numBatchAxes - numOwn));
    if (!/^[A-Za-zα-ω]*$/.test(letters) || letters.length !== shapes[i]!.length)
      return `term "${term}" of equation "${equation}" must have one letter for each of ${shapes[i]!.length} axes`;
    for (const [axis, letter] of [...letters].entries()) {
      const size = shapes[i]![axis]!;
      const known = sizes.get(letter);
      if (known !== undefined && known !== size && known !== 1 && size !== 1)
        return `sizes of "${letter}" in equation "${equation}" must match`;
      if (known === undefined || known === 1) sizes.set(letter, size);
    }
    inputs.push(letters);
  }
  const output = right === undefined ? implicitOutput(inputs, batchLetters) : right.replace('...', () => batchLetters);
  for (const letter of output) {
    if (!sizes.has(letter)) return `output letter "${letter}" of equation "${equation}" must occur in an input`;
  }
  if (new Set(output).size !== output.length) return `output letters of equation "${equation}" must differ`;
  return { inputs, output, sizes };
}

function implicitOutput(inputs: readonly string[], batchLetters: string): string {
  const all = inputs.join('').replaceAll(/[α-ω]/g, '');
  const once = [...new Set(all)].filter((letter) => all.indexOf(letter) === all.lastIndexOf(letter));
  return batchLetters + once.sort().join('');
}
