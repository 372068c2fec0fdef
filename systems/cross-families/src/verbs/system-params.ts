/** Params shared by the verbs on quorum systems. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { VerbContext } from '@tenfold/core/system';
import { familiesError } from '../families-errors.ts';
import { dual, nodesOf } from '../quorum/expression.ts';
import { createQuorumSystem, parseNodes, plainNodes } from '../quorum/nodes.ts';
import { parseExpression } from '../quorum/parse.ts';
import type { QuorumNode, QuorumSystem } from '../quorum/types.ts';

export interface SystemParams {
  readonly reads: string;
  readonly writes: string;
  readonly nodes: string;
}

/** Reads the node table, or undefined where none is named. */
export async function nodesFromParams(path: string, context: VerbContext): Promise<QuorumNode[] | undefined> {
  if (path === '') return undefined;
  return parseNodes(await readFile(resolve(context.workingFolder, path), 'utf8'), path);
}

/** Builds the system from expressions; one side alone gives the other as its dual.
 *  @throws TF-FAMILIES-010 without any expression */
export async function systemFromParams(params: SystemParams, context: VerbContext): Promise<QuorumSystem> {
  if (params.reads === '' && params.writes === '')
    throw familiesError('TF-FAMILIES-010', {
      subject: 'systemFromParams',
      expected: 'reads or writes',
      actual: 'neither',
      hints: ["Give --reads 'a*b + c*d' or --writes."],
    });
  const writes = params.writes === '' ? undefined : parseExpression(params.writes);
  const reads = params.reads === '' ? dual(writes!) : parseExpression(params.reads);
  const nodes =
    (await nodesFromParams(params.nodes, context)) ??
    plainNodes(
      [...new Set([...nodesOf(reads), ...(writes ? nodesOf(writes) : [])])].sort((a, b) =>
        a.localeCompare(b, 'en', { numeric: true }),
      ),
    );
  return createQuorumSystem(nodes, reads, writes ?? dual(reads));
}
