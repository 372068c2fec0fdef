import { test } from 'node:test';
import { buildTrainStep, initialStates, sgd } from '../../src/nn/index.ts';
import { availableBackends, openBackend } from '../../src/runtime/index.ts';
import { assertTensorsClose } from '../../src/tensor/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';
import { feedsFor, MODEL_CASES } from './model-cases.ts';

const reason = (await availableBackends()).find(({ name }) => name === 'webgpu')!.reason;
const RATE: Tensor = { dtype: 'float32', shape: [], data: Float32Array.of(0.1) };

for (const modelCase of MODEL_CASES) {
  test(
    `a training step of ${modelCase.name} runs on the GPU alone and updates as on the reference`,
    { skip: reason ?? false },
    async () => {
      const step = buildTrainStep({ ...modelCase, optimizer: sgd({ learningRate: 0.1 }), isUpdateFused: true });
      const states = initialStates(step.states, { seed: 3 });
      const after = async (backend: 'reference' | 'webgpu') => {
        await using session = await (await openBackend(backend)).createSession(step.graph, states);
        const { loss } = await session.run({ ...feedsFor(modelCase), 'optimizer.rate': RATE });
        const values: Record<string, Tensor> = { loss };
        for (const name of step.states.keys()) values[name] = await session.readState(name);
        return values;
      };
      const [expected, actual] = [await after('reference'), await after('webgpu')];
      for (const [name, tensor] of Object.entries(expected)) assertTensorsClose(actual[name], tensor);
    },
  );
}
