import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { presetCluster } from '../src/cluster.ts';
import { presetModel } from '../src/models/presets.ts';
import { planFileFrom } from '../src/profiles/plan-json.ts';
import { searchPlans } from '../src/search/search-plans.ts';
import { scheduleOfPlan } from '../src/torch/plan-schedule.ts';
import { simulateSchedule } from '../src/torch/schedule-simulation.ts';
import { readTorchCsv, writeTorchCsv, type CsvDialect, type Schedule } from '../src/torch/torch-csv.ts';

const times = { forwardMs: 10, backwardMs: 20 };

/** ZB1P of 2 ranks with 2 stages each and 8 micro-batches, made by its rule: two micro-batches a round; stages of a rank
 *  alternate; weight gradients wait until `delay` input gradients are ahead. */
function interleavedZeroBubble(): string {
  const rank = (index: number): string[] => {
    const stages = [index, index + 2];
    const forwards: string[] = [];
    for (let round = 0; round < 4; round++)
      for (const stage of stages) for (let k = 0; k < 2; k++) forwards.push(`${stage}F${2 * round + k}`);
    const backwards = forwards.map((_, i) => {
      const stage = stages[1 - (Math.floor(i / 2) % 2)]!;
      return `${stage}B${2 * Math.floor(i / 4) + (i % 2)}`;
    });
    const warm = index === 0 ? 4 : 3;
    const delay = index;
    const cells = index === 0 ? [] : [''];
    cells.push(...forwards.slice(0, warm));
    // Rank 0 waits a step for the first forward pass of its second stage to come round.
    if (index === 0) cells.splice(3, 0, '');
    for (let i = 0; i < backwards.length; i++) {
      cells.push(...(i > 0 && warm + i - 1 < forwards.length ? [forwards[warm + i - 1]!] : []), backwards[i]!);
      const due = i - delay;
      if (due >= 0) cells.push(backwards[due]!.replace('B', 'W'));
    }
    for (let due = backwards.length - delay; due < backwards.length; due++)
      cells.push(backwards[due]!.replace('B', 'W'));
    return cells;
  };
  return `${rank(0).join(',')}\n${rank(1).join(',')}\n`;
}

test('PyTorch’s own zero-bubble artifact parses in its dialect, is emitted byte for byte, and runs without a deadlock', () => {
  const text = interleavedZeroBubble();
  // Of pytorch/pytorch test/distributed/pipelining/artifacts/zb1p_2rank_2stagep_compute.csv.
  assert.equal(createHash('sha256').update(text).digest('hex'), ZB1P_SHA256);
  const schedule = readTorchCsv(text, 'bw');
  assert.equal(writeTorchCsv(schedule, 'bw'), text);
  const run = simulateSchedule(schedule, { forwardMs: 1, backwardMs: 2 });
  assert.equal(run.makespanMs, 49);
});

const ZB1P_SHA256 = '0dd1690c4034ac9d644a32eb48c8540873c6e4a6f8db14919c9b67e9818958db';

test('cells of all kinds, overlaps among them, survive a round trip in either dialect', () => {
  const full = '0F0,,(0F1;1B0)OVERLAP_F_B,0I1,0W1,1SEND_B0,0UNSHARD,0RESHARD\n,1F0,1B1,1RECV_F0,,,1REDUCE_GRAD,\n';
  assert.equal(writeTorchCsv(readTorchCsv(full, 'full'), 'full'), full);
  const older = writeTorchCsv(readTorchCsv(full, 'full'), 'bw');
  assert.equal(older, full.replaceAll(/(\d)B(\d)/g, '$1BW$2').replace('0I1', '0B1'));
  assert.deepEqual(readTorchCsv(older, 'bw'), readTorchCsv(full, 'full'));
});

test('a word of the other dialect, an unknown word and an empty file are refused with their place', () => {
  assert.throws(() => readTorchCsv('0F0,0BW0\n', 'full', 'old.csv'), {
    message:
      'readTorchCsv: an action such as 0F1 in dialect "full", got "0BW0" (old.csv:1, column 2). BW is of the older dialect: --dialect bw. TF-PIPE-006',
  });
  assert.throws(() => readTorchCsv('0F0\n0Q0\n', 'bw', 'x.csv'), { message: /got "0Q0" \(x\.csv:2, column 1\)/ });
  assert.throws(() => readTorchCsv('', 'bw', 'x.csv'), { message: /got an empty file \(x\.csv\)/ });
  assert.throws(() => simulateSchedule(readTorchCsv('2F0\n', 'full'), times), {
    message: 'simulateSchedule: "RECV_F 2 0" before "forward 2 0", got no such action (rank 0). TF-PIPE-006',
  });
});

test('transfers that the two ends of a link put in different orders, or a send before its product, are deadlocks', () => {
  const rows = (second: string): Schedule => readTorchCsv(`0F0,0SEND_F0,0F1,0SEND_F1\n${second}\n`, 'full');
  assert.equal(simulateSchedule(rows('1RECV_F0,1F0,1RECV_F1,1F1'), times).makespanMs, 30);
  assert.throws(() => simulateSchedule(rows('1RECV_F1,1F1,1RECV_F0,1F0'), times), {
    message:
      'simulateSchedule: rank 1 to receive F0 of stage 0 next, as it was sent, got a receive of F1 of stage 0: a deadlock (ranks 0 → 1, transfer 1). TF-PIPE-006',
  });
  assert.throws(() => simulateSchedule(readTorchCsv('0SEND_F0,0F0\n1RECV_F0,1F0\n', 'full'), times), {
    message: /TF-SCHEDULE-002/,
  });
});

test('an exported plan takes as long in the CSV’s simulation as its pipeline, in both dialects and with transfers', () => {
  const cluster = presetCluster('a100-efa', 2);
  const { best } = searchPlans(presetModel('sd-mini'), cluster, {
    batch: 8,
    groupDevices: 2,
    numStages: 2,
    numMicroBatches: 4,
    fill: 'perDevice',
  });
  const plan = planFileFrom(best);
  for (const dialect of ['full', 'bw'] satisfies CsvDialect[]) {
    const compute = readTorchCsv(writeTorchCsv(scheduleOfPlan(plan, false), dialect), dialect);
    // Equal stages of 30 ms, no transfers: (M + S − 1)(f + b).
    assert.equal(simulateSchedule(compute, times).makespanMs, 150);
    const withTransfers = readTorchCsv(writeTorchCsv(scheduleOfPlan(plan, true), dialect), dialect);
    assert.equal(simulateSchedule(withTransfers, times).makespanMs, 150);
    const cells = withTransfers.flat(2);
    const numJobs = plan.devices.reduce((sum, { frozen }) => sum + frozen.length, 0);
    assert.ok(numJobs > 0);
    assert.equal(cells.filter(({ kind }) => kind === 'UNSHARD').length, numJobs);
    assert.equal(cells.filter(({ kind }) => kind === 'SEND_F').length, 4);
  }
});
