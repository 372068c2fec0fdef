import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { analyticDevice } from '../src/device-library.ts';
import { parseMeasuredFile, parsePlansFile } from '../src/measured-file.ts';
import { MODES } from '../src/plan.ts';
import { replaySetting } from '../src/replay.ts';
import { planRunner } from '../src/runner-plans.ts';
import { findTorchPython } from './torch-python.ts';

const python = findTorchPython();
const skip = python === undefined ? 'no python3 with torch here (Debian: apt install python3-torch)' : false;
if (skip) process.stdout.write(`runner: skipped, ${skip}\n`);
const SCRIPT = fileURLToPath(new URL('../runner/run_plan.py', import.meta.url));
const NUM_RANKS = 2;
const MAX_MS = 240_000;

async function plansOf(gate: 'switch' | 'bpr') {
  // Slow products make cutting worth while even for a small stack.
  const device = { ...analyticDevice({ numDevices: NUM_RANKS }), flopsPerSec: 1e9, bytesPerSec: 1e11 };
  return await planRunner({
    sizes: {
      layers: 3,
      hidden: 16,
      heads: 2,
      inner: 32,
      seq: 8,
      batch: 8,
      gate,
      numRanks: NUM_RANKS,
      expertsPerRank: 2,
      capacity: 12,
      hasQkv: true,
    },
    device,
    ratio: 2,
    partOverheadMs: 1e-4,
    maxParts: 4,
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}

/** One process per rank. @returns exit codes and what rank 0 printed */
async function runRanks(
  args: readonly string[],
  numRanks: number = NUM_RANKS,
): Promise<{ readonly codes: number[]; readonly text: string }> {
  const port = await freePort();
  let text = '';
  const codes = await Promise.all(
    Array.from({ length: numRanks }, async (_, rank) => {
      const env = {
        ...process.env,
        RANK: String(rank),
        LOCAL_RANK: String(rank),
        WORLD_SIZE: String(numRanks),
        MASTER_ADDR: '127.0.0.1',
        MASTER_PORT: String(port),
        OMP_NUM_THREADS: '1',
      };
      const child = spawn(python!, [SCRIPT, ...args], { env, timeout: MAX_MS });
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk) => rank === 0 && (text += String(chunk)));
      return await new Promise<number>((resolve) => {
        child.on('close', (code) => resolve(code ?? 1));
      });
    }),
  );
  return { codes, text };
}

for (const gate of ['switch', 'bpr'] as const) {
  test(
    `the runner, gate ${gate}, on two processes: gradients agree with autograd, all modes give the same`,
    { skip },
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'moe-overlap-runner-'));
      try {
        const { file, optimised } = await plansOf(gate);
        assert.ok(optimised.plans.both.ranges.length > 0 && optimised.plans.tutel.ranges.length > 0);
        const [plans, out] = [join(folder, 'plans.json'), join(folder, 'measured.json')];
        await writeFile(plans, JSON.stringify(file));
        const { codes, text } = await runRanks([
          '--plans',
          plans,
          '--out',
          out,
          '--rounds',
          '1',
          '--warm',
          '0',
          '--check',
        ]);
        assert.deepEqual(codes, [0, 0], text);
        assert.match(text, /gradients against autograd: 14 tensors/);
        const measured = parseMeasuredFile(await readFile(out, 'utf8'));
        const [setting] = measured.settings;
        assert.deepEqual(Object.keys(setting!.modes), [...MODES]);
        for (const [mode, { worstRelativeDifference, spanMs }] of Object.entries(setting!.modes)) {
          assert.ok(worstRelativeDifference < 1e-5, `${mode}: ${worstRelativeDifference}`);
          const planned = file.plans.find((plan) => plan.mode === mode)!;
          assert.deepEqual(new Set(Object.keys(spanMs)), new Set(planned.ops.map(({ id }) => id)));
        }
        const rows = replaySetting(parsePlansFile(await readFile(plans, 'utf8')), setting!, 0);
        assert.deepEqual(
          rows.map(({ mode }) => mode),
          [...MODES],
        );
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  );
}

test('plans for another number of processes are refused', { skip }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'moe-overlap-runner-'));
  try {
    const { file } = await plansOf('switch');
    const plans = join(folder, 'plans.json');
    await writeFile(plans, JSON.stringify(file));
    const { codes, text } = await runRanks(['--plans', plans], 1);
    assert.deepEqual(codes, [1]);
    assert.match(text, /is for 2 ranks, but 1 run/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
