/** Causes that need several tensors: micro-batches, parts of a sum, operands of a product, rows of a table, scales. Each is
 *  named where the values fit and not where they do not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalAt } from '@tenfold/core/base';
import { checkTrace, type Hint, type RunInfo, type TraceRun } from '../src/index.ts';
import { fitVector } from '../src/check/least-squares.ts';
import { traceOf, type HeldTensor } from './made-traces.ts';

const noise = (stream: number, length: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => normalAt(stream, i));
const hold = (
  data: Float32Array,
  id: string,
  { rank = 0, global = [data.length / 4, 4], ...rest }: Partial<HeldTensor> = {},
): HeldTensor => ({ rank, id, global, data, ...rest });
const sumOf = (...parts: readonly Float32Array[]): Float32Array =>
  parts[0].map((_, i) => parts.reduce((sum, part) => sum + part[i], 0));
const times = (factor: number, data: Float32Array): Float32Array => data.map((v) => factor * v);

function hintsOf(
  id: string,
  reference: readonly HeldTensor[],
  held: readonly HeldTensor[],
  { axes = { dp: 1 }, ...info }: Partial<RunInfo> & { axes?: Record<string, number> } = {},
): readonly Hint[] {
  const single = (tensors: readonly HeldTensor[], more: Partial<RunInfo> = {}): TraceRun =>
    traceOf({ axes: { dp: 1 }, held: tensors, info: { ...info, ...more } });
  const moved = reference.map((tensor, k) => ({
    ...tensor,
    data: tensor.data.map((v, i) => v * (1 + 1e-6 * Math.sign(normalAt(70 + k, i)))),
  }));
  const perturbation = { where: 'embedding', seed: 1, ulps: 1, changedShare: 1 };
  const result = checkTrace({
    reference: single(reference),
    candidate: traceOf({ axes, held, info }),
    perturbed: [single(moved, { role: 'perturbed', perturbation })],
  });
  return result.findings.find((finding) => finding.id === id)!.hints;
}
const textOf = (hints: readonly Hint[], kind: Hint['kind']): string | undefined =>
  hints.find((hint) => hint.kind === kind)?.text;

const DOUT = [0, 1, 2, 3].map((m) => `it0/mb${m}/dout/output_layer`);

test('means over unequal counts of tokens are told from other factors that vary, and from one factor for all', () => {
  const gradients = DOUT.map((_, m) => noise(m, 64));
  const reference = gradients.map((data, m) => hold(data, DOUT[m]));
  const scaledBy = (factors: readonly number[]): readonly Hint[] =>
    hintsOf(
      DOUT[0],
      reference,
      gradients.map((data, m) => hold(times(factors[m], data), DOUT[m], { rank: m % 2 })),
      { axes: { dp: 2 } },
    );
  assert.match(
    textOf(scaledBy([0.6, 3, 0.6, 3]), 'varying-scale')!,
    /×0\.600 on 0, 2 and ×3\.00 on 1, 3, N_total\/\(2·N_r\) of data ranks with 83 % and 17 % of the valid tokens/,
  );
  const other = textOf(scaledBy([0.6, 2, 0.6, 2]), 'varying-scale')!;
  assert.match(other, /×0\.600 on 0, 2 and ×2\.00 on 1, 3$/, 'these are no shares');
  assert.equal(textOf(scaledBy([2, 2, 2, 2]), 'varying-scale'), undefined);
  assert.equal(scaledBy([2, 2, 2, 2])[0].kind, 'scale');
});

test('a sum names the micro-batch that it lacks or holds twice, and the rank it came from', () => {
  const id = 'it0/main_grad/w.weight';
  const wgrad = (m: number): string => `it0/mb${m}/wgrad/w.weight`;
  const parts = [0, 1, 2].map((m) => noise(10 + m, 64));
  const kept = parts.map((data, m) => hold(data, wgrad(m)));
  const reference = [...kept, hold(sumOf(...parts), id)];
  const sumIs = (sum: Float32Array): string | undefined =>
    textOf(hintsOf(id, reference, [...kept, hold(sum, id)]), 'contributions');
  assert.equal(sumIs(sumOf(parts[0], parts[2])), 'the sum lacks micro-batch 1');
  assert.equal(
    sumIs(sumOf(parts[0], times(2, parts[1]), times(2, parts[2]))),
    'the sum holds 2.00 times micro-batches 1, 2',
  );
  assert.equal(sumIs(times(3, sumOf(...parts))), undefined, 'one factor is no matter of parts');
  assert.equal(sumIs(noise(30, 64)), undefined);

  const halves = parts.map((data, m) => [0, 1].map((rank) => (rank === 0 ? noise(20 + m, 64) : data)));
  const partial = halves.flatMap((pair, m) =>
    pair.map((data, rank) => hold(data, wgrad(m), { rank, partial: ['cp'] })),
  );
  const whole = halves.map((pair) => sumOf(...pair));
  const lacking = sumOf(...halves.flat().slice(1));
  const found = hintsOf(
    id,
    [...whole.map((data, m) => hold(data, wgrad(m))), hold(sumOf(...whole), id)],
    [...partial, hold(lacking, id), hold(lacking, id, { rank: 1 })],
    { axes: { cp: 2 } },
  );
  assert.match(textOf(found, 'contributions')!, /lacks micro-batch 0 of cp 0/);
});

test('a product of right operands says which chunk of the input was read', () => {
  const [rows, outer, inner] = [16, 6, 4];
  const [x, g] = [noise(40, rows * inner), noise(41, rows * outer)];
  const product = (rowOf: (row: number) => number): Float32Array => {
    const w = new Float32Array(outer * inner);
    for (let r = 0; r < rows; r++)
      for (let o = 0; o < outer; o++)
        for (let i = 0; i < inner; i++) w[o * inner + i] += g[r * outer + o] * x[rowOf(r) * inner + i];
    return w;
  };
  const id = 'it0/mb0/wgrad/decoder.layers.0.mlp.linear_fc1.weight';
  const module = 'decoder.layers.0.mlp.linear_fc1';
  const operands = [
    hold(x, `it0/mb0/in/${module}`, { global: [rows, 1, inner] }),
    hold(g, `it0/mb0/dout/${module}`, { global: [rows, 1, outer] }),
  ];
  const withGradient = (data: Float32Array, input = operands[0]): readonly Hint[] =>
    hintsOf(
      id,
      [
        ...operands,
        hold(
          product((r) => r),
          id,
          { global: [outer, inner] },
        ),
      ],
      [input, operands[1], hold(data, id, { global: [outer, inner] })],
      { axes: { tp: 4 } },
    );
  const overwritten = product((r) => (r < 8 ? r + 8 : r));
  assert.match(
    textOf(withGradient(overwritten), 'operands')!,
    /gradient chunk 0 met chunk 2, 1 met chunk 3 of the input/,
  );
  assert.match(textOf(withGradient(noise(42, outer * inner)), 'operands')!, /look at the buffers/);
  const wrongInput = { ...operands[0], data: noise(43, rows * inner) };
  assert.equal(textOf(withGradient(overwritten, wrongInput), 'operands'), undefined);
});

test('rows of the table that were added to the output are named', () => {
  const table = noise(50, 8 * 4);
  const row = (index: number): Float32Array => table.subarray(index * 4, index * 4 + 4);
  const tokens = [1, 5, 2, 7, 6, 3, 1, 4];
  const lookup = (foreign: (token: number) => Float32Array): Float32Array =>
    Float32Array.from(tokens.flatMap((token) => [...sumOf(row(token), foreign(token))]));
  const nothing = new Float32Array(4);
  const id = 'it0/mb0/out/embedding';
  const param = hold(table, 'it0/param/embedding.weight');
  const reference = [
    param,
    hold(
      lookup(() => nothing),
      id,
    ),
  ];
  const hints = (out: Float32Array): string | undefined =>
    textOf(hintsOf(id, reference, [param, hold(out, id)]), 'added-rows');
  assert.match(
    hints(lookup((token) => row(token < 4 ? 4 : 0)))!,
    /row 4 of the table is added to 4 rows of the output, row 0 of the table is added to 4 rows/,
  );
  assert.equal(hints(noise(51, 32)), undefined);
  assert.equal(
    hints(
      times(
        2,
        lookup(() => nothing),
      ),
    ),
    undefined,
    'every row its own: a factor, not a row',
  );
});

test('values of the step before are named where they are part of a tensor, not where noise is', () => {
  const ids = [0, 1].map((step) => `it${step}/mb0/out/embedding`);
  const [before, now] = [noise(60, 256), noise(60, 256).map((v, i) => v + 1e-3 * normalAt(61, i))];
  const reference = [hold(before, ids[0]), hold(now, ids[1])];
  const stale = (data: Float32Array): string | undefined =>
    textOf(hintsOf(ids[1], reference, [reference[0], hold(data, ids[1])]), 'stale');
  assert.match(stale(now.map((v, i) => (i % 4 === 0 ? before[i] : v)))!, /25 % of the elements equal it0\/mb0\/out/);
  assert.equal(stale(now.map((v, i) => v + 1e-3 * normalAt(62, i))), undefined);
});

test('a scale that stays at its initial value, and zeros that were small values', () => {
  const scale = 'it0/scale/decoder.layers.0.mlp.linear_fc2#grad';
  const one = (value: number): HeldTensor => hold(Float32Array.of(value), scale, { global: [1] });
  const frozen = (value: number): string | undefined =>
    textOf(hintsOf(scale, [one(4096)], [one(value)]), 'frozen-scale');
  assert.match(frozen(1)!, /initial value 1 in the recorded step, the reference’s is 4\.1e\+3/);
  assert.equal(frozen(2048), undefined);
  const din = 'it0/mb0/din/decoder.layers.0.mlp.linear_fc2';
  const small = noise(63, 256);
  const flushed = (limit: number): string | undefined =>
    textOf(
      hintsOf(
        din,
        [hold(small, din)],
        [
          hold(
            small.map((v) => (Math.abs(v) < limit ? 0 : v)),
            din,
          ),
        ],
      ),
      'underflow',
    );
  assert.match(flushed(1)!, /6\d % of the elements are zero, 0 % in the reference/);
  assert.equal(flushed(0.01), undefined);
});

test('a factor that differs by rank and stretch of the sequence is told from one factor and from noise', () => {
  const id = 'it0/mb0/out/decoder.layers.0.mlp.linear_fc1';
  const data = noise(65, 8 * 8);
  const global = [8, 8];
  const scaled = (factorOf: (row: number, column: number) => number): string | undefined => {
    const wrong = data.map((v, i) => v * factorOf(Math.floor(i / 8), i % 8));
    const hints = hintsOf(id, [hold(data, id, { global })], [hold(wrong, id, { global })], { axes: { tp: 2 } });
    return hints.map(({ text }) => text).find((text) => text.includes('by block'));
  };
  assert.match(
    scaled((row, column) => (row < 4 === column < 4 ? 1 : row < 4 ? 4 : 0.25))!,
    /×4\.00 in chunk 0 of the rows for tp 1, ×0\.250 in chunk 1 of the rows for tp 0;/,
  );
  assert.equal(
    scaled(() => 2),
    undefined,
  );
  assert.equal(
    scaled((row, column) => normalAt(66, row * 8 + column)),
    undefined,
  );
});

test('permuted heads are named although no mesh axis has as many', () => {
  const id = 'it0/mb0/out/decoder.layers.0.self_attention.core_attention';
  const data = noise(64, 8 * 16);
  const permuted = data.map((_, i) => {
    const [row, column] = [Math.floor(i / 16), i % 16];
    const head = [0, 2, 1, 3][Math.floor(column / 4)];
    return data[row * 16 + head * 4 + (column % 4)];
  });
  const global = [8, 16];
  const hints = hintsOf(id, [hold(data, id, { global })], [hold(permuted, id, { global })]);
  assert.match(
    textOf(hints, 'permutation')!,
    /chunks of dimension 1 stand in the order 0, 2, 1, 3 \(heads or groups\)/,
  );
});

test('a fit finds the shares of vectors and refuses vectors that depend on each other', () => {
  const basis = [noise(80, 50), noise(81, 50), noise(82, 50)];
  const fit = fitVector(sumOf(times(0.5, basis[0]), times(-2, basis[2])), basis)!;
  fit.coefficients.forEach((c, i) => assert.ok(Math.abs(c - [0.5, 0, -2][i]) < 1e-6));
  assert.ok(fit.residual < 1e-6);
  assert.equal(fitVector(basis[0], [basis[1], basis[1]]), undefined);
  assert.equal(fitVector(new Float32Array(50), basis), undefined);
  assert.ok(fitVector(noise(83, 50), basis)!.residual > 0.9);
});
