/** cost: bytes and FLOPs of a model from its config.json. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { reportProfile } from '../report.ts';
import { openProfile } from './trace-source.ts';

const LENGTHS = [100, 1000, 10_000, 30_000];

export async function run({ model }: { readonly model: string }, context: VerbContext): Promise<VerbResult> {
  const { profile } = await openProfile(model, context);
  return { ok: true, value: profile, report: reportProfile(profile, LENGTHS) };
}
