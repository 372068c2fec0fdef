/** max: the value with status, regime and certificate. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { reportSolution } from '../report.ts';
import { solveCancellably } from '../solve-in-worker.ts';
import type { Solution } from '../types.ts';
import { problemFromParams } from './problem-params.ts';
import type { ProblemParams } from './problem-params.ts';

interface MaxParams extends ProblemParams {
  readonly maxNodes: number;
  readonly timeLimitSec: number;
}

export async function run(params: MaxParams, context: VerbContext): Promise<VerbResult> {
  const { problem, notes } = problemFromParams(params);
  const { solution } = await solveCancellably(problem, {
    maxNodes: params.maxNodes,
    timeLimitSec: params.timeLimitSec,
    signal: context.signal,
    onProgress: (numNodes, best) => context.progress({ phase: 'search', done: numNodes, note: `best ${best}` }),
  });
  const noted: Solution = { ...solution, notes: [...notes, ...solution.notes] };
  return {
    ok: true,
    value: solutionJson(noted),
    report: reportSolution(noted),
    artifacts: [certificateArtifact(noted)],
  };
}

/** The answer as plain JSON; numbers that can exceed 2^53 are decimal strings. */
export function solutionJson(solution: Solution): Record<string, unknown> {
  const { status, regime, value, upper, labelled, numOrbits, certificate, notes } = solution;
  return {
    status,
    regime,
    value: String(value),
    upper: String(upper),
    ...(labelled === undefined ? {} : { labelled: String(labelled) }),
    ...(numOrbits === undefined ? {} : { numOrbits: String(numOrbits) }),
    certificate,
    notes,
  };
}

export function certificateArtifact(solution: Solution): { name: string; mediaType: string; bytes: Uint8Array } {
  return {
    name: 'certificate.json',
    mediaType: 'application/json',
    bytes: new TextEncoder().encode(JSON.stringify(solution.certificate, undefined, 1)),
  };
}
