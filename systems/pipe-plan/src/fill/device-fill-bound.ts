/** Per-device filling as an integer program: the judge of the constructive one on small instances.
 *
 *  y[d,i,l,s] chunks of s samples of layer l in idle slot i of device d, z[d,l,s] the chunk after the pipeline, q[d] the
 *  device's samples. Samples of a layer through slot i never exceed those of what it needs; any chunk size is allowed and
 *  order holds sample by sample, so the answer is at least as good as any filling of whole samples. */
import { createMipModel, solveMip } from '@tenfold/core/schedule';
import type { FrozenWork } from './frozen-work.ts';
import type { FillTarget } from './greedy-fill.ts';

/** @param target.slots  idle times of single stages (idleSlotsPerStage)
 *  @returns the least iteration time, or undefined if the solver did not prove it within the limit
 *  Cost: variables ~ devices · slots · layers · batch; for batches up to about 12. */
export async function leastPerDeviceMs(
  work: FrozenWork,
  { slots, replicas, pipelineMs }: FillTarget,
  batch: number,
  timeLimitMs: number,
): Promise<number | undefined> {
  const model = createMipModel('minimize');
  const rest = model.addVariable({ name: 'rest', cost: 1 });
  const layers = work.order.flatMap((component) =>
    Array.from({ length: work.numLayers[component]! }, (_, layer) => ({ component, layer })),
  );
  const indexOf = (component: number, layer: number): number =>
    layers.findIndex((each) => each.component === component && each.layer === layer);
  const shares: (readonly [number, number])[] = [];
  replicas.forEach((count, stage) => {
    const own = slots.filter((slot) => slot.stages[0] === stage);
    for (let replica = 0; replica < count; replica++) {
      const name = `${stage}.${replica}`;
      const share = model.addVariable({ name: `q ${name}`, upper: batch, isInteger: true });
      shares.push([share, 1]);
      const done = layers.map((): (readonly [number, number])[] => []);
      for (const [index, slot] of own.entries()) {
        const used: (readonly [number, number])[] = [];
        layers.forEach(({ component, layer }, at) => {
          for (let size = 1; size <= batch; size++) {
            const ms = work.timeMs(component, layer, size);
            if (ms > slot.endMs - slot.startMs) break;
            const chunk = model.addVariable({
              name: `y ${name} ${index} ${at} ${size}`,
              upper: Math.floor(batch / size),
              isInteger: true,
            });
            used.push([chunk, ms]);
            done[at]!.push([chunk, size]);
          }
        });
        if (used.length > 0) model.addConstraint({ terms: used, upper: slot.endMs - slot.startMs });
        layers.forEach(({ component, layer }, at) => {
          const needs =
            layer > 0
              ? [indexOf(component, layer - 1)]
              : work.preds[component]!.map((pred) => indexOf(pred, work.numLayers[pred]! - 1));
          for (const need of needs)
            model.addConstraint({
              terms: [...done[at]!, ...done[need]!.map(([chunk, size]) => [chunk, -size] as const)],
              upper: 0,
            });
        });
      }
      const left: (readonly [number, number])[] = [[rest, -1]];
      layers.forEach(({ component, layer }, at) => {
        const one: (readonly [number, number])[] = [];
        for (let size = 1; size <= batch; size++) {
          const chunk = model.addBinary(`z ${name} ${at} ${size}`);
          one.push([chunk, 1]);
          left.push([chunk, work.timeMs(component, layer, size)]);
          done[at]!.push([chunk, size]);
        }
        model.addConstraint({ terms: one, upper: 1 });
        model.addConstraint({ terms: [...done[at]!, [share, -1]], lower: 0, upper: 0 });
      });
      model.addConstraint({ terms: left, upper: 0 });
    }
  });
  model.addConstraint({ terms: shares, lower: batch, upper: batch });
  const solution = await solveMip(model.build(), { timeLimitMs });
  return solution.status === 'optimal' ? pipelineMs + solution.objective : undefined;
}
