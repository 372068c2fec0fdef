/** quorum federated: minimal quorums, intersection and blocking sets of a Stellar-like system. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { analyseFederated, parseStellarbeat } from '../quorum/federated.ts';

interface FederatedParams {
  readonly file: string;
}

const MAX_ROWS = 50;

export async function run(params: FederatedParams, context: VerbContext): Promise<VerbResult> {
  const nodes = parseStellarbeat(await readFile(resolve(context.workingFolder, params.file), 'utf8'), params.file);
  const analysis = analyseFederated(nodes, context.signal);
  const { minimalQuorums, blockingSets, hasIntersection, disjointPair } = analysis;
  const smallest = (sets: readonly (readonly string[])[]): number => Math.min(...sets.map((set) => set.length));
  return {
    ok: hasIntersection,
    value: analysis,
    report: {
      title: `Federated system ${params.file}`,
      verdict: hasIntersection
        ? {
            tone: 'good',
            text: `All ${minimalQuorums.length} minimal quorums meet; the smallest blocking set has ${smallest(blockingSets)} nodes.`,
          }
        : {
            tone: 'bad',
            text: disjointPair
              ? `Two quorums share no node: {${disjointPair[0].join(', ')}} and {${disjointPair[1].join(', ')}}.`
              : 'There is no quorum at all.',
          },
      blocks: [
        {
          kind: 'figures',
          figures: [
            { label: 'nodes', value: analysis.numNodes, format: 'count' },
            { label: 'largest quorum', value: analysis.largestQuorum.length, format: 'count' },
            { label: 'components with a quorum', value: analysis.coreComponents.length, format: 'count' },
            { label: 'minimal quorums', value: minimalQuorums.length, format: 'count' },
            { label: 'minimal blocking sets', value: blockingSets.length, format: 'count' },
          ],
        },
        setTable('Minimal quorums', minimalQuorums),
        setTable('Minimal blocking sets', blockingSets),
      ],
    },
  };
}

function setTable(caption: string, sets: readonly (readonly string[])[]) {
  const sorted = [...sets].sort((a, b) => a.length - b.length);
  return {
    kind: 'table' as const,
    caption: sorted.length > MAX_ROWS ? `${caption} (first ${MAX_ROWS} of ${sorted.length})` : caption,
    columns: [
      { key: 'size', label: 'size', format: 'count' as const },
      { key: 'members', label: 'members' },
    ],
    rows: sorted.slice(0, MAX_ROWS).map((set) => ({ size: set.length, members: set.join(', ') })),
  };
}
