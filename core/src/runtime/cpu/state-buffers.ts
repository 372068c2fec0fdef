/** The states of a CPU session: one array where the next value may be written in place, two that swap elsewhere. */
import type * as Ort from 'onnxruntime-common';
import type { Tensor, TensorData } from '../../tensor/index.ts';
import {
  copyIntoEngineArray,
  createEngineArray,
  engineView,
  ortTensor,
  tensorFromEngineData,
} from '../engine/carry.ts';
import type { StateSlot } from '../engine/engine-graph.ts';
import type { OrtApi } from '../engine/node-runtime.ts';

export interface StateBuffers {
  /** Tensors to feed, by engine name. */
  readonly feeds: Readonly<Record<string, Ort.Tensor>>;
  /** Tensors that receive the next values, by engine name. */
  readonly fetches: Readonly<Record<string, Ort.Tensor>>;
  /** Makes what was fetched the present: after a successful run. */
  swap(): void;
  read(name: string): Tensor;
  write(name: string, value: Tensor): void;
  /** Takes over arrays that the engine returned, where it could not write into ours. */
  adopt(results: Readonly<Record<string, Ort.Tensor>>): void;
}

interface Buffers {
  readonly slot: StateSlot;
  present: TensorData;
  next: TensorData | undefined;
}

export interface StateBufferOptions {
  readonly inPlace: ReadonlySet<string>;
  readonly initial: ReadonlyMap<string, () => Tensor>;
  /** Keep and change the given arrays instead of copying them. */
  readonly adoptInitial: boolean;
  /** False: the engine returns next values in arrays of its own. */
  readonly preallocates: boolean;
}

export function createStateBuffers(
  ort: OrtApi,
  states: readonly StateSlot[],
  options: StateBufferOptions,
): StateBuffers {
  const { inPlace, initial, adoptInitial, preallocates } = options;
  const all = new Map<string, Buffers>();
  for (const slot of states) {
    const given = initial.get(slot.name)!();
    const changes = preallocates && slot.nextEngineName !== undefined;
    let present: TensorData;
    if (adoptInitial && slot.engineDtype === slot.dtype) present = given.data;
    else copyIntoEngineArray(slot, given, (present = createEngineArray(slot)));
    const next = changes ? (inPlace.has(slot.name) ? present : createEngineArray(slot)) : undefined;
    all.set(slot.name, { slot, present, next });
  }
  const tensorOf = ({ slot }: Buffers, data: TensorData): Ort.Tensor =>
    ortTensor(ort, slot, engineView(slot.engineDtype, data));

  // Two sets of feeds and fetches, made once: odd runs swap the roles of each state's two arrays.
  const build = (isSwapped: boolean) => {
    const feeds: Record<string, Ort.Tensor> = {};
    const fetches: Record<string, Ort.Tensor> = {};
    for (const entry of all.values()) {
      const { slot, present, next } = entry;
      const [from, to] = isSwapped && next !== undefined ? [next, present] : [present, next];
      feeds[slot.engineName] = tensorOf(entry, from);
      if (to !== undefined) fetches[slot.nextEngineName!] = tensorOf(entry, to);
    }
    return { feeds, fetches };
  };
  let ends = [build(false), build(true)] as const;
  let parity = 0;

  const find = (name: string): Buffers => all.get(name)!;
  const presentOf = (entry: Buffers): TensorData =>
    parity === 1 && entry.next !== undefined ? entry.next : entry.present;
  return {
    get feeds() {
      return ends[parity].feeds;
    },
    get fetches() {
      return ends[parity].fetches;
    },
    swap: () => void (parity = 1 - parity),
    read(name) {
      const entry = find(name);
      return tensorFromEngineData(entry.slot, presentOf(entry).slice() as TensorData);
    },
    write(name, value) {
      const entry = find(name);
      copyIntoEngineArray(entry.slot, value, presentOf(entry));
    },
    adopt(results) {
      for (const entry of all.values()) {
        const result = results[entry.slot.nextEngineName ?? ''];
        if (result !== undefined) entry.present = result.data as TensorData;
      }
      ends = [build(false), build(true)];
    },
  };
}
