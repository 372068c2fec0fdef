/** Gradients of whole models against finite differences in float64, and with checkpointing against those without. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backward, compareWithDifferences } from '../../src/autodiff/index.ts';
import { createRng } from '../../src/base/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';
import { buildSubject, statesOf, SUBJECTS } from './model-subjects.ts';
import { run64, seed, worstError } from './test-runner.ts';

for (const [title, create] of Object.entries(SUBJECTS)) {
  test(`gradients of ${title} equal finite differences in every parameter`, () => {
    const subject = create();
    const { b, net, loss } = buildSubject(subject, false);
    const wrt = [...net.parameters.keys()];
    const result = compareWithDifferences(
      b,
      loss,
      { feeds: { ...subject.inputs, ...statesOf(net) }, wrt },
      { run: run64, rng: createRng(seed, title), maxElements: 4, numDirections: 2, tolerance: 1e-6, step: 3e-5 },
    );
    assert.equal(result.errors.size, wrt.length);
    assert.ok(wrt.length >= 10);
  });

  test(`checkpointing leaves the gradients of ${title} as they are`, () => {
    const subject = create();
    const outputs = [false, true].map((isCheckpointed) => {
      const { b, net, loss } = buildSubject(subject, isCheckpointed);
      const names = [...net.parameters.keys()];
      const gradients = backward(b, loss, [...net.parameters.values()]);
      gradients.forEach((gradient, i) => b.output(gradient, `grad/${names[i]!}`));
      const graph = b.finish();
      const read = new Set([...graph.outputs, ...graph.nodes.flatMap((node) => node.inputs)]);
      const dead = graph.nodes.filter(
        ({ notes, outputs }) => notes.phase === 'backward' && !outputs.some((id) => read.has(id)),
      );
      assert.deepEqual(
        dead.map((node) => node.name),
        [],
        'the backward pass holds no node that nobody reads',
      );
      return run64(graph, { ...subject.inputs, ...statesOf(net) });
    });
    const [plain, checkpointed] = outputs as [Record<string, Tensor>, Record<string, Tensor>];
    assert.ok(Object.keys(plain).length >= 10);
    for (const [name, expected] of Object.entries(plain)) {
      assert.ok(worstError(checkpointed[name]!, expected) < 1e-10, name);
    }
  });
}
