import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng, type Rng } from '@tenfold/core/base';
import { inferAxes, tablesOf, type AxisProblem } from '../src/axis-inference.ts';
import { axisTuples, BY_EXPERT, BY_PLACE, WHOLE } from '../src/axis-rules.ts';
import type { AxisRule, OverlapOp, TensorInfo } from '../src/types.ts';
import { evaluateOp, randomValue, sliceAxis, type Value } from './tiny-evaluator.ts';

const op = (id: string, rule: AxisRule, ins: string[], outs: string[], more: Partial<OverlapOp> = {}): OverlapOp => ({
  id,
  rule,
  ins,
  outs,
  kind: 'compute',
  role: 'fwd',
  timeMs: 1,
  ...more,
});

const TENSORS: Record<string, TensorInfo> = {
  x: { shape: [8, 16] },
  wg: { shape: [16, 4], isParameter: true },
  logits: { shape: [8, 4] },
  gates: { shape: [8, 4] },
  weights: { shape: [8] },
  places: { shape: [2, 8], isPlaces: true },
  sent: { shape: [4, 2, 16], isDispatchBuffer: true },
  got: { shape: [4, 2, 16], isDispatchBuffer: true },
  done: { shape: [4, 2, 16], isDispatchBuffer: true },
  back: { shape: [4, 2, 16], isDispatchBuffer: true },
  we: { shape: [4, 16, 16], isParameter: true },
  y: { shape: [8, 16] },
};

function layer(encode: 'encode' | 'encode-whole'): OverlapOp[] {
  return [
    op('gate', 'matmul', ['x', 'wg'], ['logits']),
    op('softmax', 'norm', ['logits'], ['gates'], { axis: 1 }),
    op('encode', encode, ['x', 'gates'], ['weights', 'places', 'sent']),
    op('a2a.there', 'a2a', ['sent'], ['got'], { kind: 'a2a', moe: { layer: 0, part: 'a2a' } }),
    op('experts', 'expert', ['got', 'we'], ['done']),
    op('a2a.back', 'a2a', ['done'], ['back'], { kind: 'a2a', moe: { layer: 0, part: 'a2a' } }),
    op('decode', 'decode', ['back', 'weights', 'places'], ['y']),
  ];
}

test('a layer with a gate that decides token by token is cut from gate to decode', () => {
  const found = inferAxes({ ops: layer('encode'), tensors: TENSORS, numParts: 4 });
  assert.equal(found.kind, 'solution');
  const axisOf = found.kind === 'solution' ? found.axisOf : new Map();
  assert.equal(axisOf.get('x'), 0);
  assert.equal(axisOf.get('sent'), BY_EXPERT);
  assert.equal(axisOf.get('places'), BY_PLACE);
  assert.equal(axisOf.get('y'), 0);
  assert.equal(axisOf.get('we'), WHOLE);
});

test('a gate that needs the whole batch cannot be cut together with what feeds it, and the conflict says so', () => {
  const whole = layer('encode-whole');
  const conflict = inferAxes({ ops: whole, tensors: TENSORS, numParts: 4 });
  assert.deepEqual(conflict.kind === 'conflict' && conflict.ops, ['softmax', 'encode']);
  assert.equal(
    conflict.kind === 'conflict' && conflict.text,
    '"softmax" needs logits axis 0, gates axis 0; but "encode" needs x whole, gates whole, weights axis 0, places by place, sent by expert',
  );
  assert.equal(inferAxes({ ops: whole.slice(2), tensors: TENSORS, numParts: 4 }).kind, 'solution');
});

test('exchange and experts alone may be cut along the capacity, decoding refuses it', () => {
  const experts = layer('encode').slice(3, 6);
  assert.ok(axisTuples(experts[0]!, TENSORS, 2).some(([axis]) => axis === 1));
  const withDecode = inferAxes({ ops: layer('encode').slice(3), tensors: TENSORS, numParts: 2 });
  assert.equal(withDecode.kind === 'solution' && withDecode.axisOf.get('got'), BY_EXPERT);
});

test('a range that begins behind the encoding can hold exchange and experts, but not the decoding', () => {
  const ops = layer('encode');
  const outside = new Set(['sent', 'weights', 'places', 'we']);
  const experts = inferAxes({ ops: ops.slice(3, 6), tensors: TENSORS, numParts: 2, outside });
  assert.equal(experts.kind === 'solution' && experts.axisOf.get('got'), 1);
  const conflict = inferAxes({ ops: ops.slice(3), tensors: TENSORS, numParts: 2, outside });
  assert.deepEqual(conflict.kind === 'conflict' && conflict.ops, ['decode']);
  assert.match(conflict.kind === 'conflict' ? conflict.text : '', /; but places made before the range/);
});

test('every permitted cut of every rule rebuilds the whole result from its parts', () => {
  const rng = createRng(21, 'rules');
  let numTuples = 0;
  for (let round = 0; round < 200; round++) {
    const { op: one, tensors } = randomOp(rng);
    const numParts = 2;
    for (const tuple of axisTuples(one, tensors, numParts)) {
      numTuples++;
      const ins = one.ins.map((name) => randomValue(tensors[name]!.shape, rng));
      const whole = evaluateOp(one, ins, tensors[one.outs[0]!]!.shape);
      for (let part = 0; part < numParts; part++) {
        const cutIns = ins.map((value, place) => sliceAxis(value, tuple[place]!, part, numParts));
        const cutShape = tensors[one.outs[0]!]!.shape.map((size, axis) =>
          axis === tuple[one.ins.length] ? size / numParts : size,
        );
        const answers = evaluateOp(one, cutIns, cutShape);
        answers.forEach((answer: Value, index) => {
          const expected = sliceAxis(whole[index]!, tuple[one.ins.length + index]!, part, numParts);
          assert.deepEqual(answer.shape, expected.shape, `${one.rule} ${tuple.join()}`);
          answer.data.forEach((value, at) => assert.ok(Math.abs(value - expected.data[at]!) < 1e-12));
        });
      }
    }
  }
  assert.ok(numTuples > 300);
});

test('a graph run in parts along the axes that the solver gives rebuilds every tensor of the whole', () => {
  const rng = createRng(23, 'graphs');
  let numSolved = 0;
  for (let round = 0; round < 120; round++) {
    const problem = randomProblem(rng);
    const found = inferAxes(problem);
    if (found.kind === 'conflict') continue;
    numSolved++;
    const { ops, tensors, numParts } = problem;
    const whole = new Map(['t0', 'w'].map((name) => [name, randomValue(tensors[name]!.shape, rng)]));
    const runAll = (values: Map<string, Value>, shapeOf: (name: string) => number[]): void => {
      for (const one of ops) {
        const ins = one.ins.map((name) => values.get(name)!);
        const answers = evaluateOp(one, ins, shapeOf(one.outs[0]!));
        one.outs.forEach((name, index) => values.set(name, answers[index]!));
      }
    };
    const inputs = new Map(whole);
    runAll(whole, (name) => [...tensors[name]!.shape]);
    for (let part = 0; part < numParts; part++) {
      const axisOf = (name: string): number => found.axisOf.get(name) ?? WHOLE;
      const own = new Map([...inputs].map(([name, value]) => [name, sliceAxis(value, axisOf(name), part, numParts)]));
      runAll(own, (name) => tensors[name]!.shape.map((size, axis) => (axis === axisOf(name) ? size / numParts : size)));
      for (const [name, value] of own) {
        const expected = sliceAxis(whole.get(name)!, axisOf(name), part, numParts);
        assert.deepEqual(value.shape, expected.shape);
        value.data.forEach((entry, at) => {
          assert.ok(Math.abs(entry - expected.data[at]!) < 1e-9 * Math.max(1, Math.abs(entry)), name);
        });
      }
    }
  }
  assert.ok(numSolved > 40, `${numSolved} solved`);
});

test('solver and exhaustive search agree on 150 random small graphs, on the answer and on the number of cut tensors', () => {
  const rng = createRng(22, 'csp');
  let numConflicts = 0;
  for (let round = 0; round < 150; round++) {
    const problem = randomProblem(rng);
    const found = inferAxes(problem);
    const best = exhaustive(problem);
    assert.equal(found.kind, best === undefined ? 'conflict' : 'solution');
    if (found.kind === 'solution') assert.equal(found.numCut, best);
    else {
      numConflicts++;
      const core = problem.ops.filter(({ id }) => found.ops.includes(id));
      assert.equal(exhaustive({ ...problem, ops: core }), undefined);
      for (const left of core) {
        if (core.length === 1) break;
        assert.notEqual(exhaustive({ ...problem, ops: core.filter((other) => other !== left) }), undefined);
      }
    }
  }
  assert.ok(numConflicts > 10 && numConflicts < 140, `${numConflicts} conflicts`);
});

function randomOp(rng: Rng): { op: OverlapOp; tensors: Record<string, TensorInfo> } {
  const size = () => [2, 3, 4, 6][rng.integer(4)]!;
  const [a, b, c] = [size(), size(), size()];
  const build = (rule: AxisRule, ins: number[][], outs: number[][], more: Partial<OverlapOp> = {}) => ({
    op: op(
      'one',
      rule,
      ins.map((_, index) => `in${index}`),
      outs.map((_, index) => `out${index}`),
      more,
    ),
    tensors: Object.fromEntries([
      ...ins.map((shape, index) => [`in${index}`, { shape }] as const),
      ...outs.map((shape, index) => [`out${index}`, { shape }] as const),
    ]),
  });
  const axis = rng.integer(3);
  const cases = [
    () => build('matmul', [[a, b, c], [c, a], [a]], [[a, b, a]]),
    () =>
      build(
        'batch-matmul',
        [
          [a, b, c],
          [a, c, b],
        ],
        [[a, b, b]],
      ),
    () => build('elementwise', [[a, b, c], rng.uniform() < 0.5 ? [c] : [b, 1]], [[a, b, c]]),
    () => build('norm', [[a, b, c]], [[a, b, c]], { axis: 2 }),
    () => build('reshape', [[a, b, c]], [rng.uniform() < 0.5 ? [a * b, c] : [a, b * c]]),
    () => build('reshape', [[a * b, c]], [[a, b, c]]),
    () => build('transpose', [[a, b, c]], [[b, c, a]], { permutation: [1, 2, 0] }),
    () =>
      build(
        'split',
        [[a, b, 2 * c]],
        [
          [a, b, c],
          [a, b, c],
        ],
        { axis: 2 },
      ),
    () =>
      build(
        'concat',
        [
          [a, b, c],
          [a, b, c],
        ],
        [[a, 2 * b, c]],
        { axis: 1 },
      ),
    () => build('reduce', [[a, b, c]], [[a, b, c].filter((_, index) => index !== axis)], { axis }),
    () => build('embedding', [[a, c], [b]], [[b, c]]),
  ];
  return cases[rng.integer(cases.length)]!();
}

/** Random chains and joins over square tensors, so that many axes are possible. */
function randomProblem(rng: Rng): AxisProblem {
  const shape = [4, 4];
  const numOps = 2 + rng.integer(4);
  const tensors: Record<string, TensorInfo> = { t0: { shape }, w: { shape, isParameter: true } };
  const ops = Array.from({ length: numOps }, (_, index): OverlapOp => {
    const own = `t${index + 1}`;
    tensors[own] = { shape };
    const input = () => `t${rng.integer(index + 1)}`;
    const cases: (() => OverlapOp)[] = [
      () => op(`op${index}`, 'matmul', [input(), 'w'], [own]),
      () => op(`op${index}`, 'batch-matmul', [input(), input()], [own]),
      () => op(`op${index}`, 'elementwise', [input(), input()], [own]),
      () => op(`op${index}`, 'norm', [input()], [own], { axis: 1 }),
      () => op(`op${index}`, 'transpose', [input()], [own], { permutation: [1, 0] }),
      () => op(`op${index}`, rng.uniform() < 0.2 ? 'whole' : 'elementwise', [input()], [own]),
    ];
    return cases[rng.integer(cases.length)]!();
  });
  return { ops, tensors, numParts: 2 };
}

function exhaustive(problem: AxisProblem): number | undefined {
  const { names, tables } = tablesOf(problem);
  const values = [WHOLE, 0, 1];
  let best: number | undefined;
  for (let code = 0; code < values.length ** names.length; code++) {
    const axis = names.map((_, index) => values[Math.floor(code / values.length ** index) % values.length]!);
    const isFit = tables.every(({ variables, tuples }) =>
      tuples.some((tuple) => tuple.every((value, place) => axis[variables[place]!] === value)),
    );
    if (!isFit) continue;
    const numCut = axis.filter((value) => value !== WHOLE).length;
    best = Math.max(best ?? 0, numCut);
  }
  return best;
}
