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
  readonly results: readonly { readonly mode: string; readonly firstLoss: number; readonly gradientError?: number }[];
}

function writePlan(name: string, ends: number[], replicas: number[], batch: number): void {
  const numDevices = 4;
  const plan = planOfStages(
    presetModel('sd-mini'),
    presetCluster('a100-efa', numDevices),
    { batch, numMicroBatches: 2, fill: 'perDevice' },
    { ends, replicas },
  );
  writeFileSync(join(folder, name), JSON.stringify(planFileFrom(plan)));
}

test(
  'the PyTorch runner’s gradients equal the step without a pipeline for unequal replicas and for two groups, and its loss that of DDP',
  { skip },
  () => {
    writePlan('replicas.json', [6, 11], [1, 3], 12);
    writePlan('groups.json', [5, 11], [1, 1], 8);
    const losses = new Map<string, number>();
    for (const [plan, modes] of [
      ['replicas.json', 'plan-fill'],
      ['groups.json', 'ddp,plan-fill'],
    ] as const) {
      const out = `measured-${plan}`;
      const { status, text } = run([
        '--plan',
        plan,
        '--modes',
        modes,
        '--iterations',
        '1',
        '--skip',
        '0',
        '--check',
        '--out',
        out,
        '--trace',
        'trace.json',
      ]);
      assert.equal(status, 0, text);
      const { results } = JSON.parse(readFileSync(join(folder, out), 'utf8')) as Measured;
      for (const { mode, firstLoss, gradientError } of results) {
        losses.set(`${plan} ${mode}`, firstLoss);
        if (mode !== 'ddp') assert.ok(gradientError! > 0 && gradientError! < 1e-5, `${plan}: ${gradientError}`);
      }
    }
    const [ddp, filled] = ['ddp', 'plan-fill'].map((mode) => losses.get(`groups.json ${mode}`)!);
    assert.ok(Math.abs(ddp! - filled!) < 1e-5 * ddp!, `${ddp} and ${filled}`);
    const trace = JSON.parse(readFileSync(join(folder, 'trace.json'), 'utf8')) as { traceEvents: { name: string }[] };
    const names = trace.traceEvents.map(({ name }) => name);
    assert.ok(
      names.includes('F0.1') && names.includes('B1.0') && names.some((name) => name.startsWith('VAE encoder.3 × ')),
    );
  },
);

test(
  'the runner measures a profile that plans again, and says what is wrong with a plan that it cannot run',
  { skip },
  () => {
    writeFileSync(join(folder, 'profile.json'), JSON.stringify(presetModel('sd-mini')));
    const { status, text } = run(['--profile', 'profile.json', '--sizes', '1,2', '--out', 'measured.json']);
    assert.equal(status, 0, text);
    const model = readModel(readFileSync(join(folder, 'measured.json'), 'utf8'), { file: 'measured.json' });
    assert.match(model.origin, /^measured on CPU, float32, PyTorch /);
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
