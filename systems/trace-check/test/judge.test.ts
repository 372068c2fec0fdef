/** What a lazy checker gets wrong: zero tolerances, missing ids, norms instead of differences, guessed causes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkInvariants,
  checkTrace,
  lowerPlacements,
  mutateRun,
  estimateTolerance,
  perturbedComparisons,
  triangulate,
  junitFromCheck,
} from '../src/index.ts';
import { normalAt } from '@tenfold/core/base';
import { traceOf, type HeldTensor } from './made-traces.ts';

const N = 64;
const values = (stream: number, scale = 1): Float32Array =>
  Float32Array.from({ length: N }, (_, i) => scale * normalAt(stream, i));
const moved = (data: Float32Array, by: number, stream = 99): Float32Array =>
  data.map((x, i) => x * (1 + by * Math.sign(normalAt(stream, i))));
const one = (data: Float32Array, id = 'it0/mb0/out/decoder.layers.0.mlp', rank = 0): HeldTensor => ({
  rank,
  id,
  global: [16, 4],
  data,
});
const single = (...held: HeldTensor[]) => traceOf({ axes: { dp: 1 }, held, info: { role: 'reference' } });
const perturbed = (...held: HeldTensor[]) =>
  traceOf({
    axes: { dp: 1 },
    held,
    info: { role: 'perturbed', perturbation: { where: 'embedding', seed: 1, ulps: 1, changedShare: 1 } },
  });
const x = values(1);
const reference = single(one(x));
const shaken = perturbed(one(moved(x, 1e-6)));

const check = (...held: HeldTensor[]) => checkTrace({ reference, candidate: single(...held), perturbed: [shaken] });

test('round-off passes and a hundred times as much fails', () => {
  assert.equal(check(one(moved(x, 1e-6, 5))).verdict, 'pass');
  assert.equal(check(one(moved(x, 1e-4, 5))).verdict, 'divergence');
});

test('a kind that the candidate’s framework cannot hold is left out and said so; nothing else may be', () => {
  const gradient = one(values(2), 'it0/mb0/wgrad/decoder.layers.0.mlp.weight');
  const whole = single(one(x), gradient);
  const shakenWhole = perturbed(one(moved(x, 1e-6)), { ...gradient, data: moved(values(2), 1e-6) });
  const run = (held: HeldTensor[], info: object) =>
    checkTrace({
      reference: whole,
      candidate: traceOf({ axes: { dp: 1 }, held, info }),
      perturbed: [shakenWhole],
    });
  assert.equal(run([one(x)], {}).counts.MISSING, 1);
  const stated = run([one(x)], { unrecordedKinds: ['wgrad'] });
  assert.equal(stated.verdict, 'pass');
  assert.match(stated.notes.join(' '), /none of single micro-batches are compared/);
  assert.equal(run([gradient], { unrecordedKinds: ['wgrad'] }).counts.MISSING, 1);
  const wrong = { ...gradient, data: values(3) };
  assert.equal(run([one(x), wrong], { unrecordedKinds: ['wgrad'] }).verdict, 'divergence');
});

test('a permutation of rows fails although all norms agree, and is named', () => {
  const swapped = Float32Array.from({ length: N }, (_, i) => x[(i + N / 2) % N]);
  const candidate = traceOf({ axes: { cp: 2 }, held: [0, 1].map((rank) => ({ ...one(swapped), rank })) });
  const result = checkTrace({ reference, candidate, perturbed: [shaken] });
  assert.equal(result.verdict, 'divergence');
  assert.match(
    result.findings[0].hints.map(({ text }) => text).join(),
    /chunks of dimension 0 stand in the order 1, 0 \(cp\)/,
  );
});

test('a pure factor has cosine 1 and fails all the same', () => {
  const result = check(one(x.map((v) => 2 * v)));
  assert.ok(result.findings[0].cosine > 0.999999);
  assert.equal(result.baselines.numCosineFails, 0);
  assert.equal(result.findings[0].hints[0].kind, 'scale');
});

test('an id in one run only is MISSING, never ignored', () => {
  const result = check(one(x, 'it0/mb0/out/decoder.layers.0.renamed'));
  assert.equal(result.counts.MISSING, 2);
  assert.equal(result.verdict, 'inconclusive');
  assert.equal(check().culprit!.column, 'census');
  const extra = check(one(x), one(x, 'it0/mb0/out/decoder.layers.0.other'));
  assert.equal(extra.counts.MISSING, 1);
});

test('a tensor that one rounding unit moves by half is INCONCLUSIVE, not PASS', () => {
  const result = checkTrace({ reference, candidate: single(one(x)), perturbed: [perturbed(one(moved(x, 0.5)))] });
  assert.equal(result.counts.INCONCLUSIVE, 1);
  assert.equal(result.verdict, 'inconclusive');
});

test('a tensor that is all zero in the candidate alone fails, however far one rounding unit moves it', () => {
  const zero = one(new Float32Array(N));
  const result = checkTrace({ reference, candidate: single(zero), perturbed: [perturbed(one(moved(x, 0.5)))] });
  assert.deepEqual([result.counts.FAIL, result.findings[0].note], [1, 'zero in the candidate only']);
  const tiny = (data: Float32Array) => [one(data), one(x, 'it0/mb0/out/other')];
  const dust = x.map((v) => v * 1e-12);
  const passed = checkTrace({
    reference: single(...tiny(dust)),
    candidate: single(...tiny(new Float32Array(N))),
    perturbed: [perturbed(...tiny(moved(dust, 0.5)))],
  });
  assert.equal(passed.counts.FAIL, 0, 'beside its siblings the reference is zero too');
});

test('a perturbation that rounded away is refused', () => {
  assert.throws(() => checkTrace({ reference, candidate: reference, perturbed: [perturbed(one(x))] }), /TF-TRACE-010/);
  const half = traceOf({
    axes: { dp: 1 },
    held: [one(moved(x, 1e-6))],
    info: { role: 'perturbed', perturbation: { where: 'embedding', seed: 1, ulps: 0.5, changedShare: 0.4 } },
  });
  assert.throws(
    () => checkTrace({ reference, candidate: reference, perturbed: [half] }),
    /90 % .* got 40\.0 % at 0\.5 ulp/,
  );
});

test('a zero reference passes only a zero candidate', () => {
  const zero = new Float32Array(N);
  const ref = single(one(zero), one(x, 'it0/mb0/out/other'));
  const pert = perturbed(one(zero), one(moved(x, 1e-6), 'it0/mb0/out/other'));
  const judged = (data: Float32Array) =>
    checkTrace({ reference: ref, candidate: single(one(data), one(x, 'it0/mb0/out/other')), perturbed: [pert] })
      .verdict;
  assert.equal(judged(zero), 'pass');
  assert.equal(judged(x), 'divergence');
});

test('values that are not finite fail, and an unsound reference is refused', () => {
  const broken = x.slice();
  broken[3] = NaN;
  assert.match(check(one(broken)).findings[0].note!, /1 values are not finite/);
  assert.throws(
    () => checkTrace({ reference: single(one(broken)), candidate: single(one(x)), perturbed: [] }),
    /TF-TRACE-009/,
  );
});

test('gradients are compared after dividing by the loss factor', () => {
  const id = 'it0/mb0/dout/decoder.layers.0.mlp';
  const ref = traceOf({ axes: { dp: 1 }, held: [one(x, id)], info: { lossFactor: 0.25 } });
  const pert = traceOf({
    axes: { dp: 1 },
    held: [one(moved(x, 1e-6), id)],
    info: {
      lossFactor: 0.25,
      role: 'perturbed',
      perturbation: { where: 'embedding', seed: 1, ulps: 1, changedShare: 1 },
    },
  });
  const candidate = traceOf({
    axes: { dp: 1 },
    held: [
      one(
        x.map((v) => 2 * v),
        id,
      ),
    ],
    info: { lossFactor: 0.5 },
  });
  assert.equal(checkTrace({ reference: ref, candidate, perturbed: [pert] }).verdict, 'pass');
  const main = (data: Float32Array, lossFactor: number) =>
    traceOf({ axes: { dp: 1 }, held: [one(data, 'it0/main_grad/w.weight')], info: { lossFactor } });
  assert.equal(
    checkTrace({
      reference: main(x, 0.25),
      candidate: main(
        x.map((v) => 2 * v),
        0.5,
      ),
    }).verdict,
    'divergence',
  );
});

test('copies that differ are reported with their axis, and a missing sum is named', () => {
  const id = 'it0/main_grad/decoder.final_layernorm.weight';
  const [a, b] = [values(2), values(3)];
  const sum = a.map((v, i) => v + b[i]);
  const result = checkTrace({
    reference: single(one(sum, id)),
    candidate: traceOf({ axes: { tp: 2 }, held: [one(a, id, 0), one(b, id, 1)] }),
  });
  assert.equal(result.findings[0].status, 'REPLICA_DIVERGED');
  assert.match(result.findings[0].note!, /along tp/);
  assert.match(result.text, /not summed over tp/);
  const broken = checkInvariants(traceOf({ axes: { tp: 2 }, held: [one(a, id, 0), one(b, id, 1)] }));
  assert.equal(broken.violations[0].rule, 'replicas');
});

test('pending sums are added before they are compared', () => {
  const id = 'it0/mb0/wgrad/w.weight';
  const a = values(2);
  const held = [0, 1].map((rank) => ({
    ...one(rank === 0 ? a : x.map((v, i) => v - a[i]), id, rank),
    partial: ['cp'],
  }));
  assert.equal(
    checkTrace({ reference: single(one(x, id)), candidate: traceOf({ axes: { cp: 2 }, held }) }).verdict,
    'pass',
  );
});

test('different parameters at the start stop the check there', () => {
  const start = 'it0/param/w.weight';
  const result = checkTrace({
    reference: single(one(x, start), one(x)),
    candidate: single(one(moved(x, 1e-7), start), one(moved(x, 1))),
  });
  assert.equal(result.culprit!.column, 'param');
});

test('sketches of shards add up to the sketch of the whole', () => {
  const shards = [0, 1].map((rank) => ({
    ...one(x.slice(rank * 32, rank * 32 + 32), 'it0/mb0/out/decoder.layers.0.mlp', rank),
    lowered: lowerPlacements([16, 4], [{ axis: 'tp', index: rank, size: 2, placement: { kind: 'S', dim: 0 } }]),
  }));
  const candidate = traceOf({ axes: { tp: 2 }, held: shards });
  const result = checkTrace({ reference, candidate, perturbed: [shaken], buckets: 256 });
  assert.equal(result.verdict, 'pass');
  assert.ok(result.findings[0].rel < 1e-7);
});

test('the third run decides which of two is off', () => {
  const off = single(one(moved(x, 0.1)));
  assert.equal(triangulate(off, single(one(moved(x, 1e-6))), reference).suspect, 'a');
  assert.equal(triangulate(reference, off, single(one(moved(x, 1e-6)))).suspect, 'b');
  assert.equal(triangulate(reference, reference, reference).rows.length, 0);
});

test('mutate says which faults stay unseen under wide tolerances', () => {
  const tolerances = (by: number) =>
    estimateTolerance('float32', perturbedComparisons(reference, [perturbed(one(moved(x, by)))]));
  const caught = (by: number) =>
    mutateRun(reference, tolerances(by)).find(({ fault }) => fault === 'scale-1.1')!.numCaught;
  assert.equal(caught(1e-6), 1);
  assert.equal(caught(0.1), 0);
});

test('JUnit has a case per tensor and escapes its texts', () => {
  const xml = junitFromCheck(check(one(x.map((v) => 2 * v))), 'a "suite" & more');
  assert.match(xml, /name="a &quot;suite&quot; &amp; more" tests="1" failures="1"/);
  assert.match(xml, /<failure message="FAIL: /);
});

test('a tolerance differs by tensor and has a floor per precision', () => {
  const two = single(one(x), one(x, 'it0/mb0/out/other'));
  const pert = perturbed(one(moved(x, 1e-3)), one(moved(x, 1e-9), 'it0/mb0/out/other'));
  const found = [...estimateTolerance('float32', perturbedComparisons(two, [pert])).values()].map(({ tau }) => tau);
  assert.ok(found[0] > 2e-3 && found[1] === 3 * 2 ** -23);
});

test('a wrong update fails although the parameter itself hardly differs', () => {
  const names = ['param', 'param_next'] as const;
  const held = (update: number): HeldTensor[] =>
    names.map((kind, step) =>
      one(
        Float32Array.from(x, (v) => v + step * update),
        `it0/${kind}/w.weight`,
      ),
    );
  const result = checkTrace({ reference: single(...held(1e-3)), candidate: single(...held(-1e-3)) });
  const next = result.findings.find(({ kind }) => kind === 'param_next')!;
  assert.ok(next.rel < 5e-3 && next.status === 'PASS', String(next.rel));
  const delta = result.findings.find(({ kind }) => kind === 'delta')!;
  assert.deepEqual([delta.status, delta.rel > 1.9], ['FAIL', true]);
  assert.equal(result.culprit!.column, 'delta');
});
