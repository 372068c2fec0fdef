import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { presetCluster } from '../src/cluster.ts';
import { presetModel } from '../src/models/presets.ts';
import { planFileFrom } from '../src/profiles/plan-json.ts';
import { readModel } from '../src/profiles/read-model.ts';
import { planOfStages } from '../src/search/own-stages.ts';

const PYTHON = ['python3', '/usr/bin/python3'].find(
  (python) => spawnSync(python, ['-c', 'import torch; assert torch.distributed.is_gloo_available()']).status === 0,
);
const skip = PYTHON === undefined ? 'no Python with PyTorch and Gloo on this machine' : false;
const runner = fileURLToPath(new URL('../runner/run_plan.py', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'pipe-plan-runner-'));
after(() => rmSync(folder, { recursive: true }));

const run = (args: readonly string[]) => {
  const env = { ...process.env, OMP_NUM_THREADS: '1', CUDA_VISIBLE_DEVICES: '' };
  const { status, stdout, stderr } = spawnSync(PYTHON!, [runner, ...args], { cwd: folder, encoding: 'utf8', env });
  return { status, text: `${stdout}${stderr}` };
};

interface Measured {
  readonly link: string;
  readonly results: readonly { readonly mode: string; readonly firstLoss: number; readonly gradientError?: number }[];
}

test(
  'the PyTorch runner’s gradients equal the step without a pipeline, with unequal replicas, and its loss that of DDP',
  { skip },
  () => {
    const plan = planOfStages(
      presetModel('sd-mini'),
      presetCluster('a100-efa', 3),
      { batch: 6, numMicroBatches: 3, fill: 'perDevice' },
      { ends: [6, 11], replicas: [1, 2] },
    );
    writeFileSync(join(folder, 'plan.json'), JSON.stringify(planFileFrom(plan)));
    const flags = ['--modes', 'ddp,plan-fill', '--iterations', '1', '--skip', '0', '--check', '--slow-link', '2'];
    const { status, text } = run([
      '--plan',
      'plan.json',
      ...flags,
      '--out',
      'measured-plan.json',
      '--trace',
      'trace.json',
    ]);
    assert.equal(status, 0, text);
    const { results, link } = JSON.parse(readFileSync(join(folder, 'measured-plan.json'), 'utf8')) as Measured;
    const [ddp, filled] = results;
    assert.ok(filled!.gradientError! > 0 && filled!.gradientError! < 1e-5, `${filled!.gradientError}`);
    assert.ok(Math.abs(ddp!.firstLoss - filled!.firstLoss) < 1e-5 * ddp!.firstLoss);
    assert.equal(link, 'emulated slow: every all-reduce and transfer 2 times');
    const trace = JSON.parse(readFileSync(join(folder, 'trace.json'), 'utf8')) as { traceEvents: { name: string }[] };
    const names = trace.traceEvents.map(({ name }) => name);
    assert.ok(names.includes('F0.1') && names.includes('B1.0'));
    assert.ok(names.some((name) => name.startsWith('VAE encoder.3 × ')));
  },
);

test(
  'the runner measures a profile that plans again, and says what is wrong with a plan that it cannot run',
  { skip },
  () => {
    writeFileSync(join(folder, 'profile.json'), JSON.stringify(presetModel('sd-mini')));
    const { status, text } = run([
      '--profile',
      'profile.json',
      '--sizes',
      '1,2',
      '--iterations',
      '2',
      '--skip',
      '1',
      '--processes',
      '2',
      '--out',
      'measured.json',
    ]);
    assert.equal(status, 0, text);
    const model = readModel(readFileSync(join(folder, 'measured.json'), 'utf8'), { file: 'measured.json' });
    assert.match(model.origin, /^measured on 2 × CPU, float32, PyTorch /);
    assert.ok(model.measured!.link!.bytesPerSec > 1e6);
    assert.ok(model.measured!.allReduceStartMs!['2']! >= 0);
    assert.deepEqual(model.backbones[0]!.layers[3]!.forward.sizes, [1, 2]);
    assert.notDeepEqual(
      model.backbones[0]!.layers[3]!.forward,
      presetModel('sd-mini').backbones[0]!.layers[3]!.forward,
    );
    writeFileSync(join(folder, 'none.json'), '{"numDevices": 1}');
    const refused = run(['--plan', 'none.json']);
    assert.equal(refused.status, 1);
    assert.match(
      refused.text,
      /run_plan: this is no plan: export one with `tenfold pipe-plan export`; the plan names no architecture/,
    );
  },
);
