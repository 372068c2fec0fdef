/** Kernels of our own on WebGPU: what they cover, that they agree with the reference, and how few they are. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { createGraphBuilder } from '../../src/graph/index.ts';
import { adamW, buildTrainStep, crossEntropy, gpt, i64, initialStates } from '../../src/nn/index.ts';
import { createFusedSession } from '../../src/runtime/fused/fused-session.ts';
import { openGpu } from '../../src/runtime/fused/gpu-device.ts';
import { planKernels } from '../../src/runtime/fused/kernel-plan.ts';
import { NoKernel } from '../../src/runtime/fused/prims.ts';
import { openBackend } from '../../src/runtime/index.ts';
import type { Session } from '../../src/runtime/index.ts';
import { assertTensorsClose } from '../../src/tensor/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';
import { MODEL_CASES } from '../nn/model-cases.ts';
import { OP_CASES } from './op-cases.ts';

const SIZE = { vocabulary: 24, width: 16, layers: 2, heads: 2, context: 8 };
const PLAN = { maxBuffers: 16 };
const f32 = (shape: readonly number[], numbers: readonly number[]): Tensor => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(numbers),
});

function transformerStep() {
  return buildTrainStep({
    model: gpt(SIZE),
    inputs: { tokens: i64(2, 8), targets: i64(2, 8) },
    loss: ({ g, outputs, inputs }) => crossEntropy(g, outputs['logits'], inputs['targets']),
    optimizer: adamW({ learningRate: 1e-2 }),
  });
}

test('the update of a parameter and its moments is one kernel', () => {
  const step = transformerStep();
  const plan = planKernels(step.graph, PLAN);
  for (const name of step.states.keys()) {
    if (step.states.get(name)!.kind !== 'parameter') continue;
    const nexts = [name, `optimizer/${name}/m`, `optimizer/${name}/v`].flatMap((state) => {
      const found = step.graph.states.find((candidate) => candidate.name === state || candidate.name.endsWith(state));
      return found?.next === undefined ? [] : [plan.rootOf.get(found.next)!];
    });
    const writers = plan.kernels.filter(({ bindings }) =>
      bindings.some(({ root, access }) => access === 'read_write' && nexts.includes(root)),
    );
    assert.equal(writers.length, 1, name);
  }
});

test('softmax, its gradient and layer norm are one kernel each', () => {
  const { graph } = transformerStep();
  const { kernels } = planKernels(graph, PLAN);
  const count = (op: string): number => kernels.filter((kernel) => kernel.op === op).length;
  assert.equal(count('Softmax'), SIZE.layers);
  assert.equal(count('LayerNormalization'), 2 * SIZE.layers + 1);
  assert.ok(kernels.length < graph.nodes.length / 4, `${kernels.length} kernels for ${graph.nodes.length} nodes`);
  assert.ok(new Set(kernels.map(({ code }) => code)).size < kernels.length / 2, 'layers share their kernels');
});

test('memory of values that nobody reads any more is used again', () => {
  const g = createGraphBuilder('chain');
  let x = g.input('x', 'float32', [8, 8]);
  for (let i = 0; i < 12; i++)
    x = g.matMul(
      x,
      g.constant(
        f32(
          [8, 8],
          Array.from({ length: 64 }, (_, at) => at / 64),
        ),
      ),
    );
  g.output(x, 'y');
  assert.equal(planKernels(g.finish(), PLAN).slotBytes.length, 2);
});

test('an op without a kernel is refused by name', () => {
  const g = createGraphBuilder('conv');
  g.output(g.conv(g.input('x', 'float32', [1, 1, 4, 4]), g.input('w', 'float32', [1, 1, 3, 3])), 'y');
  assert.throws(
    () => planKernels(g.finish(), PLAN),
    (error) => error instanceof NoKernel && error.message === 'Conv',
  );
});

test('training steps of decoders and diffusion transformers are covered, clipping included; others say what is missing', () => {
  const missing = Object.fromEntries(
    MODEL_CASES.map((modelCase) => {
      const { graph } = buildTrainStep({ ...modelCase, optimizer: adamW({ learningRate: 1e-2 }), clipNorm: 1 });
      try {
        planKernels(graph, PLAN);
        return [modelCase.name, undefined];
      } catch (error) {
        assert.ok(error instanceof NoKernel);
        return [modelCase.name, error.message];
      }
    }),
  );
  assert.deepEqual(missing, {
    mlp: undefined,
    smallCnn: 'Conv',
    resNet: 'Conv',
    gpt: undefined,
    llama: undefined,
    hybrid: 'CumSum',
    moeDecoder: 'TopK',
    dit: undefined,
    unet: 'Conv',
  });
});

/** Dawn without a GPU: it checks shaders and computes nothing. The instance must outlive its device. */
const dawn = await import('webgpu').catch(() => undefined);
const nullGpu = dawn?.create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);

async function nullDevice(): Promise<GPUDevice | undefined> {
  const adapter = await nullGpu?.requestAdapter().catch(() => null);
  return adapter?.requestDevice({ requiredFeatures: [...adapter.features] as GPUFeatureName[] });
}

const checker = await nullDevice();

for (const computeDtype of ['float32', 'float16'] as const) {
  test(
    `every kernel of a training step in ${computeDtype} is valid WGSL, with and without matrix units`,
    { skip: checker === undefined ? 'the package webgpu does not load' : false },
    async () => {
      assert.ok(nullGpu);
      const size = { vocabulary: 512, width: 128, layers: 1, heads: 2, context: 128 };
      const step = buildTrainStep({
        model: gpt(size),
        inputs: { tokens: i64(2, 128), targets: i64(2, 128) },
        loss: ({ g, outputs, inputs }) => crossEntropy(g, outputs['logits'], inputs['targets']),
        optimizer: adamW({ learningRate: 1e-2 }),
        computeDtype,
        lossScale: 64,
      });
      for (const hasMatrixUnits of [false, true]) {
        const { kernels } = planKernels(step.graph, { ...PLAN, hasMatrixUnits });
        const codes = [...new Set(kernels.map(({ code }) => code))];
        const onUnits = codes.filter((code) => code.includes('subgroupMatrixMultiplyAccumulate')).length;
        assert.equal(onUnits > 0, hasMatrixUnits && computeDtype === 'float16');
        for (const code of codes) {
          checker!.pushErrorScope('validation');
          const { messages } = await checker!.createShaderModule({ code }).getCompilationInfo();
          await checker!.popErrorScope();
          const found = [...messages].map(({ type, lineNum, message }) => `${type} in line ${lineNum}: ${message}`);
          assert.deepEqual(found, [], code);
        }
      }
    },
  );
}

const gpu = await openGpu();

describe('fused kernels on a device', { skip: gpu === undefined ? 'no GPU adapter was found' : false }, () => {
  const open = async (graph: Parameters<typeof createFusedSession>[0], states = {}): Promise<Session | undefined> =>
    createFusedSession(graph, states, { fusesKernels: true });

  it('agree with the reference on every op that they cover, which are most', async () => {
    let covered = 0;
    for (const { name, graph, feeds } of OP_CASES) {
      const session = await open(graph);
      if (session === undefined) continue;
      covered++;
      await using own = session;
      await using judge = await (await openBackend('reference')).createSession(graph, {});
      const [expected, actual] = [await judge.run(feeds), await own.run(feeds)];
      for (const [output, tensor] of Object.entries(expected)) {
        // WGSL allows sin and cos an absolute error of 2⁻¹¹.
        const tolerance = name === 'sin' || name === 'cos' ? { absolute: 2 ** -11 } : {};
        assert.doesNotThrow(() => assertTensorsClose(actual[output], tensor, { tolerance }), name);
      }
    }
    assert.ok(covered > OP_CASES.length / 2, `${covered} of ${OP_CASES.length}`);
  });

  it('train a transformer as the reference does, and bit for bit the same when repeated', async () => {
    const step = transformerStep();
    const states = initialStates(step.states, { seed: 3 });
    const ids = (offset: number): Tensor => ({
      dtype: 'int64',
      shape: [2, 8],
      data: BigInt64Array.from({ length: 16 }, (_, i) => BigInt((i * 7 + offset) % SIZE.vocabulary)),
    });
    const train = async (session: Session): Promise<{ losses: number[]; table: Tensor }> => {
      const losses: number[] = [];
      for (let run = 0; run < 3; run++) {
        const scalars = Object.entries(step.optimizer.scalars(run)).map(([name, value]) => [
          `optimizer.${name}`,
          f32([], [value]),
        ]);
        const { loss } = await session.run({ tokens: ids(0), targets: ids(7), ...Object.fromEntries(scalars) });
        losses.push(Number(loss.data[0]));
      }
      const table = await session.readState('wte.weight');
      await session.dispose();
      return { losses, table };
    };
    const first = await train((await open(step.graph, states))!);
    const second = await train((await open(step.graph, states))!);
    const judge = await train(await (await openBackend('reference')).createSession(step.graph, states));
    assert.deepEqual(second, first);
    assertTensorsClose(f32([3], first.losses), f32([3], judge.losses));
    assertTensorsClose(first.table, judge.table, { tolerance: { absolute: 1e-4 } });
  });

  it('carry states whose next value is an input, an output or another state', async () => {
    const g = createGraphBuilder('handover');
    const x = g.input('x', 'float32', [2]);
    const [kept, shown, shifted] = ['kept', 'shown', 'shifted'].map((name) => g.buffer(name, [2]));
    g.setNextState(kept, x);
    g.setNextState(shown, g.output(g.add(shown, x), 'y'));
    g.setNextState(shifted, kept);
    await using session = (await open(g.finish(), {
      kept: f32([2], [1, 2]),
      shown: f32([2], [10, 20]),
      shifted: f32([2], [0, 0]),
    }))!;
    const read = async (name: string): Promise<number[]> => [...((await session.readState(name)).data as Float32Array)];
    const { y } = await session.run({ x: f32([2], [3, 4]) });
    assert.deepEqual([...(y.data as Float32Array)], [13, 24]);
    assert.deepEqual(
      [await read('kept'), await read('shown'), await read('shifted')],
      [
        [3, 4],
        [13, 24],
        [1, 2],
      ],
    );
    await session.run({ x: f32([2], [5, 6]) });
    assert.deepEqual(
      [await read('kept'), await read('shown'), await read('shifted')],
      [
        [5, 6],
        [18, 30],
        [3, 4],
      ],
    );
  });
});
