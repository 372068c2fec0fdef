/** Losses and gradients of whole models against PyTorch, where the same models are written again: to 1e-5 relative in
 *  float64. Skipped, with the reason printed, without python3-torch. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { backward } from '../../src/autodiff/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';
import { buildSubject, labels, statesOf, SUBJECTS } from './model-subjects.ts';
import { run64 } from './test-runner.ts';

const RELATIVE_TOLERANCE = 1e-5;
/** Debian's interpreter first: it is the one that has python3-torch. */
const PYTHON = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
const PROGRAM = join(import.meta.dirname, 'torch-models.py');

interface Answer {
  readonly loss: number;
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

const asJson = ({ dtype, shape, data }: Tensor) => ({
  shape,
  data: Array.from(data, Number),
  integer: dtype === 'int64',
});
const allAsJson = (tensors: Readonly<Record<string, Tensor>>) =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, asJson(tensor)]));

const runs = Object.entries(SUBJECTS).map(([title, create]) => {
  const subject = create();
  const { b, net, loss } = buildSubject(subject, false);
  const names = [...net.parameters.keys()];
  const states = statesOf(net);
  b.output(loss, 'loss');
  backward(b, loss, [...net.parameters.values()]).forEach((gradient, i) => b.output(gradient, `grad/${names[i]!}`));
  const ours = run64(b.finish(), { ...subject.inputs, ...states });
  return {
    title,
    names,
    ours,
    request: { states: allAsJson(states), inputs: allAsJson(subject.inputs), labels: asJson(labels) },
  };
});

const hasTorch = spawnSync(PYTHON, ['-c', 'import torch']).status === 0;
const answers = hasTorch ? askTorch() : {};

function askTorch(): Readonly<Record<string, Answer>> {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-torch-'));
  try {
    const [requests, answersPath] = ['requests.json', 'answers.json'].map((name) => join(folder, name)) as [
      string,
      string,
    ];
    writeFileSync(requests, JSON.stringify(Object.fromEntries(runs.map(({ title, request }) => [title, request]))));
    const { status, stderr } = spawnSync(PYTHON, [PROGRAM, requests, answersPath], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return JSON.parse(readFileSync(answersPath, 'utf8')) as Record<string, Answer>;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const { title, names, ours } of runs) {
  test(
    `loss and gradients of ${title} are PyTorch's`,
    { skip: hasTorch ? false : 'python3-torch is not installed' },
    () => {
      const { loss, gradients } = answers[title]!;
      assert.ok(Math.abs(Number(ours['loss']!.data[0]) - loss) <= RELATIVE_TOLERANCE * Math.abs(loss), 'loss');
      assert.ok(names.length >= 10);
      for (const name of names) {
        const own = Array.from(ours[`grad/${name}`]!.data, Number);
        const theirs = gradients[name]!;
        const largest = Math.max(...theirs.map(Math.abs));
        // Some gradients are zero by symmetry (biases of keys): both sides then hold rounding alone.
        const allowed = RELATIVE_TOLERANCE * largest + 1e-12;
        assert.equal(own.length, theirs.length, name);
        own.forEach((value, i) =>
          assert.ok(Math.abs(value - theirs[i]!) <= allowed, `${name}[${i}]: ${value}, ${theirs[i]}`),
        );
      }
    },
  );
}
