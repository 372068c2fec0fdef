/** What every backend must do. A backend passes its name and named skips: what it cannot do, with the reason. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createGraphBuilder } from '../../src/graph/index.ts';
import { openBackend } from '../../src/runtime/index.ts';
import type { Backend, BackendName } from '../../src/runtime/index.ts';
import { assertTensorsClose } from '../../src/tensor/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';
import { OP_CASES } from './op-cases.ts';

export interface ConformanceOptions {
  /** Name of a case → why this backend cannot run it. */
  readonly skips?: Readonly<Record<string, string>>;
  /** Name of a case → the error that the platform's own definition of the op allows. */
  readonly tolerances?: Readonly<Record<string, number>>;
}

const f32 = (shape: readonly number[], numbers: readonly number[]): Tensor => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(numbers),
});

/** w ← w − m', m ← 0.5 m + w·x (so that w is read after m' exists); a running count; output y = w·x. */
function counterGraph() {
  const g = createGraphBuilder('counter');
  const x = g.input('x', 'float32', [2]);
  const w = g.parameter('w', [2]);
  const m = g.optimizerState('m', [2]);
  const count = g.buffer('count', []);
  const frozen = g.buffer('frozen', [2]);
  const y = g.output(g.add(g.mul(w, x), frozen), 'y');
  const next = g.add(g.mul(m, 0.5), y);
  g.setNextState(m, next);
  g.setNextState(w, g.sub(w, next));
  g.setNextState(count, g.add(count, 1));
  g.output(g.reduceSum(next), 'sum');
  return g.finish();
}

const START = { w: f32([2], [1, 2]), count: f32([], [0]), frozen: f32([2], [0, 0.5]) };

export function backendConformance(name: BackendName, { skips = {}, tolerances = {} }: ConformanceOptions = {}): void {
  describe(`backend ${name}`, () => {
    const open = async (): Promise<Backend> => openBackend(name);

    it('carries states from run to run and starts missing optimiser states at zero', async () => {
      await using session = await (await open()).createSession(counterGraph(), START);
      const [w, m, x] = [
        [1, 2],
        [0, 0],
        [0.5, 0.25],
      ];
      for (let run = 1; run <= 5; run++) {
        const { y, sum } = await session.run({ x: f32([2], x) });
        const expected = [w[0] * x[0], w[1] * x[1] + 0.5];
        assertTensorsClose(y, f32([2], expected));
        for (const i of [0, 1]) {
          m[i] = 0.5 * m[i] + expected[i];
          w[i] -= m[i];
        }
        assertTensorsClose(sum, f32([], [m[0] + m[1]]));
        assertTensorsClose(await session.readState('w'), f32([2], w));
        assertTensorsClose(await session.readState('m'), f32([2], m));
        assertTensorsClose(await session.readState('count'), f32([], [run]));
        assertTensorsClose(await session.readState('frozen'), f32([2], [0, 0.5]));
      }
    });

    it('brings back only what is fetched and advances states all the same', async () => {
      await using session = await (await open()).createSession(counterGraph(), START);
      const results = await session.run({ x: f32([2], [1, 1]) }, ['sum']);
      assert.deepEqual(Object.keys(results), ['sum']);
      await session.run({ x: f32([2], [1, 1]) }, []);
      assert.equal(Number((await session.readState('count')).data[0]), 2);
    });

    it('copies what is written and read, so that neither side sees later changes of the other', async () => {
      await using session = await (await open()).createSession(counterGraph(), START);
      const written = f32([2], [5, 6]);
      await session.writeState('w', written);
      (written.data as Float32Array).fill(99);
      const read = await session.readState('w');
      assert.deepEqual([...(read.data as Float32Array)], [5, 6]);
      (read.data as Float32Array).fill(77);
      const { y } = await session.run({ x: f32([2], [1, 1]) });
      assertTensorsClose(y, f32([2], [5, 6.5]));
      assert.deepEqual([...(START.w.data as Float32Array)], [1, 2], 'initial values are not changed');
    });

    it('runs queued calls one after the other', async () => {
      await using session = await (await open()).createSession(counterGraph(), START);
      await Promise.all(Array.from({ length: 8 }, () => session.run({ x: f32([2], [0, 0]) })));
      assert.equal(Number((await session.readState('count')).data[0]), 8);
    });

    it('gives the same bits when the same runs are repeated', async () => {
      const once = async () => {
        await using session = await (await open()).createSession(counterGraph(), START, { isDeterministic: true });
        for (let run = 0; run < 3; run++) await session.run({ x: f32([2], [0.3, 0.7]) });
        return [...((await session.readState('w')).data as Float32Array)];
      };
      assert.deepEqual(await once(), await once());
    });

    it('names a missing feed, a wrong shape, an unknown fetch and an unknown state', async () => {
      await using session = await (await open()).createSession(counterGraph(), START);
      const message = async (work: Promise<unknown>): Promise<string> =>
        work.then(
          () => 'nothing thrown',
          (error: Error) => error.message,
        );
      assert.equal(
        await message(session.run({})),
        'run: a feed for graph input "x" (float32 [2]), got no feeds. TF-RUN-002',
      );
      assert.equal(
        await message(session.run({ x: f32([3], [1, 2, 3]) })),
        'run: feed "x" to be float32 [2], got float32 [3]. TF-RUN-002',
      );
      assert.equal(
        await message(session.run({ x: f32([2], [1, 2]) }, ['summ'])),
        'run: fetches of graph outputs, got "summ". Did you mean "sum"? TF-RUN-004',
      );
      assert.equal(
        await message(session.readState('ww')),
        'readState: the name of a state, got "ww". Did you mean "w"? TF-RUN-003',
      );
    });

    it('refuses runs after it was closed, and may be closed twice', async () => {
      const session = await (await open()).createSession(counterGraph(), START);
      await session.dispose();
      await session.dispose();
      await assert.rejects(session.run({ x: f32([2], [1, 1]) }), /TF-RUN-008/);
    });

    for (const { name: caseName, graph, feeds } of OP_CASES) {
      const reason = skips[caseName];
      it(`agrees with the reference on ${caseName}`, { skip: reason ?? false }, async () => {
        await using judge = await (await openBackend('reference')).createSession(graph, {});
        await using session = await (await open()).createSession(graph, {});
        const expected = await judge.run(feeds);
        const actual = await session.run(feeds);
        assert.deepEqual(Object.keys(actual).toSorted(), Object.keys(expected).toSorted());
        for (const [output, tensor] of Object.entries(expected)) {
          assert.equal(actual[output].dtype, tensor.dtype);
          assertTensorsClose(actual[output], tensor, allowed(tolerances[caseName]));
        }
      });
    }
  });
}

function allowed(error: number | undefined) {
  return error === undefined ? {} : { tolerance: { absolute: error, relative: 0 } };
}
