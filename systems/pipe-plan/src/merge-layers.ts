/** Long chains made shorter: neighbouring layers joined, with skips and cuts kept true. */
import { costAt, createCostTable } from '@tenfold/core/schedule';
import { cutBytes } from './cuts.ts';
import type { Backbone, DiffusionModel, LayerProfile, Skip, TimeTable } from './types.ts';

/** Longer chains are joined before planning; the partition program's cost grows with the square of the length. */
const MAX_PLANNED_LAYERS = 150;

/** Joins neighbours with the least time together until so many layers are left; never over a cut that less crosses than
 *  both its neighbours, while another pair is left. */
export function mergeLayers(backbone: Backbone, maxLayers: number): Backbone {
  return mergeWithIndex(backbone, maxLayers).merged;
}

function mergeWithIndex(backbone: Backbone, maxLayers: number): { merged: Backbone; indexOf: number[] } {
  let merged = backbone;
  let indexOf = backbone.layers.map((_, layer) => layer);
  while (merged.layers.length > maxLayers) {
    const at = cheapestPair(merged);
    merged = joinAt(merged, at);
    indexOf = indexOf.map((layer) => (layer > at ? layer - 1 : layer));
  }
  return { merged, indexOf };
}

/** @returns the same object if nothing needs joining */
export function coarsenModel(model: DiffusionModel): DiffusionModel {
  if (model.backbones.every(({ layers }) => layers.length <= MAX_PLANNED_LAYERS)) return model;
  const parts = model.backbones.map((backbone) => mergeWithIndex(backbone, MAX_PLANNED_LAYERS));
  return {
    ...model,
    backbones: parts.map(({ merged }) => merged),
    frozen: model.frozen.map((component) =>
      component.consumers === undefined
        ? component
        : {
            ...component,
            consumers: component.consumers.map((consumer) => ({
              ...consumer,
              layer: parts[0]!.indexOf[consumer.layer]!,
            })),
          },
    ),
  };
}

function cheapestPair(backbone: Backbone): number {
  const { layers } = backbone;
  const weights = layers.map((layer) => layer.forward.timesMs.at(-1)! + layer.backward!.timesMs.at(-1)!);
  const cuts = layers.map((_, cut) => (cut === 0 ? Infinity : cutBytes(backbone, cut).forward));
  const isNarrow = (cut: number): boolean => cuts[cut]! < cuts[cut - 1]! && cuts[cut]! < (cuts[cut + 1] ?? Infinity);
  let best = -1;
  let bestKey = Infinity;
  for (let at = 0; at + 1 < layers.length; at++) {
    const key = weights[at]! + weights[at + 1]! + (isNarrow(at + 1) ? NARROW_PENALTY : 0);
    if (key < bestKey) [best, bestKey] = [at, key];
  }
  return best;
}

/** Beyond any sum of times in ms: a narrow cut goes last. */
const NARROW_PENALTY = 1e15;

/** Skips inside the pair vanish; those that leave its first layer keep a name, so that they are not taken for the pair's
 *  main output. */
function joinAt({ name, layers, skips }: Backbone, at: number): Backbone {
  const first = layers[at]!;
  const pair = join(first, layers[at + 1]!);
  const move = (layer: number): number => (layer > at ? layer - 1 : layer);
  return {
    name,
    layers: [...layers.slice(0, at), pair, ...layers.slice(at + 2)],
    skips: skips
      .map((skip): Skip => {
        const isInner = skip.from === at && skip.tensor === undefined;
        return {
          ...skip,
          ...(isInner ? { tensor: `output of ${first.name}` } : {}),
          from: move(skip.from),
          to: move(skip.to),
        };
      })
      .filter(({ from, to }) => from < to),
  };
}

function join(first: LayerProfile, second: LayerProfile): LayerProfile {
  return {
    name: `${first.name.split(' … ')[0]!} … ${second.name.split(' … ').at(-1)!}`,
    kind: first.kind === 'trainable' || second.kind === 'trainable' ? 'trainable' : first.kind,
    forward: addTables(first.forward, second.forward),
    backward: addTables(first.backward!, second.backward!),
    paramBytes: first.paramBytes + second.paramBytes,
    gradBytes: first.gradBytes + second.gradBytes,
    activationBytesPerSample: first.activationBytesPerSample + second.activationBytesPerSample,
    outputBytesPerSample: second.outputBytesPerSample,
    ...(first.flops === undefined || second.flops === undefined ? {} : { flops: first.flops + second.flops }),
  };
}

/** Sum at every size that either table has. */
function addTables(a: TimeTable, b: TimeTable): TimeTable {
  const sizes = [...new Set([...a.sizes, ...b.sizes])].sort((x, y) => x - y);
  const [left, right] = [a, b].map((table) =>
    createCostTable(table.sizes.map((size, k) => [size, table.timesMs[k]!] as const)),
  );
  return { sizes, timesMs: sizes.map((size) => costAt(left!, size) + costAt(right!, size)) };
}
