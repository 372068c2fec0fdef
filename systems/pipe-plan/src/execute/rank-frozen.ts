/** Frozen layers on one worker. */
import { normalAt, streamFromId } from '@tenfold/core/base';
import { openRankSession, type RankContext, type RankSession } from '@tenfold/core/ranks';
import { createTensor, type Tensor } from '@tenfold/core/tensor';
import {
  frozenInputShape,
  LATENT_CHANNELS,
  LATENT_SIZE,
  MINI_FROZEN,
  type FrozenName,
  type MiniConfig,
} from './mini-model.ts';
import { buildFrozenGraph } from './stage-graphs.ts';

export interface FrozenItem {
  readonly component: FrozenName;
  readonly layer: number;
  /** Samples [start, start + count) of the batch. */
  readonly start: number;
  readonly count: number;
}

/** Frozen layers of this rank's items; activations between layers stay here. */
export async function openFrozen(context: RankContext, config: MiniConfig, items: readonly FrozenItem[]) {
  const sessions = new Map<string, RankSession>();
  for (const { component, layer, count } of items) {
    const key = `${component}.${layer} × ${count}`;
    if (sessions.has(key)) continue;
    const { graph, states } = buildFrozenGraph(config, component, layer, count);
    sessions.set(key, await openRankSession(context, graph, { states }));
  }
  const latentSize = LATENT_CHANNELS * LATENT_SIZE ** 2;
  const rowSize = latentSize + config.width;
  const samples = new Map<string, Float32Array>(); // component.layer.sample → output row
  let outputs = createTensor('float32', [0, rowSize]);
  return {
    /** Room for the outputs of so many samples, before their items run. */
    begin(batch: number): void {
      outputs = createTensor('float32', [batch, rowSize]);
      samples.clear();
    },
    async run(iteration: number, { component, layer, start, count }: FrozenItem): Promise<void> {
      const session = sessions.get(`${component}.${layer} × ${count}`)!;
      const shape = session.graph.values[session.graph.inputs[0]!]!.shape;
      const x = createTensor('float32', shape);
      const rowLength = x.data.length / count;
      for (let k = 0; k < count; k++) {
        const row =
          layer === 0
            ? inputRow(component, iteration, start + k)
            : samples.get(`${component}.${layer - 1}.${start + k}`)!;
        (x.data as Float32Array).set(row, k * rowLength);
      }
      const { y } = await session.run({ x });
      const length = y!.data.length / count;
      for (let k = 0; k < count; k++) {
        const row = (y!.data as Float32Array).subarray(k * length, (k + 1) * length);
        if (layer < MINI_FROZEN[component].length - 1) samples.set(`${component}.${layer}.${start + k}`, row);
        else (outputs.data as Float32Array).set(row, (start + k) * rowSize + (component === 'image' ? 0 : latentSize));
      }
    },
    /** Every sample was made by one rank; the others hold zeros, so the sum is exact. */
    exchange(ranks: RankContext): Tensor {
      return ranks.allReduce(outputs, { label: 'frozen outputs' }).wait();
    },
    async dispose(): Promise<void> {
      for (const session of sessions.values()) await session.dispose();
    },
  };

  function inputRow(component: FrozenName, iteration: number, sample: number): Float32Array {
    const length = frozenInputShape(component, config).reduce((product, size) => product * size, 1);
    const stream = streamFromId(`${component} ${iteration}`, config.seed);
    return Float32Array.from({ length }, (_, i) => normalAt(stream, sample * length + i));
  }
}
