/** Certificates of optimal load, checked by code that shares nothing with the planner. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quorumCertificate } from '../src/quorum/certificate.ts';
import { createQuorumSystem, parseWorkload, plainNodes } from '../src/quorum/nodes.ts';
import { parseExpression } from '../src/quorum/parse.ts';
import { majority } from '../src/quorum/expression.ts';
import { optimalStrategy } from '../src/quorum/strategy.ts';
import type { QuorumNode } from '../src/quorum/types.ts';
import { parseCertificate, verifyAny } from '../src/verify/verify.ts';
import { verifyQuorumCertificate } from '../src/verify/quorum-check.ts';
import type { QuorumCertificate } from '../src/verify/quorum-check.ts';

async function certified(nodes: readonly QuorumNode[], reads: string, share: string): Promise<QuorumCertificate> {
  const system = createQuorumSystem(nodes, parseExpression(reads));
  const workload = parseWorkload(share);
  const made = quorumCertificate(system, workload, await optimalStrategy(system, workload));
  return parseCertificate(JSON.stringify(made), 'made') as QuorumCertificate;
}

const four: QuorumNode[] = [...'abcd'].map((id, x) => ({
  id,
  readCapacity: [4, 1, 3, 2][x]!,
  writeCapacity: [3, 1, 2, 3][x]!,
  latencyMs: 1,
}));

test('certificates of planned systems are proved, whether nodes repeat or not', async () => {
  for (const [nodes, reads, share] of [
    [four, 'a*c + b*d + c*d', '0.75'],
    [four, 'a*b + c*d', '0.9:10,0.5:3'],
    [plainNodes([...'abcde']), 'majority(a, b, c, d, e)', '0.3'],
  ] as const) {
    const certificate = await certified(nodes, reads, share);
    assert.deepEqual(verifyAny(certificate), { ok: true, failures: [], upper: 'proved' });
  }
});

test('a majority of 51 is proved from its prices alone', async () => {
  const nodes = plainNodes(Array.from({ length: 51 }, (_, x) => `n${x}`));
  const reads = majority(nodes.map((node) => node.id));
  const workload = parseWorkload('0.75');
  const made = quorumCertificate(
    { nodes, reads, writes: reads },
    workload,
    await optimalStrategy({ nodes, reads, writes: reads }, workload),
  );
  assert.deepEqual(
    verifyQuorumCertificate(parseCertificate(JSON.stringify(made), 'made') as QuorumCertificate).failures,
    [],
  );
});

test('a strategy of least load over reads and writes that can miss each other is no quorum certificate', async () => {
  const nodes = plainNodes([...'abcde']);
  const [reads, writes] = [parseExpression('choose 2 (a, b, c, d, e)'), parseExpression('choose 3 (a, b, c, d, e)')];
  const workload = parseWorkload('0.75');
  const system = { nodes, reads, writes };
  const made = quorumCertificate(system, workload, await optimalStrategy(system, workload));
  const { ok, failures } = verifyQuorumCertificate(parseCertificate(JSON.stringify(made), 'made') as QuorumCertificate);
  assert.equal(ok, false);
  assert.deepEqual(failures, ['a read quorum within {a, b} misses a write quorum within {c, d, e}']);
});

test('spoilt quorum certificates are rejected', async () => {
  const true_ = await certified(four, 'a*c + b*d + c*d', '0.75');
  const spoil = (change: (copy: { [Key in keyof QuorumCertificate]: QuorumCertificate[Key] }) => void): string => {
    const copy = structuredClone(true_);
    change(copy);
    const { ok, failures } = verifyQuorumCertificate(copy);
    assert.equal(ok, false);
    return failures.join('; ');
  };
  assert.match(
    spoil((c) => (c.claim.load = '1/5')),
    /the claim is 1\/5/,
  );
  assert.match(
    spoil((c) => (c.readStrategy[0]!.members = ['a'])),
    /is no read quorum/,
  );
  assert.match(
    spoil((c) => (c.readStrategy[0]!.probability = '1')),
    /do not add up to 1/,
  );
  assert.match(
    spoil((c) => (c.prices[0]![0] = '1')),
    /more than its probability/,
  );
  assert.match(
    spoil((c) => (c.prices[0] = ['0', '0', '0', '0'])),
    /prove 0\/1 only/,
  );
  assert.match(
    spoil((c) => (c.prices = [])),
    /one price a read fraction and node/,
  );
  assert.match(
    spoil((c) => (c.nodes[0]!.readCapacity = 5)),
    /the claim is|prove/,
  );
  assert.match(
    spoil((c) => (c.nodes[1]!.id = 'a')),
    /unknown|twice/,
  );
  assert.match(
    spoil((c) => {
      c.nodes.push({ id: 'a', readCapacity: 1000, writeCapacity: 1000 });
      c.prices[0]!.push('0');
    }),
    /"a" stands in the table twice/,
  );
});
