import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findDataFolder } from '@tenfold/core/system';
import { cutBytes } from '../src/cuts.ts';
import { profileGaps } from '../src/gap.ts';
import { coarsenModel, mergeLayers } from '../src/merge-layers.ts';
import { presetModel } from '../src/models/presets.ts';
import { readGalvatronAllReduce } from '../src/profiles/galvatron.ts';
import { readModel } from '../src/profiles/read-model.ts';
import type { DiffusionModel } from '../src/types.ts';

const file = 'profile.json';
type Loose = Record<string, unknown> & { layers: Record<string, unknown>[] };

const edited = (edit: (backbone: Loose, model: Record<string, unknown>) => void): string => {
  const model = JSON.parse(JSON.stringify(presetModel('sd-mini'))) as { backbones: Loose[] } & Record<string, unknown>;
  edit(model.backbones[0]!, model);
  return JSON.stringify(model);
};
const refuses = (text: string, message: string): void => assert.throws(() => readModel(text, { file }), { message });

test('a written profile reads back as the same model', () => {
  const model = presetModel('sd-mini');
  assert.deepEqual(
    JSON.parse(JSON.stringify(readModel(JSON.stringify(model), { file }))),
    JSON.parse(JSON.stringify(model)),
  );
});

test('broken profiles are refused with the layer and the field', () => {
  refuses('', 'readModel: a profile in JSON or a PipeDream graph, got an empty file (profile.json). TF-PIPE-001');
  refuses(
    '{}',
    'readModel: "backbones" (own layout) or "nodes" (Piper), got an empty object (profile.json). TF-PIPE-001',
  );
  refuses(
    edited(({ layers }) => delete layers[0]!['forward']),
    'readModel: backbones[0].layers[0].forward to be valid, got expected object, received undefined (profile.json). TF-PIPE-001',
  );
  const where = '(backbone "U-Net", layer "conv_in+time")';
  const first = (edit: (layer: Record<string, unknown>) => void): string => edited(({ layers }) => edit(layers[0]!));
  refuses(
    first((layer) => (layer['kind'] = 'trained')),
    `validateModel: kind trainable, gradThrough or frozen, got "trained" ${where}. TF-PIPE-001`,
  );
  refuses(
    first((layer) => delete layer['backward']),
    `validateModel: backward times for a layer that gradients pass, got none ${where}. TF-PIPE-001`,
  );
  refuses(
    first((layer) => (layer['forward'] = { sizes: [1, 4, 2], timesMs: [1, 2, 3] })),
    `validateModel: ascending sizes above 0 in "forward", got [1, 4, 2] ${where}. TF-PIPE-001`,
  );
  refuses(
    first((layer) => (layer['forward'] = { sizes: [1, 2], timesMs: [1, -2] })),
    `validateModel: a finite forward.timesMs[1] ≥ 0, got -2 ${where}. TF-PIPE-001`,
  );
  refuses(
    edited((backbone) => (backbone['skips'] = [{ from: 5, to: 2, bytesPerSample: 1 }])),
    'validateModel: a skip from an earlier layer to a later one, got 5 → 2 of 11 layers (backbone "U-Net", skip 5 → 2). TF-PIPE-001',
  );
  const circle = edited((_, model) => {
    const [vae, text] = model['frozen'] as Record<string, unknown>[];
    vae!['preds'] = ['text'];
    text!['preds'] = ['VAE encoder'];
  });
  refuses(
    circle,
    'createFrozenWork: frozen components without a circle, got VAE encoder → text → VAE encoder. TF-PIPE-004',
  );
});

test('a PipeDream graph becomes a chain whose skips are its edges over layers; a circle or a stray line is named', () => {
  const node = (id: number, forward: number): string =>
    `node${id} -- Conv2d(3, 4) -- forward_compute_time=${forward}.000, backward_compute_time=${2 * forward}.000, activation_size=640.0, parameter_size=100.000`;
  const text = `${[1, 2, 3].map((id) => node(id, id)).join('\n')}\n\tnode1 -- node2\n\tnode2 -- node3\n\tnode1 -- node3\n`;
  const model = readModel(text, { file: 'graph.txt', profiledBatch: 64 });
  const [{ layers, skips }] = model.backbones as [DiffusionModel['backbones'][0]];
  assert.deepEqual(
    layers.map(({ forward, backward }) => [forward.timesMs[0]! * 64, backward!.timesMs[0]! * 64]),
    [
      [1, 2],
      [2, 4],
      [3, 6],
    ],
  );
  assert.deepEqual(skips, [{ from: 0, to: 2, bytesPerSample: 10 }]);
  assert.throws(() => readModel(`${text}\tnode3 -- node1\n`, { file: 'graph.txt' }), {
    message: 'readModel: a graph without a circle, got 3 nodes in a circle (graph.txt). TF-PIPE-001',
  });
  assert.throws(() => readModel(`${text}what is this\n`, { file: 'graph.txt' }), { message: /\(graph\.txt:7\)/ });
});

test('bandwidth tables of Galvatron tell groups inside a node from spread ones', () => {
  const text = '{"allreduce_size_8_consec_1": 150, "allreduce_size_16_consec_1": 40, "allreduce_size_4_consec_0": 16}';
  assert.deepEqual(readGalvatronAllReduce(text, 8, 'table.json'), {
    intra: { 8: 150e9 },
    inter: { 16: 40e9, 4: 16e9 },
  });
  assert.throws(() => readGalvatronAllReduce('{"pp_size_2": 8}', 8, 'table.json'), {
    message:
      'readGalvatronAllReduce: "allreduce_size_N_consec_C" with GB/s above 0, got "pp_size_2": 8 (table.json). TF-PIPE-001',
  });
});

test('joined layers keep times, parameters and every cut that is left', () => {
  const backbone = presetModel('sd21').backbones[0]!;
  const merged = mergeLayers(backbone, 9);
  assert.equal(merged.layers.length, 9);
  const sum = (of: (layer: (typeof backbone.layers)[0]) => number, { layers }: typeof backbone): number =>
    layers.reduce((total, layer) => total + of(layer), 0);
  for (const of of [
    (layer: (typeof backbone.layers)[0]) => layer.paramBytes,
    (layer: (typeof backbone.layers)[0]) => layer.forward.timesMs[2]!,
  ])
    assert.ok(Math.abs(sum(of, merged) - sum(of, backbone)) < 1e-6 * sum(of, backbone));
  // Cuts are found again by the parameters before them.
  let before = 0;
  for (let cut = 1; cut < merged.layers.length; cut++) {
    before += merged.layers[cut - 1]!.paramBytes;
    let original = 0;
    for (let layer = 0, bytes = 0; bytes < before; layer++) {
      bytes += backbone.layers[layer]!.paramBytes;
      original = layer + 1;
    }
    assert.deepEqual(cutBytes(merged, cut), cutBytes(backbone, original), `cut ${cut}`);
  }
});

test('chains beyond 150 layers are joined before planning, shorter ones are left alone', () => {
  const short = presetModel('sd21');
  assert.equal(coarsenModel(short), short);
  const [{ layers }] = short.backbones as [DiffusionModel['backbones'][0]];
  const long = {
    ...short,
    backbones: [{ name: 'long', layers: Array.from({ length: 200 }, (_, k) => layers[k % 29]!), skips: [] }],
  };
  assert.equal(coarsenModel(long).backbones[0]!.layers.length, 150);
});

const folder = join(findDataFolder() ?? '', 'pipe-plan');
const hasData = existsSync(folder);

test(
  'measured profiles of PipeDream and Piper read, and the exact program has no gap on them where brute force can judge',
  { skip: hasData ? false : 'TENFOLD_DATA holds no pipe-plan profiles' },
  () => {
    const files = ['pipedream', 'piper'].flatMap((kind) =>
      readdirSync(join(folder, kind)).map((name) => join(folder, kind, name)),
    );
    assert.equal(files.length, 11);
    for (const path of files) {
      const model = readModel(readFileSync(path, 'utf8'), { file: path });
      const [exact] = profileGaps(model.backbones[0]!, 8);
      assert.ok(exact!.numCases > 0 && exact!.numOptimal === exact!.numCases, `${path}: ${JSON.stringify(exact)}`);
    }
  },
);
