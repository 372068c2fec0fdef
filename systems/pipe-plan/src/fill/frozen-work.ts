/** Frozen components in a shape that filling loops read fast: sorted, with times by samples and predecessors by index. */
import { costAt, createCostTable } from '@tenfold/core/schedule';
import { pipeError } from '../pipe-errors.ts';
import type { FrozenComponent } from '../types.ts';

/** Local batch sizes at which a partial-batch layer may run. Ours; small ones fit small bubbles. */
export const PARTIAL_BATCHES: readonly number[] = [1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96];

export interface FrozenWork {
  readonly ids: readonly string[];
  readonly numLayers: readonly number[];
  readonly preds: readonly (readonly number[])[];
  /** Components in an order in which predecessors come first. */
  readonly order: readonly number[];
  /** t_{c,l}(n) in ms for n samples on one device; n is a whole number ≥ 1. */
  readonly timeMs: (component: number, layer: number, samples: number) => number;
}

/** @throws TF-PIPE-004 on a circle or an unknown predecessor */
export function createFrozenWork(components: readonly FrozenComponent[]): FrozenWork {
  const ids = components.map(({ id }) => id);
  const preds = components.map(({ id, preds: names }) =>
    names.map((name) => {
      const index = ids.indexOf(name);
      if (index < 0)
        throw pipeError('TF-PIPE-004', {
          subject: 'createFrozenWork',
          expected: `predecessors of "${id}" among ${ids.join(', ')}`,
          actual: `"${name}"`,
        });
      return index;
    }),
  );
  const tables = components.map(({ layers }) =>
    layers.map(({ forward }) => createCostTable(forward.sizes.map((size, k) => [size, forward.timesMs[k]!] as const))),
  );
  const known = new Map<number, number>();
  return {
    ids,
    numLayers: components.map(({ layers }) => layers.length),
    preds,
    order: topologicalOrder(ids, preds),
    timeMs(component, layer, samples) {
      const key = (component * 4096 + layer) * 65536 + samples;
      let time = known.get(key);
      if (time === undefined) known.set(key, (time = costAt(tables[component]![layer]!, samples)));
      return time;
    },
  };
}

/** Time of all frozen work with the batch spread evenly over the devices, layer after layer. */
export function frozenMs({ order, numLayers, timeMs }: FrozenWork, samples: number, numDevices: number): number {
  const share = Math.ceil(samples / numDevices);
  let sum = 0;
  if (share === 0) return 0;
  for (const component of order)
    for (let layer = 0; layer < numLayers[component]!; layer++) sum += timeMs(component, layer, share);
  return sum;
}

function topologicalOrder(ids: readonly string[], preds: readonly (readonly number[])[]): number[] {
  const order: number[] = [];
  const state = new Uint8Array(ids.length);
  const path: string[] = [];
  const visit = (component: number): void => {
    if (state[component] === 2) return;
    path.push(ids[component]!);
    if (state[component] === 1)
      throw pipeError('TF-PIPE-004', {
        subject: 'createFrozenWork',
        expected: 'frozen components without a circle',
        actual: path.slice(path.indexOf(ids[component]!)).join(' → '),
      });
    state[component] = 1;
    for (const pred of preds[component]!) visit(pred);
    path.pop();
    state[component] = 2;
    order.push(component);
  };
  for (let component = 0; component < ids.length; component++) visit(component);
  return order;
}
