/** How much evidence of each source is left after a stage. */
import type { Evidence, Source } from '../store/types.ts';

export function funnelOf(
  stage: string,
  items: readonly { readonly evidence: Evidence }[],
): { readonly stage: string; readonly bySource: Readonly<Record<Source, number>> } {
  const bySource: Record<Source, number> = { kb: 0, text: 0, table: 0, info: 0 };
  for (const { evidence } of items) bySource[evidence.source]++;
  return { stage, bySource };
}
