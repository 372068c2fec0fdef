/** FSDP in both forms, two processes over Gloo, recorded by the collector and judged by the checker. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkFolders } from '../src/index.ts';
import { findTorchPython, torchVersion } from './torch-python.ts';

const python = findTorchPython();
const [major, minor] = python === undefined ? [0, 0] : torchVersion(python);
const skip =
  major > 2 || (major === 2 && minor >= 6) ? false : 'no python3 with torch 2.6 or later (TENFOLD_PYTHON names one)';
if (skip) process.stdout.write(`fsdp-collector: skipped, ${skip}\n`);
const script = fileURLToPath(new URL('../scripts/fsdp-run.py', import.meta.url));

describe('FSDP traces', { skip }, () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'trace-check-fsdp-'));
    const { status, stderr } = spawnSync(python!, [script, folder], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const check = (name: string) =>
    checkFolders({
      reference: join(folder, 'reference'),
      candidate: join(folder, name),
      perturbed: [join(folder, 'perturbed')],
    });

  for (const form of ['fsdp1', 'fsdp2']) {
    test(`${form}: a clean step passes, parameters, reduced gradients and updates included`, async () => {
      const { verdict, counts, findings, notes } = await check(`${form}-clean`);
      assert.equal(verdict, 'pass');
      assert.equal(counts.MISSING, 0);
      const kinds = new Set(findings.map(({ id }) => id.split('/')[id.includes('/mb') ? 2 : 1]));
      assert.deepEqual([...kinds].toSorted(), [
        'delta',
        'din',
        'dout',
        'in',
        'main_grad',
        'out',
        'param',
        'param_next',
      ]);
      assert.match(notes.join(' '), /reduces weight gradients inside the backward pass/);
    });

    test(`${form}: a loss that is divided once too often is found, with its factor`, async () => {
      const { verdict, findings } = await check(`${form}-bug`);
      assert.equal(verdict, 'divergence');
      const first = findings.find(({ hints }) => hints.length > 0);
      assert.match(first!.hints.map(({ text }) => text).join(), /factor 0\.500/);
    });
  }
});
